"""One browser for the tests of a file, and one JupyterLab where they ask for it.

Both end with the file: other tests come after it, which find no process and no event loop.
"""

import shutil

import psutil
import pytest
from browsing import HOW, ROOT, Lab, chromium
from leftovers import DEADLINE, take_away_folders


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
