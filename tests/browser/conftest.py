"""One browser for the tests of a file, and one JupyterLab where they ask for it.

Both end with the file: other tests come after it, which find no process and no event loop.
"""

import shutil

import psutil
import pytest
from browsing import HOW, ROOT, Lab, chromium
from leftovers import DEADLINE, take_away_folders

# JupyterLab asks this again and again. While a kernel starts, jupyter_server 2.21 answers 500: that
# kernel has no `last_activity` yet (TraitError in `kernel_model`).
KERNELS = "/api/kernels?"
HARMLESS = (
    "Window name candidate",  # pages of JupyterLab that open at once agree who has which name
    "Could not restore the debugger state",  # of a notebook that was closed as soon as it was open
)


@pytest.fixture(scope="module")
def driver():
    with chromium() as driver:
        yield driver


@pytest.fixture(scope="module")
def browser(driver):
    browser = driver.launch(**HOW)
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def window(driver, tmp_path_factory):
    """A browser that keeps what it has loaded: each further page of JupyterLab is there sooner.

    Without motion: pictures that play would keep a core busy (test_replay_plays has them).
    """
    look = {"viewport": {"width": 1000, "height": 1400}, "reduced_motion": "reduce"}
    window = driver.launch_persistent_context(tmp_path_factory.mktemp("window"), **HOW, **look)
    yield window
    window.close()


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with Lab(tmp_path_factory.mktemp("lab")) as lab:
        shutil.copytree(ROOT / "notebooks", lab.root, dirs_exist_ok=True)
        yield lab


@pytest.fixture
def open_lesson(lab, window):
    """Give a function that begins to open a notebook of the lab and returns its page."""
    pages = []

    def open_lesson(name):
        page = window.new_page()
        pages.append(page)
        page.set_default_timeout(1000 * DEADLINE)
        page.errors = []

        def note(wrong, url, text):
            harmless = KERNELS in url or any(words in text for words in HARMLESS)
            if wrong and not harmless:
                page.errors.append(text)

        page.on("console", lambda line: note(line.type == "error", line.location["url"], line.text))
        page.on("response", lambda got: note(got.status >= 500, got.url, got.url))
        page.on("pageerror", lambda error: note(True, page.url, str(error)))
        page.goto(lab.page(name))
        return page

    yield open_lesson
    for page in pages:
        page.close()


@pytest.fixture(autouse=True)
def cleanup(request):
    """Stop what runs after a test. Fail it if that leaves a process or a folder of ours.

    In place of the fixture of this name for all tests: JupyterLab and the browser stay.
    """
    lab = request.getfixturevalue("lab") if "lab" in request.fixturenames else None
    yield
    left = [*(stop_kernels(lab) if lab else []), *take_away_folders()]
    assert not left, f"this test leaves {', '.join(map(str, left))}"


def stop_kernels(lab):
    """Stop what runs in JupyterLab; return the processes that go on."""
    descendants = lab.server.children(recursive=True)
    for session in lab.ask("sessions"):
        lab.ask(f"sessions/{session['id']}", "DELETE")
    _, alive = psutil.wait_procs(descendants, timeout=DEADLINE)
    return alive
