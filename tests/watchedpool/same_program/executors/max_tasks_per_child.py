# only spawn
# only forkserver

import os
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context


def worker(_):
    return os.getpid()


if __name__ == "__main__":
    context = get_context(sys.argv[1])
    with ProcessPoolExecutor(1, mp_context=context, max_tasks_per_child=1) as executor:
        print(len({executor.submit(worker, x).result() for x in range(3)}))
    with ProcessPoolExecutor(1, max_tasks_per_child=2, mp_context=context) as executor:
        print(len({executor.submit(worker, x).result() for x in range(4)}))
