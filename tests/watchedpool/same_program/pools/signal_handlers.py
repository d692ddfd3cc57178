# only posix
# exits 4

import multiprocessing as mp
import os
import signal
import sys


def ignore_interrupts():
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def handler_of_worker(_):
    return [str(signal.getsignal(each)) for each in (signal.SIGINT, signal.SIGTERM)]


def leave(number, frame):
    print("handling", signal.Signals(number).name, frame.f_code.co_name, flush=True)
    sys.exit(4)


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    print([signal.getsignal(each) for each in sorted(signal.valid_signals())])
    with mp.Pool(1, ignore_interrupts) as pool:
        print(pool.map(handler_of_worker, [1]))
        signal.signal(signal.SIGTERM, leave)
        signal.raise_signal(signal.SIGTERM)
        os.abort()
