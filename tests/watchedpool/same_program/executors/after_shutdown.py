import multiprocessing as mp
import sys
import traceback
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor


def attempt(call, *args, **kwargs):
    try:
        print(call(*args, **kwargs))
    except Exception:
        traceback.print_exc(file=sys.stdout)


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    for kind in (ProcessPoolExecutor, ThreadPoolExecutor):
        executor = kind(1)
        future = executor.submit(abs, -1)
        executor.shutdown()
        print(future.result())
        attempt(executor.submit, abs, -1)
        attempt(executor.map, abs, [-1])
        executor.shutdown(wait=False, cancel_futures=True)
        with executor:
            attempt(executor.submit, abs, -1)
