"""What holds for every test and every notebook: where it runs, when, and that nothing is left.

At the top, not in tests/, because pytest reads it for `lab.py test notebooks/...` too.
"""

# ruff: noqa: ANN001, ANN201

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from multiprocessing.util import Finalize
from pathlib import Path

import hypothesis
import nbval.plugin
import psutil
import pytest
from kernels import WatchedKernel
from leftovers import children, take_away_folders

MEASURES = "It measures time: `lab.py test` runs it alone. A busy machine can make it fail."
WAITS = "It waits or computes: `lab.py test` runs it side by side with others."
DIFFERS = "A lesson measures: if no more than this failed beside others, it runs again, alone."
KIND = "which kind"
AGAIN = "These lessons differ beside others; now they run alone, which counts:"
BROWSER = "tests/browser/"
SHARING = (BROWSER, "tests/lessons/test_export.py")  # one browser at a time, one export
# Side by side, what takes long first: what begins last must be short.
ORDER = [
    *SHARING,
    "notebooks/",
    "tests/helpers/test_exercises.py",
    "tests/project/test_lab.py",
    "tests/lessons/test_lesson_10.py",
    "tests/helpers/test_dask.py",
    "tests/helpers/test_watch.py",
    "tests/helpers/test_widgets.py",
    "tests/lessons/",
    "",
]


def pytest_addoption(parser):
    """Add the choice of a start method, and of the machine."""
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
    """Give this run a temporary folder and an IPython of its own: parallel runs do not meet."""
    scratch = tempfile.mkdtemp(prefix="w")
    # Not at the end of pytest: multiprocessing removes a folder of its own there, and later.
    Finalize(None, shutil.rmtree, (scratch, True), exitpriority=-200)
    # A shell has its background jobs ignore Ctrl-C, and so would every program the tests interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ["TMPDIR"] = tempfile.tempdir = scratch
    os.environ["IPYTHONDIR"] = str(Path(scratch, "ipython"))
    # A busy machine is no error.
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
    """Keep together what shares something: a file (a notebook has one kernel), and the browser."""
    from xdist.scheduler import LoadScopeScheduling

    class ByPlace(LoadScopeScheduling):
        def _split_scope(self, nodeid):  # noqa: ANN202
            place = nodeid.split("::")[0]
            return BROWSER if place.startswith(SHARING) else place

    return ByPlace(config, log)


def pytest_collection_modifyitems(config, items):
    """Say in which order tests run, and which do not run at all, or are not compared."""
    items.sort(key=lambda item: rank(item.nodeid))
    for item in items if os.name == "nt" else ():
        cell = getattr(item, "cell", None)  # of a notebook
        if cell and "posix-output" in cell.metadata.get("tags", []):
            item.options["check"] = False  # there are no signals and sessions to tell of
    method = config.getoption("--start-method") or multiprocessing.get_all_start_methods()[0]
    others = [item for item in items if is_for_another(item, method)]
    if others:
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in others]


def rank(place):
    """Return where in ORDER the first path is that `place` begins with."""
    return next(i for i, begin in enumerate(ORDER) if place.startswith(begin))


def is_for_another(item, method):
    """Tell whether `item` runs under a start method that is not wanted now."""
    if not item.get_closest_marker("one_start_method"):
        return False
    return item.callspec.params["method"] != method


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """Have a failing test say of which kind it is."""
    report = yield
    if report.failed:
        kind = MEASURES if "measures" in item.keywords else WAITS
        # nbval's, of a lesson's cell. What is wrong after the call is what the lesson left.
        differs = report.when == "call" and getattr(item, "comparison_traceback", None)
        report.sections.append((KIND, DIFFERS if differs else kind))
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)  # after all that pytest says itself
def pytest_sessionfinish(session):
    """Where beside others nothing failed but that lessons differ, run these alone: that counts.

    Lessons measure, but all of them alone would take six minutes. What they raise and what they
    leave is judged the first time.
    """
    yield
    config = session.config
    beside_others = config.getoption("numprocesses", 0) and not hasattr(config, "workerinput")
    if not beside_others or session.exitstatus != pytest.ExitCode.TESTS_FAILED:
        return
    results = config.pluginmanager.get_plugin("terminalreporter").stats
    wrong = results.get("failed", []) + results.get("error", [])
    if wrong and all((KIND, DIFFERS) in report.sections for report in wrong):
        lessons = sorted({report.nodeid.split("::")[0] for report in wrong})
        print(f"\n{AGAIN} {', '.join(lessons)}", flush=True)
        command = [sys.executable, "-m", "pytest", *lessons, *same_machine(config)]
        session.exitstatus = subprocess.run(command, cwd=config.rootpath, check=False).returncode


def same_machine(config):
    """Return the options that give another pytest the start method and the cores of this one."""
    method = config.getoption("--start-method")
    return [
        *(["--start-method", method] if method else []),
        *(["--all-cores"] if config.getoption("--all-cores") else []),
    ]


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


nbval.plugin.RunningKernel = WatchedKernel
