"""Set up every run of pytest, and check that each test and each notebook leaves nothing.

This file is in the project's root, because pytest reads it for `lab.py test notebooks/...` too.
"""

# ruff: noqa: ANN001, ANN201

import multiprocessing
import os
import shutil
import signal
import tempfile
from contextlib import suppress
from multiprocessing.util import Finalize
from pathlib import Path

import hypothesis
import nbval.plugin
import psutil
import pytest
import pytest_rerunfailures
from kernels import WatchedKernel
from leftovers import DEADLINE, children, take_away_folders

LEAVES = "this test leaves"
RERUNS = 2  # of a test that measures time, and fails


def pytest_addoption(parser):
    """Add the options for the start method and the size of the machine."""
    parser.addoption(
        "--start-method",
        choices=multiprocessing.get_all_start_methods(),
        help="run notebooks, and CPython's tests of Pool, under this start method of "
        "multiprocessing instead of the default one",
    )
    parser.addoption(
        "--all-cores",
        action="store_true",
        help="let notebooks have all cores and memory, instead of one core and a gibibyte",
    )


def pytest_configure(config):
    """Give this run its own temporary folder and IPython, so that parallel runs share nothing."""
    scratch = tempfile.mkdtemp(prefix="w")
    # Later than the end of pytest: multiprocessing still removes a folder of its own then.
    Finalize(None, shutil.rmtree, (scratch, True), exitpriority=-200)
    # Background jobs of a shell ignore Ctrl-C; the programs that tests interrupt must not.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ["TMPDIR"] = tempfile.tempdir = scratch
    os.environ["IPYTHONDIR"] = str(Path(scratch, "ipython"))
    # A busy machine is not an error.
    no_clock = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
    hypothesis.settings.register_profile("no clock", **no_clock)
    hypothesis.settings.load_profile("no clock")
    WatchedKernel.small = not config.getoption("--all-cores")
    if method := config.getoption("--start-method"):
        startup = Path(scratch, "ipython", "profile_default", "startup")
        startup.mkdir(parents=True)
        code = f"import multiprocessing\nmultiprocessing.set_start_method({method!r})\n"
        (startup / "00-start-method.py").write_text(code)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Keep each file in one process: the cells of a notebook share a kernel."""
    from xdist.scheduler import LoadFileScheduling

    return LoadFileScheduling(config, log)


def pytest_collection_modifyitems(config, items):
    """Leave out tests for other start methods, sort the rest, and let measurements repeat."""
    method = config.getoption("--start-method") or multiprocessing.get_all_start_methods()[0]
    others = [item for item in items if is_for_another(item, method)]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if item not in others]
    items.sort(key=turn)
    for item in items:
        if item.get_closest_marker("measures"):
            # What a test leaves does not depend on the clock.
            item.add_marker(pytest.mark.flaky(reruns=RERUNS, rerun_except=LEAVES))
        cell = getattr(item, "cell", None)  # of a notebook
        if os.name == "nt" and cell and "posix-output" in cell.metadata.get("tags", []):
            item.options["check"] = False  # Windows has no signals and sessions


def turn(item):
    """Return when `item` has its turn: slow files first, so that none is left at the end."""
    if item.get_closest_marker("dask"):
        return 3
    if item.get_closest_marker("browser"):
        return 0
    return 1 if hasattr(item, "cell") else 2


def is_for_another(item, method):
    """Return whether `item` is for a start method other than `method`."""
    return bool(item.get_closest_marker("one_start_method")) and (
        item.callspec.params["method"] != method
    )


@pytest.fixture(autouse=True)
def cleanup():
    """Fail a test that leaves a process, also a zombie, or a folder of the recorder's.

    multiprocessing's own two helper processes live as long as Python does.
    """
    me = psutil.Process()
    before = children(me)
    yield
    left = [*(set(children(me)) - set(before)), *take_away_folders()]
    assert not left, f"{LEAVES} {', '.join(map(str, left))}"


@pytest.fixture
def reaped():
    """Wait for the programs that a wrong answer, tested on purpose, has left running."""
    before = set(psutil.Process().children())  # multiprocessing's helper processes stay
    yield
    for child in set(psutil.Process().children()) - before:
        with suppress(psutil.Error):
            child.wait(DEADLINE)


nbval.plugin.RunningKernel = WatchedKernel
# With xdist it would open a port, and start a thread that tests would fork: only for crashed tests.
pytest_rerunfailures.HAS_PYTEST_HANDLECRASHITEM = False
