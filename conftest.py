"""What every test and every notebook is held to: no process and no folder of ours is left.

At the top, not in tests/, because pytest reads it for `lab.py test notebooks/...` too.
"""

# ruff: noqa: ANN001, ANN002, ANN003, ANN201, ANN204

import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
from contextlib import suppress
from multiprocessing.util import Finalize
from pathlib import Path

import nbval.plugin
import psutil
import pytest

from helpers.recording.recorder import FOLDER

HELPERS = ("multiprocessing.forkserver", "multiprocessing.resource_tracker")


def pytest_addoption(parser):
    """Add the choice of a start method."""
    parser.addoption(
        "--start-method",
        choices=multiprocessing.get_all_start_methods(),
        help="run every notebook with this default start method of multiprocessing",
    )


def pytest_configure(config):
    """Give this run a temporary folder and an IPython of its own: parallel runs do not meet."""
    scratch = tempfile.mkdtemp(prefix="w")
    # Not at the end of pytest: multiprocessing removes a folder of its own there, and later.
    Finalize(None, shutil.rmtree, (scratch, True), exitpriority=-200)
    # A shell has its background jobs ignore Ctrl-C, and so would every program the tests interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ["TMPDIR"] = tempfile.tempdir = scratch
    os.environ["IPYTHONDIR"] = str(Path(scratch, "ipython"))
    if method := config.getoption("--start-method"):
        startup = Path(scratch, "ipython", "profile_default", "startup")
        startup.mkdir(parents=True)
        code = f"import multiprocessing\nmultiprocessing.set_start_method({method!r})\n"
        (startup / "00-start-method.py").write_text(code)


def pytest_collection_modifyitems(items):
    """Where there are no signals and sessions, do not compare what cells say about them."""
    for item in items if os.name == "nt" else ():
        cell = getattr(item, "cell", None)  # of a notebook
        if cell and "posix-output" in cell.metadata.get("tags", []):
            item.options["check"] = False


@pytest.fixture(autouse=True)
def nothing_left():
    """Fail a test that leaves a process, also a dead one nobody asked after, or a folder of ours.

    multiprocessing's own two helpers live as long as Python does.
    """
    me = psutil.Process()
    before = children(me)
    yield
    left = [*(set(children(me)) - set(before)), *take_away_folders()]
    assert not left, f"this test leaves {', '.join(map(str, left))}"


@pytest.fixture
def reaped():
    """Wait for the programs that a wrong answer, tested on purpose, has left to nobody."""
    before = set(psutil.Process().children())  # multiprocessing's helpers live on
    yield
    for child in set(psutil.Process().children()) - before:
        with suppress(psutil.Error):
            child.wait(5)


class WatchedKernel(nbval.plugin.RunningKernel):
    """nbval's kernel, which must have cleaned up when the last cell of a notebook is done."""

    def __init__(self, *args, **kwargs):
        # With this variable ipykernel does not catch what subprocesses print: in Jupyter it does.
        test = os.environ.pop("PYTEST_CURRENT_TEST")
        self.notebook = test.split("::")[0]
        try:
            super().__init__(*args, **kwargs)
        finally:
            os.environ["PYTEST_CURRENT_TEST"] = test

    def stop(self):
        """Stop the kernel. Fail if it leaves a process or a folder of ours before or after."""
        started = kernel = psutil.Process(self.km.provisioner.pid)
        if os.name == "nt" and sys.prefix != sys.base_prefix:
            # In a venv on Windows, python.exe only starts the real Python and waits for it.
            kernel = next(child for child in started.children() if "python" in child.name())
        _, alive = psutil.wait_procs(children(kernel), timeout=2)
        left = [str(item) for item in [*alive, *take_away_folders()]]
        family = [started, *started.children(recursive=True)]
        self.kc.stop_channels()
        self.km.shutdown_kernel()  # as JupyterLab does; nbval kills it, and semaphores are left
        del self.km
        for process in alive:
            with suppress(psutil.Error):  # on Windows it does not end with its kernel
                process.kill()
        _, survivors = psutil.wait_procs(family, timeout=5)
        left += [str(process) for process in survivors]
        assert not left, f"{self.notebook} leaves {', '.join(left)}"


nbval.plugin.RunningKernel = WatchedKernel


def children(parent):
    """Return the processes below `parent` without multiprocessing's own helpers."""
    below = parent.children(recursive=True)
    return [child for child in below if not is_helper(child, parent)]


def is_helper(child, parent):
    """Tell whether `child` is a helper itself: a worker of the forkserver looks the same."""
    try:
        line = " ".join(child.cmdline())
        return child.ppid() == parent.pid and any(name in line for name in HELPERS)
    except psutil.Error:  # a zombie has no command line
        return False


def take_away_folders():
    """Remove the recorder's folders, so that the next test starts clean; return them."""
    folders = list(Path(tempfile.gettempdir()).glob(FOLDER + "*"))
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    return folders
