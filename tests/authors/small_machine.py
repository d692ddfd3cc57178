"""Run the cores of lessons in little memory: .venv/bin/python tests/authors/small_machine.py 04 10

Starts JupyterLab on one core, in a control group that holds it to 512 MiB. It opens a kernel for
each lesson and leaves it open. Prints the memory after each core, and how many processes Linux
killed because there was no more. Needs root, and Linux with the memory controller of cgroup v1.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from urllib.error import URLError
from urllib.request import Request, urlopen

from classroom import MEGABYTE, ROOT, core_cells, run_core
from jupyter_client import BlockingKernelClient

CONTROLLER = Path("/sys/fs/cgroup/memory")
PORT, TOKEN = 18899, "small"


class Group:
    """A control group of its own, with a limit of memory."""

    def __init__(self, megabytes):
        self.folder = CONTROLLER / f"small-machine-{os.getpid()}"
        self.folder.mkdir()
        (self.folder / "memory.limit_in_bytes").write_text(str(megabytes * MEGABYTE))

    def enter(self):
        """Move this process into the group, and onto one core."""
        (self.folder / "cgroup.procs").write_text(str(os.getpid()))
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

    def number(self, name, key):
        """Return the number behind a key in one of the group's files."""
        lines = (self.folder / name).read_text().splitlines()
        return int(dict(line.split() for line in lines)[key])

    def memory(self):
        """Return the MiB of its processes, without files that the system keeps in memory."""
        return self.number("memory.stat", "total_rss") / MEGABYTE

    def remove(self):
        """Kill what is left in the group, and remove it."""
        while left := (self.folder / "cgroup.procs").read_text().split():
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(int(pid), 9)
            time.sleep(0.1)
        self.folder.rmdir()


def ask(path, body=None):
    """Return what JupyterLab answers."""
    url, data = f"http://127.0.0.1:{PORT}/api/{path}", body and json.dumps(body).encode()
    with urlopen(Request(url, data, {"Authorization": f"token {TOKEN}"}), timeout=60) as answer:
        return json.load(answer)


@contextmanager
def jupyterlab(group, folder):
    """Run JupyterLab in the group until the block ends."""
    names = ("JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR")
    environment = os.environ | dict.fromkeys(names, folder) | {"JUPYTER_TOKEN": TOKEN}
    options = ["--no-browser", "--allow-root", f"--port={PORT}", "--ServerApp.port_retries=0"]
    with open(Path(folder) / "log", "wb") as log:
        lab = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options],
            cwd=ROOT,
            env=environment,
            preexec_fn=group.enter,
            stdout=log,
            stderr=log,
        )
    try:
        while True:
            with suppress(URLError):
                ask("status")
                break
            if lab.poll() is not None:
                raise RuntimeError((Path(folder) / "log").read_text()[-500:])
            time.sleep(0.2)
        yield
    finally:
        lab.terminate()
        lab.wait(30)


@contextmanager
def highest_memory(group):
    """Yield a list that holds the highest memory so far."""
    highest, ended = [0.0], Event()

    def watch():
        while not ended.wait(0.1):
            highest[0] = max(highest[0], group.memory())

    watcher = Thread(target=watch)
    watcher.start()
    try:
        yield highest
    finally:
        ended.set()
        watcher.join()


def run_lesson(group, lesson, folder):
    """Open a kernel, run a core in it, and print what happened. The kernel stays open."""
    kernel = ask("kernels", {"name": "python3", "path": "notebooks"})
    client = BlockingKernelClient(connection_file=f"{folder}/kernel-{kernel['id']}.json")
    client.load_connection_file()
    client.start_channels()
    try:
        with highest_memory(group) as highest:
            client.wait_for_ready(timeout=60)
            try:
                said = f"{run_core(client, core_cells(lesson), timeout=120):.0f} s"
            except (RuntimeError, TimeoutError) as error:
                said = f"FAILED ({error})"
    finally:
        client.stop_channels()
    killed = group.number("memory.oom_control", "oom_kill")
    print(f"{lesson}: {said}, {highest[0]:.0f} MiB at most, {killed} processes killed", flush=True)


def main(arguments):
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lessons", nargs="+", help="such as 04")
    parser.add_argument("--megabytes", type=int, default=512)
    options = parser.parse_args(arguments)
    if not os.access(CONTROLLER / "cgroup.procs", os.W_OK):
        parser.error(f"{CONTROLLER} cannot be written: this needs root, and cgroup v1")
    group = Group(options.megabytes)
    try:
        with tempfile.TemporaryDirectory() as folder, jupyterlab(group, folder):
            print(f"JupyterLab: {group.memory():.0f} MiB", flush=True)
            for lesson in options.lessons:
                run_lesson(group, lesson, folder)
    finally:
        group.remove()


if __name__ == "__main__":
    main(sys.argv[1:])
