# exits 6

import multiprocessing as mp
import os
import sys

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    pool = mp.Pool(1)
    print(pool.map(abs, [-1, -2]), flush=True)
    pool.close()
    pool.join()
    os._exit(6)
