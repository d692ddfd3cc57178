"""Programs that know nothing of us, each as people write it (from public answers, written anew).

Each takes its start method as an argument. Beside it is something that is to be said of each pool
it makes.
"""

HEAD = "import multiprocessing as mp, sys, time\n"
MAIN = "\nif __name__ == '__main__':\n    mp.set_start_method(sys.argv[1])\n"

PROGRAMS = {
    "tqdm over imap": (
        """
from tqdm import tqdm
def square(a):
    time.sleep((8 - a) * 0.1)
    return a * a
MAIN
    with mp.Pool(4) as pool:
        print(list(tqdm(pool.imap(square, range(8)), total=8)))
""",
        ["Results in order hide finished tasks"],
    ),
    "starmap over zip": (
        """
def power(base, exponent):
    time.sleep(0.1)
    return base**exponent
MAIN
    with mp.Pool(processes=2) as pool:
        print(pool.starmap(power, zip(range(8), range(8))))
""",
        ["8 tasks on 2 workers"],
    ),
    "process_map": (
        """
from tqdm.contrib.concurrent import process_map
def square(a):
    time.sleep((8 - a) * 0.1)
    return a * a
MAIN
    print(process_map(square, range(8), max_workers=4, chunksize=1))
""",
        ["more until the bar was drawn. (lesson 04)"],
    ),
    "threads that fetch": (
        """
from multiprocessing.pool import ThreadPool
def fetch(name):
    time.sleep(0.2)
    return len(name)
MAIN
    names = ["a", "bb", "ccc", "dddd", "eeeee", "ffffff"]
    with ThreadPool(3) as pool:
        print(sorted(pool.imap_unordered(fetch, names)))
""",
        ["6 tasks on"],
    ),
    "executor in chunks": (
        """
from concurrent.futures import ProcessPoolExecutor
def square(a):
    time.sleep(0.1)
    return a * a
MAIN
    with ProcessPoolExecutor(max_workers=2) as executor:
        print(list(executor.map(square, range(16), chunksize=4)))
""",
        ["Results come in bursts, 4 at a time"],
    ),
    "futures as completed": (
        """
import concurrent.futures
def nap(seconds):
    time.sleep(seconds)
    return seconds
MAIN
    with concurrent.futures.ThreadPoolExecutor(2) as executor:
        futures = {executor.submit(nap, s): s for s in (0.1, 0.1, 0.1, 0.1, 0.9)}
        for future in concurrent.futures.as_completed(futures):
            print(futures[future], future.result())
""",
        ["because task 4 ("],
    ),
    "callbacks": (
        """
results = []
def square(a, plus=0):
    time.sleep(0.2)
    return a * a + plus
MAIN
    pool = mp.Pool(2)
    for a in range(6):
        pool.apply_async(square, (a,), {"plus": 1}, callback=results.append)
    pool.close()
    pool.join()
    print(sorted(results))
""",
        ["6 tasks on"],
    ),
    "apply in a loop": (
        """
def square(a):
    time.sleep(0.1)
    return a * a
MAIN
    pool = mp.Pool(2)
    print([pool.apply(square, args=(a,)) for a in range(6)])
    pool.terminate()
""",
        ["as with apply"],
    ),
    "a pool that is a subclass, and one of threads in disguise": (
        """
import multiprocessing.dummy
import multiprocessing.pool
class MyPool(multiprocessing.pool.Pool):
    def double(self, items):
        return self.map(double, items, chunksize=1)
def double(a):
    time.sleep(0.2)
    return 2 * a
MAIN
    with MyPool(2) as pool, multiprocessing.dummy.Pool(2) as threads:
        print(pool.double(range(4)), threads.map(double, range(4), chunksize=1))
        print(isinstance(pool, multiprocessing.pool.Pool), type(pool).__name__)
""",
        ["4 tasks on 2 workers", "4 tasks on 2 workers"],
    ),
    "it fails": (
        """
def divide(a):
    time.sleep(0.1)
    return 1 / a
MAIN
    with mp.get_context(sys.argv[1]).Pool(2) as pool:
        print(pool.map(divide, [2, 1, 0, 4], chunksize=1))
""",
        ["4 tasks on 2 workers"],
    ),
    "it exits": (
        """
import os
def square(a):
    return a * a
MAIN
    print(__file__ == os.path.abspath("program.py"), sys.argv, sys.path[0] == os.getcwd())
    sys.exit(7)
""",
        [],
    ),
}


def source(name):
    """Return the text of a program."""
    return HEAD + PROGRAMS[name][0].replace("MAIN\n", MAIN)
