"""The kernel that runs a lesson's cells: on one core, within a gibibyte, and nothing is left."""

import os
import sys
import threading
from contextlib import contextmanager, nullcontext, suppress

import nbval.plugin
import psutil
from leftovers import children, take_away_folders

JUPYTER = 160 * 2**20  # bytes; JupyterLab's server takes up to this much of the gibibyte
ROOM = 2**30 - JUPYTER


class WatchedKernel(nbval.plugin.RunningKernel):
    """nbval's kernel on a small machine, with nothing left when the last cell is done."""

    small = True

    def __init__(self, *args, **kwargs):
        # With this variable ipykernel does not catch what subprocesses print: in Jupyter it does.
        test = os.environ.pop("PYTEST_CURRENT_TEST")
        self.notebook = test.split("::")[0]
        try:
            with one_core() if self.small else nullcontext():
                super().__init__(*args, **kwargs)
        finally:
            os.environ["PYTEST_CURRENT_TEST"] = test
        self.memory = Memory(psutil.Process(self.km.provisioner.pid))

    def stop(self):
        """Stop the kernel. Fail if it leaves a process or a folder of ours before or after."""
        peak = self.memory.peak_until_now()
        started = kernel = psutil.Process(self.km.provisioner.pid)
        cores = len(started.cpu_affinity()) if hasattr(started, "cpu_affinity") else None
        if os.name == "nt" and sys.prefix != sys.base_prefix:
            # In a venv on Windows, python.exe only starts the real Python and waits for it.
            kernel = next(child for child in started.children() if "python" in child.name())
        _, alive = psutil.wait_procs(children(kernel), timeout=2)
        left = [str(item) for item in [*alive, *take_away_folders()]]
        family = [started, *started.children(recursive=True)]
        self.kc.stop_channels()
        self.km.shutdown_kernel()  # as JupyterLab does; nbval kills it, and semaphores are left
        del self.km
        for process in alive:
            with suppress(psutil.Error):  # on Windows it does not end with its kernel
                process.kill()
        _, survivors = psutil.wait_procs(family, timeout=5)
        left += [str(process) for process in survivors]
        assert not left, f"{self.notebook} leaves {', '.join(left)}"
        if self.small and sys.platform == "linux":
            assert cores == 1, f"{self.notebook} ran on {cores} cores"
            assert peak, f"nobody saw how much memory {self.notebook} takes"
        room = f"{self.notebook} takes {peak / 2**20:.0f} MiB; it has {ROOM / 2**20:.0f}"
        print(room)
        assert peak <= ROOM or not self.small, room


@contextmanager
def one_core():
    """Bind what is started to one core, where the system can; Python 3.13 counts one there."""
    os.environ["PYTHON_CPU_COUNT"] = "1"
    can = hasattr(os, "sched_setaffinity")
    cores = sorted(os.sched_getaffinity(0)) if can else [0]
    # Notebooks that run side by side have a core each, as far as there are enough.
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    try:
        if can:
            os.sched_setaffinity(0, {cores[number % len(cores)]})
        yield
    finally:
        if can:
            os.sched_setaffinity(0, cores)
        del os.environ["PYTHON_CPU_COUNT"]


class Memory:
    """Looks five times a second how much memory a process and all below it have."""

    def __init__(self, head):
        self.head = head
        self.peak = 0
        self.over = threading.Event()
        self.looking = threading.Thread(target=self.look, daemon=True)
        self.looking.start()

    def look(self):
        """Look until it is over. A page that n processes share counts 1/n for each."""
        while not self.over.wait(0.2):
            total = 0
            with suppress(psutil.Error):  # it has ended
                for process in [self.head, *self.head.children(recursive=True)]:
                    with suppress(psutil.Error):
                        total += getattr(process.memory_full_info(), "pss", 0)
            self.peak = max(self.peak, total)

    def peak_until_now(self):
        """Return the most bytes that were seen, and look no longer; 0 where only Linux can tell."""
        self.over.set()
        self.looking.join()
        return self.peak
