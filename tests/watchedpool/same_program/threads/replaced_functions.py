# As libraries do that stop the clock, or that log what is opened and printed.

import builtins
import os
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool

log = open("log.txt", "w", buffering=1)  # noqa: SIM115


def with_log(original):
    def logging(*args, **kwargs):
        log.write(f"{original.__name__} {len(args)} {sorted(kwargs)}\n")
        return original(*args, **kwargs)

    return logging


for module, name in ((builtins, "print"), (builtins, "open"), (os, "mkdir"), (os, "open")):
    setattr(module, name, with_log(getattr(module, name)))
time.perf_counter = time.time = lambda: 0.0
with ThreadPool(1) as pool, ThreadPoolExecutor(1) as executor:
    print(pool.map(abs, [-1]), list(executor.map(abs, [-1])))
