import multiprocessing as mp
import os
import sys
from pathlib import Path


def write(number):
    Path(f"{number}.txt").write_text(str(number) * number)
    return Path.cwd().name


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    os.mkdir("results")
    os.chdir("results")
    with mp.Pool(2) as pool:
        print(pool.map(write, range(4)))
    os.chdir("..")
    print(sorted(path.name for path in Path("results").iterdir()), __file__)
