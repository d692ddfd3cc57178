"""Say for every test and every notebook where and when it runs, and check that it leaves nothing.

This file is in the project's root, because pytest reads it for `lab.py test notebooks/...` too.
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

MEASURES = "This test measures time: `lab.py test` runs it alone. A busy machine can make it fail."
WAITS = "This test waits or computes: `lab.py test` runs it in parallel with others."
DIFFERS = "Lessons measure time: if nothing else failed in parallel, this one runs again, alone."
KIND = "which kind"
AGAIN = "These lessons differed in parallel. They run again, alone, and that result counts:"
BROWSER = "tests/browser/"
SHARING = (BROWSER, "tests/lessons/test_export.py")  # one browser at a time, one export
# In parallel, long tests begin first: what begins last must be short.
ORDER = [
    *SHARING,
    "notebooks/",
    "tests/helpers/test_exercises.py",
    "tests/project/test_lab.py",
    "tests/lessons/test_lesson_10.py",
    "tests/watchedpool/test_dask.py",
    "tests/watchedpool/test_cli.py",
    "tests/helpers/test_controls.py",
    "tests/lessons/",
    "",
]


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
    """Keep in one process what shares a file (a notebook has one kernel) or the browser."""
    from xdist.scheduler import LoadScopeScheduling

    class ByPlace(LoadScopeScheduling):
        def _split_scope(self, nodeid):  # noqa: ANN202
            place = nodeid.split("::")[0]
            return BROWSER if place.startswith(SHARING) else place

    return ByPlace(config, log)


def pytest_collection_modifyitems(config, items):
    """Sort the tests; leave out those for other start methods; compare only what can be equal."""
    items.sort(key=lambda item: rank(item.nodeid))
    for item in items if os.name == "nt" else ():
        cell = getattr(item, "cell", None)  # of a notebook
        if cell and "posix-output" in cell.metadata.get("tags", []):
            item.options["check"] = False  # Windows has no signals and sessions
    method = config.getoption("--start-method") or multiprocessing.get_all_start_methods()[0]
    others = [item for item in items if is_for_another(item, method)]
    if others:
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in others]


def rank(place):
    """Return the position in ORDER of the first path that `place` begins with."""
    return next(i for i, begin in enumerate(ORDER) if place.startswith(begin))


def is_for_another(item, method):
    """Return whether `item` is for a start method other than `method`."""
    if not item.get_closest_marker("one_start_method"):
        return False
    return item.callspec.params["method"] != method


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """Make a failing test say of which kind it is."""
    report = yield
    if report.failed:
        kind = MEASURES if "measures" in item.keywords else WAITS
        # nbval sets this for a cell that differs. Later failures are about what a lesson leaves.
        differs = report.when == "call" and getattr(item, "comparison_traceback", None)
        report.sections.append((KIND, DIFFERS if differs else kind))
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)  # after everything that pytest prints itself
def pytest_sessionfinish(session):
    """If the only failures in parallel are lessons that differ, run these again, alone.

    Lessons measure time, but to run all of them alone would take six minutes. A lesson that raises
    an error or leaves something behind gets no second run.
    """
    yield
    config = session.config
    in_parallel = config.getoption("numprocesses", 0) and not hasattr(config, "workerinput")
    if not in_parallel or session.exitstatus != pytest.ExitCode.TESTS_FAILED:
        return
    results = config.pluginmanager.get_plugin("terminalreporter").stats
    wrong = results.get("failed", []) + results.get("error", [])
    if wrong and all((KIND, DIFFERS) in report.sections for report in wrong):
        lessons = sorted({report.nodeid.split("::")[0] for report in wrong})
        print(f"\n{AGAIN} {', '.join(lessons)}", flush=True)
        command = [sys.executable, "-m", "pytest", *lessons, *same_machine(config)]
        session.exitstatus = subprocess.run(command, cwd=config.rootpath, check=False).returncode


def same_machine(config):
    """Return the options that give another pytest the same start method and cores."""
    method = config.getoption("--start-method")
    return [
        *(["--start-method", method] if method else []),
        *(["--all-cores"] if config.getoption("--all-cores") else []),
    ]


@pytest.fixture(autouse=True)
def cleanup():
    """Fail a test that leaves a process, also a zombie, or a folder of the recorder's.

    multiprocessing's own two helper processes live as long as Python does.
    """
    me = psutil.Process()
    before = children(me)
    yield
    left = [*(set(children(me)) - set(before)), *take_away_folders()]
    assert not left, f"this test leaves {', '.join(map(str, left))}"


@pytest.fixture
def reaped():
    """Wait for the programs that a wrong answer, tested on purpose, has left running."""
    before = set(psutil.Process().children())  # multiprocessing's helper processes stay
    yield
    for child in set(psutil.Process().children()) - before:
        with suppress(psutil.Error):
            child.wait(5)


nbval.plugin.RunningKernel = WatchedKernel
