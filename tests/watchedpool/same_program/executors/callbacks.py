import multiprocessing as mp
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor


def set_event(given):
    global event
    event = given


def wait_for_event():
    event.wait()


def square(x):
    return x * x


def fail(future):
    raise RuntimeError(f"callback got {future.result()}")


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    event, seen = mp.Event(), []
    for kind in (ProcessPoolExecutor, ThreadPoolExecutor):
        event.clear()
        seen.clear()
        with kind(1, initializer=set_event, initargs=(event,)) as executor:
            executor.submit(wait_for_event)
            future = executor.submit(square, 3)
            future.add_done_callback(lambda future: seen.append(("first", future.result())))
            future.add_done_callback(fail)
            future.add_done_callback(lambda future: seen.append(("last", future.done())))
            event.set()
        print(seen)
        future.add_done_callback(seen.append)
        future.add_done_callback(fail)
        print(seen[-1] is future, future.add_done_callback.__name__)
