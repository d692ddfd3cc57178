"""What a test may leave: no process, and no folder of the recorder's."""

import shutil
import tempfile
from pathlib import Path

import psutil

from helpers.recording.folders import FOLDER

HELPERS = ("multiprocessing.forkserver", "multiprocessing.resource_tracker")


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
