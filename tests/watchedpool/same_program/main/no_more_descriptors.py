# only posix
# exits 5

import os
import sys
from multiprocessing.pool import ThreadPool

with ThreadPool(1) as pool:
    print(pool.map(abs, [-1]), flush=True)
for descriptor in range(3):
    os.close(descriptor)
sys.exit(5)
