"""Run the cells of a lesson in a kernel with one core and a gibibyte that leaves nothing behind."""

import os
import sys
import threading
from contextlib import contextmanager, nullcontext, suppress

import nbval.plugin
import psutil
from leftovers import DEADLINE, children, take_away_folders

JUPYTER = 160 * 2**20  # bytes; JupyterLab's server takes up to this much of the gibibyte
MOST_BYTES = 2**30 - JUPYTER


class WatchedKernel(nbval.plugin.RunningKernel):
    """nbval's kernel on a small machine, which must leave nothing after the last cell."""

    small = True

    def __init__(self, *args, **kwargs):
        # With this variable, ipykernel does not catch what subprocesses print. In Jupyter it does.
        test = os.environ.pop("PYTEST_CURRENT_TEST")
        self.notebook = test.split("::")[0]
        try:
            with one_core() if self.small else nullcontext():
                super().__init__(*args, **kwargs)
        finally:
            os.environ["PYTEST_CURRENT_TEST"] = test
        self.memory = Memory(psutil.Process(self.km.provisioner.pid))

    def stop(self):
        """Stop the kernel; fail if it leaves a process or a folder of the recorder's."""
        peak = self.memory.stop()
        started = kernel = psutil.Process(self.km.provisioner.pid)
        cores = len(started.cpu_affinity()) if hasattr(started, "cpu_affinity") else None
        if os.name == "nt" and sys.prefix != sys.base_prefix:
            # In a venv on Windows, python.exe only starts the real Python and waits for it.
            kernel = next(child for child in started.children() if "python" in child.name())
        _, alive = psutil.wait_procs(children(kernel), timeout=DEADLINE)
        left = [str(item) for item in [*alive, *take_away_folders()]]
        process_tree = [started, *started.children(recursive=True)]
        self.kc.stop_channels()
        self.km.shutdown_kernel()  # as JupyterLab does; nbval would kill it and leave semaphores
        del self.km
        for process in alive:
            with suppress(psutil.Error):  # on Windows, it does not end with its kernel
                process.kill()
        _, survivors = psutil.wait_procs(process_tree, timeout=DEADLINE)
        left += [str(process) for process in survivors]
        assert not left, f"{self.notebook} leaves {', '.join(left)}"
        if self.small and sys.platform == "linux":
            assert cores == 1, f"{self.notebook} ran on {cores} cores"
            assert peak, f"the memory of {self.notebook} was not measured"
        memory = f"{self.notebook} takes {peak / 2**20:.0f} MiB of {MOST_BYTES / 2**20:.0f}"
        print(memory)
        assert peak <= MOST_BYTES or not self.small, memory


@contextmanager
def one_core():
    """Bind what is started to one core, if the system can. From Python 3.13, Python counts one."""
    os.environ["PYTHON_CPU_COUNT"] = "1"
    can = hasattr(os, "sched_setaffinity")
    cores = sorted(os.sched_getaffinity(0)) if can else [0]
    # Notebooks that run in parallel have a core each, as far as there are enough.
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
    """Measures five times per second how much memory a process tree takes."""

    def __init__(self, head):
        self.head = head
        self.peak = 0
        self.stopped = threading.Event()
        self.measuring = threading.Thread(target=self.measure, daemon=True)
        self.measuring.start()

    def measure(self):
        """Measure until `stopped` is set. A page that n processes share counts 1/n for each."""
        while not self.stopped.wait(0.2):
            total = 0
            with suppress(psutil.Error):  # the head has ended
                for process in [self.head, *self.head.children(recursive=True)]:
                    with suppress(psutil.Error):
                        total += getattr(process.memory_full_info(), "pss", 0)
            self.peak = max(self.peak, total)

    def stop(self):
        """Stop measuring; return the most bytes at one time, or 0 if the system does not say."""
        self.stopped.set()
        self.measuring.join()
        return self.peak
