# closes: stdout, as some daemons do
# exits 4

import sys
from multiprocessing.pool import ThreadPool

with ThreadPool(1) as pool:
    print(pool.map(abs, [-1]), flush=True)
sys.stdout.close()
sys.exit(4)
