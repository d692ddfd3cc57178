import multiprocessing as mp
import sys
import traceback
from concurrent import futures


def set_event(given):
    global event
    event = given


def wait_for_event(x):
    event.wait()
    return x


def attempt(call, *args, **kwargs):
    try:
        print(call(*args, **kwargs))
    except Exception:
        traceback.print_exc(file=sys.stdout)


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    event = mp.Event()
    with futures.ProcessPoolExecutor(1, initializer=set_event, initargs=(event,)) as executor:
        first = executor.submit(abs, -1)
        pending = [executor.submit(wait_for_event, x) for x in range(9)]
        done, not_done = futures.wait([first, *pending], return_when=futures.FIRST_COMPLETED)
        print(done == {first}, len(not_done))
        print(futures.wait(pending, timeout=0.01).done)
        attempt(pending[0].result, timeout=0.01)
        attempt(pending[0].exception, timeout=0.01)
        attempt(list, futures.as_completed(pending, timeout=0.01))
        attempt(list, executor.map(wait_for_event, [1], timeout=0.01))
        print(pending[-1].cancel(), pending[-1].cancelled(), pending[-1].done(), first.cancel())
        attempt(pending[-1].result)
        attempt(pending[-1].exception)
        event.set()
        print(sorted(each.result() for each in futures.as_completed(pending[:-1])))
        print(len(futures.wait(pending, return_when=futures.ALL_COMPLETED).done))
        print(len(list(futures.as_completed(pending + pending))))
