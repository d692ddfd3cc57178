import multiprocessing as mp
import sys
import threading


def endless():
    number = 0
    while True:
        yield number
        number += 1


def wait_for_nobody(_):
    threading.Event().wait()


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Pool(2) as pool:
        for result in pool.imap(abs, range(100_000)):
            if result == 5:
                break
        print(result)
        results = pool.map_async(wait_for_nobody, range(4), 1)
        print(results.ready())
        pool.terminate()
        pool.join()
    print(results.ready(), mp.active_children())
