# only posix

import multiprocessing as mp
import os
import sys

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Pool(1) as pool:
        print(pool.map(abs, [-1, -2]), flush=True)
        pool.close()
        pool.join()
        os.execv(sys.executable, [sys.executable, "-c", "print('another program')"])
