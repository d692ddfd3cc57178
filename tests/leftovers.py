"""Find what a test must not leave: processes, and folders of the recorder's."""

import shutil
import tempfile
from pathlib import Path

import psutil

from watchedpool.recording.folders import FOLDER

DEADLINE = 60  # seconds; what takes longer hangs, also on a busy machine
HELPERS = ("multiprocessing.forkserver", "multiprocessing.resource_tracker")


def children(parent):
    """Return the processes below `parent` without multiprocessing's own helper processes."""
    below = parent.children(recursive=True)
    return [child for child in below if not is_helper(child, parent)]


def is_helper(child, parent):
    """Return whether `child` is a helper process: a child of it has the same command line."""
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
