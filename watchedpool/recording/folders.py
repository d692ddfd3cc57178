"""Temporary folders for recordings: they go with their process, or after a kill with the next one.

Standard library only: a worker imports it.
"""

import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows has no such lock: what a killed process left there stays
    fcntl = None

FOLDER = "a-watched-pool-"
YOUNG = 60.0  # seconds; the process that made a younger folder may not have locked it yet
_roots: dict[int, str] = {}  # per process, the locked folder that all of its others are in
_locks: dict[
    str, tuple[int, os.stat_result]
] = {}  # an open file per root; forked workers have it open, too


def make_folder() -> str:
    """Return the path of a new temporary folder; raise OSError where none can be made.

    All folders of a process are in one, so that one open file is enough to lock them.
    """
    process = os.getpid()
    while True:
        if process not in _roots:
            _roots[process] = _make_root()
        try:
            return tempfile.mkdtemp(prefix="lanes-", dir=_roots[process])
        except FileNotFoundError:  # the last one was removed, and the root with it
            _roots.pop(process, None)


def remove_folder(folder: str) -> None:
    """Remove a folder that `make_folder` has made; if it has gone, do nothing."""
    shutil.rmtree(folder, ignore_errors=True)
    root = os.path.dirname(folder)
    with suppress(OSError):  # others are in it
        os.rmdir(root)
        if root in _locks:
            _close(*_locks.pop(root))


def _close(file: int, status: os.stat_result) -> None:
    """Close an open folder, unless the program has closed it, and the number is another file's."""
    with suppress(OSError):
        if os.path.samestat(os.fstat(file), status):
            os.close(file)


def _temporary_folder() -> str:
    """Return where temporary files go now; the program may still choose another place."""
    before = tempfile.tempdir
    try:
        return tempfile.gettempdir()  # which keeps its answer in `tempfile.tempdir`
    finally:
        tempfile.tempdir = before


def _make_root() -> str:
    """Return a new locked folder, after removing those of killed processes."""
    if fcntl:
        for left in Path(_temporary_folder()).glob(FOLDER + "*"):
            with suppress(OSError):  # in use, another user's, or gone already
                if time.time() - left.stat().st_mtime > YOUNG:
                    os.close(_lock(left))
                    shutil.rmtree(left, ignore_errors=True)
    root = tempfile.mkdtemp(prefix=FOLDER, dir=_temporary_folder())
    if fcntl:
        with suppress(OSError):  # some network drives have no locks
            file = _lock(root)
            _locks[root] = file, os.fstat(file)
    return root


def _lock(folder: str | Path) -> int:
    """Return `folder` as an open and locked file; raises OSError where another process has it."""
    file = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        raise
    return file
