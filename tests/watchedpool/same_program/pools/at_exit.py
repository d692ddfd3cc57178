import atexit
import multiprocessing as mp
import sys
import threading


def square(x):
    return x * x


def say(*words):
    print(*words, flush=True)


def report():
    say("children", len(mp.active_children()), "threads", len(threading.enumerate()))


class Noisy:
    def __del__(self):
        say("deleted")


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    atexit.register(say, "first registered")
    atexit.register(report)
    noisy = Noisy()
    pool = mp.Pool(2)
    say(pool.map(square, range(4)))
    threading.Timer(0.05, say, ["timer"]).start()
    mp.util.Finalize(None, say, ("finalizer",), exitpriority=5)
    say("end of main")
