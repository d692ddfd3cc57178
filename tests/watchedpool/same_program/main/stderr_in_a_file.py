# As a shell does with 2>file, but later.

import os
import sys
from multiprocessing.pool import ThreadPool

with open("stderr.txt", "w") as file:
    os.dup2(file.fileno(), 2)
    os.dup2(file.fileno(), 1)
with ThreadPool(1) as pool:
    print(pool.map(abs, [-1]), flush=True)
    print("a warning", file=sys.stderr)
