"""keep_keys(): a key that is pressed on one of our controls works there, and not in JupyterLab.

JupyterLab sees a key before the control does: an arrow key would leave the cell or fold a section,
and the letters `d d` would delete the cell.
"""

from html import escape

import ipywidgets as widgets

# JupyterLab ignores a key if the focused element has the attribute data-lm-suppress-shortcuts. It
# still receives the keys that run the cell or save the notebook (Shift+Enter, Ctrl+S). ipywidgets
# does not join radio buttons into a group, and without a group the arrow keys do nothing. A number
# is selected when it gets the focus, so that a typed number replaces it.
_SCRIPT = """if (!window.watchedKeys) {
    window.watchedKeys = true;
    window.addEventListener('keydown', event => {
        if (!event.target.closest?.('.watched-keys')) return;
        const forJupyter = event.ctrlKey || event.altKey || event.metaKey
            || event.shiftKey && event.key == 'Enter';
        event.target.toggleAttribute('data-lm-suppress-shortcuts', !forJupyter);
    }, true);
    window.addEventListener('focusin', ({target}) => {
        if (!target.closest?.('.watched-keys')) return;
        const group = target.closest('.widget-radio')?.querySelectorAll('input') ?? [];
        const name = group[0]?.name || String(Math.random());
        group.forEach(button => button.name = name);
    });
    for (const event of ['focusin', 'click']) window.addEventListener(event, ({target}) => {
        const number = target.closest?.('.watched-keys [contenteditable]');
        if (number) getSelection().selectAllChildren(number);
    });
}"""


def keep_keys(box: widgets.Box) -> None:
    """Let the controls in `box` receive the keys that are pressed on them.

    The notebook keeps the combinations with Ctrl, Alt or Meta, and Shift+Enter.
    """
    box.add_class("watched-keys")
    # A script element that is inserted into a page does not run, but the onload of a style does.
    script = f'<style onload="{escape(_SCRIPT)}"></style>'
    box.children = [*box.children, html(script, display="none")]


def html(text: str = "", **layout: str) -> widgets.HTML:
    """Return a widget of HTML. Without a tooltip of its own, it would have the tooltip "null"."""
    return widgets.HTML(text, tooltip="", layout=layout)
