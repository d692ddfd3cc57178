"""Run lessons and store their outputs: python3 lab.py run [notebooks]

Stored outputs are documentation that the tests compare. So what changes from run to run, or
from machine to machine, is stored only if it is an output: no times, no state of widgets, no
Python version, no path. What the author chose (cells, ids, tags) stays.
"""

import os
import sys
import time
import warnings
from base64 import b64decode
from itertools import count
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, CellExecutionError, DeadKernelError

ROOT = Path(__file__).resolve().parents[2]
WIDGET = "application/vnd.jupyter.widget-view+json"
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
HERO = "04-why-ordered-bars-lag.ipynb"  # the README shows this lesson's first picture
LEFT_BY_TOOLS = ("ExecuteTime", "execution", "scrolled", "slideshow", "trusted")


class NotStored(Exception):
    """Raised with the reason, in one line, why a notebook was not changed."""


def read(path):
    """Return the notebook at `path`, with an id for each cell.

    nbformat.read would give each cell without an id a different random one each time. Raises
    NotStored if the file is not a notebook.
    """
    try:
        notebook = nbformat.v4.reads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, AttributeError, KeyError) as error:
        raise NotStored(f"cannot be read as a notebook ({error})") from error
    if notebook.get("nbformat") != 4:
        raise NotStored("is not a notebook in format 4; open it in JupyterLab and save it")
    notebook.nbformat_minor = 5  # the first with ids
    taken, seen = {cell.get("id") for cell in notebook.cells}, set()
    for position, cell in enumerate(notebook.cells, 1):
        if cell.get("id") is None or cell.id in seen:
            names = (f"cell-{number:02}" for number in count(position))
            cell.id = next(name for name in names if name not in taken)
            taken.add(cell.id)
        seen.add(cell.id)
    return notebook


def execute(notebook, folder, timeout):
    """Run every cell in a new kernel; raise NotStored if a cell fails that should not."""
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=False,
        resources={"metadata": {"path": str(folder)}},
        extra_arguments=["--IPKernelApp.log_level=CRITICAL"],
    )
    number = 0
    try:
        # client.execute() would report Ctrl-C as a dead kernel.
        with client.setup_kernel():
            for number, cell in enumerate(notebook.cells, 1):
                client.execute_cell(cell, number - 1)
    except CellExecutionError as error:
        reason = f"{error.ename}: {error.evalue}".splitlines()[0]
    except DeadKernelError:
        reason = "the kernel died"
    except (CellControlSignal, TimeoutError):
        reason = f"not done after {timeout} s"
    else:
        return
    raise NotStored(f"cell {number}: {reason}")


def last_look(text):
    """Return `text` as a terminal leaves it: `\\r` begins the same line again, as bars do."""
    lines = []
    for line in text.split("\n"):
        look = ""
        for part in line.split("\r"):
            look = part + look[len(part) :]
        lines.append(look.rstrip(" ") if "\r" in line else look)
    return "\n".join(lines)


def without_home(line):
    """Return a part of a traceback without the folders of this machine."""
    for folder in (str(ROOT), sys.base_prefix):
        line = line.replace(folder + os.sep, "")
        if folder.startswith(str(Path.home())):  # which IPython writes as ~
            line = line.replace("~" + folder.removeprefix(str(Path.home())) + os.sep, "")
    return line


def settle(outputs):
    """Return `outputs` as a reader should see them: without widgets, and lines as they end."""
    settled = []
    for output in outputs:
        output.get("data", {}).pop(WIDGET, None)
        if output.get("data") == {}:
            continue
        last = settled[-1] if settled else {}
        if output.output_type == "stream" and output.name == last.get("name"):
            last.text += output.text
            continue
        if output.output_type == "error":
            output.traceback = [without_home(line) for line in output.traceback]
        settled.append(output)
    for output in settled:
        if output.output_type == "stream":
            output.text = last_look(output.text)
            if output.name == "stderr":  # a worker's traceback
                output.text = without_home(output.text)
    return [output for output in settled if output.get("text") != ""]


def tidy(notebook):
    """Remove from an executed notebook what would change on the next run though outputs do not."""
    notebook.metadata = nbformat.from_dict(METADATA)
    numbers = count(1)
    for cell in notebook.cells:
        for key in LEFT_BY_TOOLS:
            cell.metadata.pop(key, None)
        if cell.cell_type == "code":
            ran = bool(cell.source.strip())
            cell.execution_count = next(numbers) if ran else None
            cell.outputs = settle(cell.outputs) if ran else []
            for output in cell.outputs:
                if output.output_type == "execute_result":
                    output.execution_count = cell.execution_count


def write(notebook, path):
    """Write the notebook in one step: nobody can read half of it, also after a crash."""
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        raise NotStored(f"is not a valid notebook ({str(error).splitlines()[0]})") from error
    text = nbformat.v4.writes(notebook) + "\n"
    half = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        half.write_text(text, encoding="utf-8", newline="\n")
        half.chmod(path.stat().st_mode)
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)


def store(path, timeout=60):
    """Run the notebook at `path` and store its outputs in it.

    Raises NotStored, and changes nothing, if that is not possible.
    """
    path = Path(path).resolve()
    notebook = read(path)
    execute(notebook, path.parent, timeout)
    tidy(notebook)
    write(notebook, path)
    if path == ROOT / "notebooks" / HERO:
        moving, still = first_replay(notebook)
        (path.parent / "pictures" / "lag.svg").write_bytes(moving)
        (path.parent / "pictures" / "lag.png").write_bytes(still)


def first_replay(notebook):
    """Return the first picture that moves, as an SVG file, and the still one beside it, a PNG."""
    data = "data:image/svg+xml;base64,"
    outputs = (output for cell in notebook.cells for output in cell.get("outputs", ()))
    for bundle in (output.get("data", {}) for output in outputs):
        if data in (page := bundle.get("text/html", "")):
            moving = page.partition(data)[2].partition('"')[0]
            return b64decode(moving), b64decode(bundle["image/png"])
    raise NotStored(f"{HERO} has no picture that moves")


def main(names):
    """Store the outputs of the named lessons, or of all; return 1 at the first that fails."""
    for name in names or sorted(ROOT.glob("notebooks/*.ipynb")):
        begin = time.perf_counter()
        print(f"{name}: ", end="", flush=True)
        try:
            store(name)
        except NotStored as reason:
            print("not stored", flush=True)
            print(f"{name}: {reason}; nothing was stored", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("stopped, nothing was stored", flush=True)
            return 130
        print(f"stored in {time.perf_counter() - begin:.0f} s")
    return 0


if __name__ == "__main__":
    # pyzmq says this on Windows, and works all the same.
    warnings.filterwarnings("ignore", message="Proactor event loop")
    sys.exit(main(sys.argv[1:]))
