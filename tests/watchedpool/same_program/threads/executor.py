import threading
import traceback
from concurrent.futures import ThreadPoolExecutor, as_completed, wait


def divide(dividend, divisor=1):
    return dividend / divisor


def thread_name(_=0):
    return threading.current_thread().name


def leave():
    raise SystemExit(3)


with ThreadPoolExecutor(max_workers=1, thread_name_prefix="worker") as executor:
    print(list(executor.map(divide, range(10), chunksize=5)), list(executor.map(thread_name, [1])))
    print(
        sorted(each.result() for each in as_completed([executor.submit(divide, x) for x in (2, 1)]))
    )
    futures = [executor.submit(divide, 1, 0), executor.submit(leave), executor.submit(divide, "a")]
    wait(futures)
    for future in futures:
        try:
            future.result()
        except BaseException:
            print(traceback.format_exc())
        print(repr(future.exception()), future.exception().__traceback__.tb_frame.f_code.co_name)
    started, blocked = threading.Event(), threading.Event()
    running = executor.submit(lambda: (started.set(), blocked.wait()))
    pending = executor.submit(divide, 1)
    started.wait(60)
    print(pending.cancel(), pending.cancel(), pending.cancelled(), running.cancel())
    blocked.set()
with ThreadPoolExecutor(3) as executor:
    barrier = threading.Barrier(3)
    print(sorted(executor.map(lambda _: (barrier.wait(60) < 3, thread_name()), range(3))))
with ThreadPoolExecutor() as executor:
    print(executor._max_workers, len(list(executor.map(thread_name, range(20_000)))))
print([each.name for each in threading.enumerate()])
