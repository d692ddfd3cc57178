# The main module ends while its threads still use pools.

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import thread as module
from multiprocessing.pool import ThreadPool


def after_main(x):
    if x == 1:
        threading.main_thread().join()
    return x * x


def at_shutdown(x):
    while not module._shutdown:
        time.sleep(0.001)
    return x * x


def work():
    with ThreadPool(1) as pool:
        print("pool", pool.map(after_main, range(6), chunksize=6), flush=True)
        print("pool", list(pool.imap(after_main, range(6), chunksize=3)), flush=True)
    print("executor", [each.result() for each in futures], flush=True)


threading.Thread(target=work).start()
executor = ThreadPoolExecutor(2)
futures = [executor.submit(at_shutdown, x) for x in range(6)]
threading.Thread(target=threading.Event().wait, daemon=True).start()
print("end of main", flush=True)
