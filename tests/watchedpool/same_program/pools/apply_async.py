import multiprocessing as mp
import sys
import traceback


def divide(dividend, divisor=1):
    return dividend / divisor


def set_event(shared):
    global event
    event = shared


def wait_for_event(result):
    event.wait()
    return result


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    event = mp.Event()
    done, failed = [], []
    with mp.Pool(1, set_event, (event,)) as pool:
        print(pool.apply(divide, (6,), {"divisor": 3}))
        waiting = pool.apply_async(wait_for_event, ("done",), callback=done.append)
        print(waiting.ready())
        try:
            waiting.successful()
        except ValueError as error:
            print(type(error), str(error)[:8])
        try:
            waiting.get(timeout=0.001)
        except mp.TimeoutError:
            traceback.print_exc(file=sys.stdout)
        waiting.wait(timeout=0.001)
        print(waiting.ready())
        event.set()
        waiting.wait()
        print(waiting.ready(), waiting.successful(), waiting.get(), waiting.get(), done)
        result = pool.apply_async(divide, (1, 0), error_callback=failed.append)
        result.wait()
        print(result.ready(), result.successful(), failed)
        for _ in range(2):
            try:
                result.get()
            except ZeroDivisionError:
                traceback.print_exc(file=sys.stdout)
        results = pool.map_async(divide, [1, 2, 3], callback=done.append)
        print(results.get(60), done)
        results = pool.starmap_async(
            divide, [(1, 1), (2, 0), (3, 0)], 1, done.append, failed.append
        )
        results.wait()
        print(results.successful(), done, failed)
