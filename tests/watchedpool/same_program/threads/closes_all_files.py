# only posix
# As a program does that becomes a daemon: then it opens its log, which stays open to the end.

import gc
import os
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool

with ThreadPoolExecutor(2) as executor, ThreadPool(2) as pool:
    print(pool.map(abs, range(-4, 0)), list(executor.map(abs, range(-4, 0))))
del executor, pool
gc.collect()
os.closerange(3, 256)
logs = [open(f"{number}.log", "w") for number in range(8)]  # noqa: SIM115
for log in logs:
    log.write("daemon\n")
with ThreadPoolExecutor(2) as executor:
    print(list(executor.map(abs, range(-4, 0))))
