# only fork

import multiprocessing as mp
import sys
from pathlib import Path

names = ("sysconfig", "pathlib", "mmap", "fcntl", "numpy", "clock", "queues")
if __name__ == "__main__":
    for name in names:
        Path(f"{name}.py").write_text(f"text = 'my own {name}'\n")


def own(name):
    return getattr(__import__(name), "text", "Python's")


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Pool(2) as pool:
        print(pool.map(own, ["sysconfig", "mmap", "pathlib"]))
    print([own(name) for name in names])
