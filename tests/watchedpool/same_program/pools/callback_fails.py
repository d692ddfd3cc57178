# exits 1

import multiprocessing as mp
import sys


def fail(result):
    raise RuntimeError(f"callback got {result}")


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Pool(1) as pool:
        result = pool.apply_async(abs, (-1,), callback=fail)
        pool._result_handler.join()  # it ends, with a traceback on stderr
        print(result.ready())
