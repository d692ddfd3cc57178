"""Run CPython's own tests of Pool on WatchedPool: python cpython_pool.py START_METHOD [names]

A program of its own, because these tests set the start method of the whole process, and look for
threads and processes it has left. Every worker runs this file again, to find the test classes.
"""

import multiprocessing
import os
import sys
import unittest
from unittest import mock

from test import _test_multiprocessing as cpython

from watchedpool import WatchedPool


class LoudPool(WatchedPool):
    """Says that it is there, so that tests which never meet it do not pass."""

    def __init__(self, *args, **kwargs):
        os.write(1, b"a WatchedPool\n")
        super().__init__(*args, **kwargs)


multiprocessing.Pool = cpython.ProcessesMixin.Pool = LoudPool
in_its_own_module = mock.patch("multiprocessing.pool.Pool", LoudPool)
in_its_own_module(cpython.TestPoolNotLeakOnFailure)
cpython.install_tests_in_module_dict(globals(), sys.argv[1])

if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v", *sys.argv[2:]])
