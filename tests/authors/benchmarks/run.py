"""Measure the speed and memory that the project promises. By hand: python3 lab.py bench [names].

Prints one row per figure, and exits 1 if one is not as wanted. A new benchmark is a function that
yields rows (see measuring.py). It belongs in the module of its subject, and in BENCHMARKS here.
"""

import sys

from drawing import draw_live, draw_many_tasks, move_a_slider
from measuring import Row
from predicting import predict_many
from recording import read_a_million
from whole_programs import watch_whole_programs

BENCHMARKS = [
    watch_whole_programs,
    read_a_million,
    predict_many,
    draw_many_tasks,
    move_a_slider,
    draw_live,
]


def main(names: list[str]) -> int:
    """Run the benchmarks of these names, or all; return the exit code."""
    known = {benchmark.__name__: benchmark for benchmark in BENCHMARKS}
    if unknown := [name for name in names if name not in known]:
        print(f"no benchmark {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    print(Row("benchmark", "figure", "wanted", "ok"))
    missed = 0
    for name in names or known:
        for row in known[name]():
            print(row, flush=True)
            missed += row.ok == "NO"
    if missed:
        print(f"{missed} not as wanted")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
