"""CPython's own tests of Pool hold for WatchedPool, under every start method."""

import importlib.util
import multiprocessing
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
CASES = [
    "WithProcessesTestPool",
    "WithProcessesTestPoolWorkerErrors",
    "WithProcessesTestPoolWorkerLifetime",
    "TestPoolNotLeakOnFailure",
    "TestInitializers.test_pool_initializer",
    "TestStdinBadfiledescriptor.test_pool_in_process",
]
pytestmark = pytest.mark.skipif(
    not importlib.util.find_spec("test")
    or not importlib.util.find_spec("test._test_multiprocessing"),
    reason="this Python comes without its `test` package (Debian: libpython3-testsuite)",
)


@pytest.mark.one_start_method
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize("case", CASES)
def test_cpython(case, method, tmp_path):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} here")
    if method == "fork" and sys.platform == "darwin":
        pytest.skip("fork may crash on macOS (https://bugs.python.org/issue33725)")
    done = subprocess.run(
        [sys.executable, TESTS / "cpython_pool.py", method, case],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(TESTS.parents[1])},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
    assert re.search(r"^Ran [1-9]\d* test", done.stdout, re.MULTILINE), done.stdout
    assert "a WatchedPool" in done.stdout
    assert "Dangling" not in done.stdout, done.stdout
