import multiprocessing as mp
import os
import sys
import threading
from concurrent.futures import ProcessPoolExecutor


def look():
    main = sys.modules["__main__"]
    print(main.__name__, __name__, getattr(main, "__file__", None), main.__spec__)
    print(sys.argv, sys.path, os.getcwd(), mp.current_process().name)
    print([each.name for each in threading.enumerate()], mp.current_process().daemon, flush=True)


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with ProcessPoolExecutor(1) as executor:
        executor.submit(look).result()
        executor.submit(print, "printed", flush=True).result()
