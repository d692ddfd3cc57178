"""Temporary folders for recordings: they go with their process, or after a kill with the next one.

Standard library only: a worker imports it.
"""

import os
import time
from contextlib import suppress

# As they are now: a program may replace them, and notice whoever calls its own.
from os import access, close, fstat, mkdir, rmdir, scandir, unlink, urandom
from os import open as open_file

try:
    from fcntl import LOCK_EX, LOCK_NB, flock
except ImportError:  # Windows has no such lock: what a killed process left there stays
    flock = None

FOLDER = "a-watched-pool-"
ATTEMPTS = 10  # to empty a folder, in which workers that have not ended yet may make files
YOUNG = 60.0  # seconds; the process that made a younger folder may not have locked it yet
now = time.time
_roots: dict[int, str] = {}  # per process, the locked folder that all of its others are in
# An open file per root. Forked workers have it open, too.
_locks: dict[str, tuple[int, os.stat_result]] = {}


def make_folder() -> str:
    """Return the path of a new temporary folder; raise OSError where none can be made.

    All folders of a process are in one, so that one open file is enough to lock them.
    """
    process = os.getpid()
    while True:
        if process not in _roots:
            _roots[process] = _make_root()
        try:
            return _make_private(_roots[process], "lanes-")
        except FileNotFoundError:  # the last one was removed, and the root with it
            _roots.pop(process, None)


def remove_folder(folder: str) -> None:
    """Remove a folder that `make_folder` has made; if it has gone, do nothing."""
    _remove_all(folder)
    root = os.path.dirname(folder)
    with suppress(OSError):  # others are in it
        rmdir(root)
        if root in _locks:
            _close(*_locks.pop(root))


def _make_private(parent: str, prefix: str) -> str:
    """Return a new folder that only this user can read, and whose name nobody can guess."""
    folder = os.path.join(parent, prefix + urandom(8).hex())
    mkdir(folder, 0o700)
    return folder


def _remove_all(folder: str) -> None:
    """Remove a folder and what is in it, as far as that can be removed."""
    for _ in range(ATTEMPTS):
        with suppress(OSError):
            for entry in list(scandir(folder)):
                if entry.is_dir(follow_symlinks=False):
                    _remove_all(entry.path)
                else:
                    with suppress(OSError):
                        unlink(entry.path)
            rmdir(folder)
            return


def _close(file: int, status: os.stat_result) -> None:
    """Close an open folder, unless the program has closed it, and the number is another file's."""
    with suppress(OSError):
        if os.path.samestat(fstat(file), status):
            close(file)


def _temporary_folder() -> str:
    """Return where temporary files go now.

    `tempfile.gettempdir` would keep its answer, and the program may still choose another place.
    """
    import tempfile  # not earlier than multiprocessing itself: it imports much

    places = tempfile._candidate_tempdir_list()
    usable = (place for place in places if access(place, os.W_OK | os.X_OK))
    return tempfile.tempdir or next(usable, os.curdir)


def _make_root() -> str:
    """Return a new locked folder, after removing those of killed processes."""
    parent = _temporary_folder()
    if flock:
        for left in list(scandir(parent)):
            if left.name.startswith(FOLDER):
                with suppress(OSError):  # in use, another user's, or gone already
                    if now() - left.stat().st_mtime > YOUNG:
                        close(_lock(left.path))
                        _remove_all(left.path)
    root = _make_private(parent, FOLDER)
    if flock:
        with suppress(OSError):  # some network drives have no locks
            file = _lock(root)
            _locks[root] = file, fstat(file)
    return root


def _lock(folder: str) -> int:
    """Return `folder` as an open and locked file; raises OSError where another process has it."""
    file = open_file(folder, os.O_RDONLY)
    try:
        flock(file, LOCK_EX | LOCK_NB)
    except OSError:
        close(file)
        raise
    return file
