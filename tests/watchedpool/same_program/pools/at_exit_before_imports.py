import atexit


def report():
    import multiprocessing

    print("children", len(multiprocessing.active_children()), flush=True)


if __name__ == "__main__":  # a spawned worker that is not killed would print, too
    atexit.register(report)  # before multiprocessing registers its own function

import multiprocessing as mp  # noqa: E402
import sys  # noqa: E402

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    pool = mp.Pool(2)
    print(pool.map(abs, range(-4, 0)))
