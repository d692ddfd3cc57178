"""Temporary folders for recordings: each goes with its process, and after a kill with the next one.

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

FOLDER = "a-watched-pool-lanes-"
YOUNG = 60.0  # seconds; who made a younger one may not have locked it yet
_locks: dict[str, int] = {}  # an open file a folder; forked workers hold it, too


def make_folder() -> str:
    """Return the path of a new temporary folder, after removing those of killed processes.

    Raises OSError where none can be made.
    """
    if fcntl:
        for left in Path(tempfile.gettempdir()).glob(FOLDER + "*"):
            with suppress(OSError):  # in use, another user's, or gone already
                if time.time() - left.stat().st_mtime > YOUNG:
                    os.close(_lock(left))
                    shutil.rmtree(left, ignore_errors=True)
    folder = tempfile.mkdtemp(prefix=FOLDER)
    if fcntl:
        with suppress(OSError):  # some network drives have no locks
            _locks[folder] = _lock(folder)
    return folder


def remove_folder(folder: str) -> None:
    """Remove a folder that `make_folder` has made; where it has gone, do nothing."""
    shutil.rmtree(folder, ignore_errors=True)
    if folder in _locks:
        os.close(_locks.pop(folder))


def _lock(folder: str | Path) -> int:
    """Return `folder` as an open and locked file; raises OSError where another process has it."""
    file = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        raise
    return file
