"""Run programs of which the truth is known under the watch: python tests/authors/known_truth.py

Prints a table: what is wanted, the first finding, the gain that was predicted, and for programs
that have a changed version (`CHANGED` in them) the gain that was measured. Options are names of
programs; without any, all run.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

PROGRAMS = Path(__file__).parents[1] / "watchedpool" / "known_truth"
LONGEST = 60  # seconds


class Result(NamedTuple):
    """What was found: names, the seconds of the first, the seconds that the program took."""

    wanted: str
    found: list[str]
    gain: float
    took: float
    report: str

    @property
    def right(self) -> bool:
        return self.found[:1] == [self.wanted]


def wanted(program):
    """Return the finding that a program must get."""
    return re.match("# wanted: (.*)", program.read_text(encoding="utf-8"))[1]


def watch(program, *arguments):
    """Run a program under the watch."""
    with TemporaryDirectory() as folder:
        output = Path(folder, "run.json")
        command = [sys.executable, "-m", "watchedpool", "-o", str(output), str(program)]
        done = subprocess.run(
            [*command, *arguments], capture_output=True, text=True, timeout=LONGEST
        )
        if not output.exists():
            return Result(wanted(program), ["no file"], 0, 0, done.stdout + done.stderr)
        found = json.loads(output.read_text(encoding="utf-8")).get("findings", [])
    took = float(done.stdout.split()[-1]) if done.stdout.split() else 0.0
    seconds = found[0]["seconds"] if found else 0.0
    names = [finding["name"] for finding in found]
    return Result(wanted(program), names, seconds or 0.0, took, done.stderr)


def main(names):
    """Print the table."""
    programs = sorted(PROGRAMS.glob("*.py"))
    right = close = measured = 0
    chosen = [each for each in programs if not names or each.stem in names]
    for program in chosen:
        result = watch(program)
        right += result.right
        line = f"{'' if result.right else 'WRONG':6}{program.stem:24}{result.wanted:15}"
        line += f"{','.join(result.found):34}{result.gain:6.2f}"
        if re.search(
            r"if CHANGED|CHANGED else|=CHANGED|\* CHANGED|and not CHANGED",
            program.read_text(encoding="utf-8"),
        ):
            gain = result.took - watch(program, "changed").took
            is_close = abs(gain - result.gain) <= 0.2 * gain
            measured, close = measured + 1, close + is_close
            line += f"{gain:6.2f} of {result.took:.2f}{'' if is_close else '  off'}"
        print(line, flush=True)
        if names:
            print(result.report)
    print(f"{right} of {len(chosen)} right; {close} of {measured} predicted gains within 20%")


if __name__ == "__main__":
    main(sys.argv[1:])
