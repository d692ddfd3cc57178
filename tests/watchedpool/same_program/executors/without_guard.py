# only spawn
# only forkserver
# exits 0 or 1

import multiprocessing as mp
import sys
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

print("top level of", __name__, flush=True)
with ProcessPoolExecutor(1, mp_context=mp.get_context(sys.argv[1])) as executor:
    try:
        print(executor.submit(abs, -1).result())
    except BrokenProcessPool as error:
        print(error)
