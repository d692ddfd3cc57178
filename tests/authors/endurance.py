"""Run lessons again and again on a busy machine.

By hand: .venv/bin/python tests/authors/endurance.py 20

The first argument is the number of runs; the others are lessons (without them, all lessons). A busy
loop per core runs at the same time. Prints one line per run, and exits 1 if a cell failed, or if a
run left a process or a file in its temporary folder. (tests/kernels.py looks for zombies itself.)
"""

import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
MARK = "A_WATCHED_POOL_RUN"  # a variable that a run's processes inherit, and orphans keep
HELPERS_END = 5  # seconds in which multiprocessing's own helper processes end after their kernel


def load(stack):
    """Start a busy loop for each core, until `stack` is closed."""
    for _ in range(os.cpu_count()):
        loop = subprocess.Popen([sys.executable, "-c", "while True: pass"])
        stack.callback(loop.wait)
        stack.callback(loop.kill)


def run(lesson, folder):
    """Run and compare the lesson's cells; return pytest's output, or "" if all passed.

    `folder` is where its temporary files go.
    """
    options = ["--quiet", "--tb=short", "--all-cores"]
    command = [sys.executable, "-m", "pytest", *options, str(lesson)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | dict.fromkeys(["TMPDIR", "TEMP", "TMP", MARK], folder),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
    )
    return done.stdout + done.stderr if done.returncode else ""


def processes_left(folder):
    """Kill the processes that the run in `folder` has left; return them as text."""
    marked = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):  # the process has just ended, or is another user's
            if process.environ().get(MARK) == folder:
                marked.append(process)
    _, alive = psutil.wait_procs(marked, timeout=HELPERS_END)
    left = [str(process) for process in alive]
    for process in alive:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(alive, timeout=HELPERS_END)
    return left


def main(arguments):
    """Run the lessons as often as asked; return the exit code."""
    if not arguments or not arguments[0].isdigit():
        print(__doc__, file=sys.stderr)
        return 2
    times = int(arguments[0])
    lessons = arguments[1:] or sorted(ROOT.glob("notebooks/[0-9]*.ipynb"))
    failures = processes = files = 0
    with ExitStack() as stack:
        load(stack)
        for turn in range(1, times + 1):
            for lesson in map(Path, lessons):
                begin = time.perf_counter()
                with tempfile.TemporaryDirectory() as folder:
                    output = run(lesson.resolve(), folder)
                    took = time.perf_counter() - begin
                    left = processes_left(folder)
                    found = [path.name for path in Path(folder).iterdir()]
                failures += bool(output)
                processes += len(left)
                files += len(found)
                verdict = "FAILED" if output else "LEFT SOMETHING" if left or found else "passed"
                print(f"{turn}/{times} {lesson.stem}: {verdict} in {took:.0f} s", flush=True)
                for line in filter(None, [output.strip(), *left, *found]):
                    print(line, flush=True)
    runs = times * len(lessons)
    print(f"{runs} runs: {failures} failures, {processes} processes left, {files} files left")
    return int(bool(failures or processes or files))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
