import multiprocessing as mp
import sys
from concurrent.futures import CancelledError, ProcessPoolExecutor, ThreadPoolExecutor


def set_event(given):
    global event
    event = given


def wait_for_event(x):
    event.wait()
    return x


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    event = mp.Event()
    for kind in (ProcessPoolExecutor, ThreadPoolExecutor):
        event.clear()
        executor = kind(1, initializer=set_event, initargs=(event,))
        futures = [executor.submit(wait_for_event, x) for x in range(6)]
        while not futures[0].running():
            pass
        executor.shutdown(wait=False, cancel_futures=True)
        event.set()
        while not futures[5].done():
            pass
        print(futures[0].result(), futures[5].cancelled())
        try:
            futures[5].result()
        except CancelledError as error:
            print(repr(error))
