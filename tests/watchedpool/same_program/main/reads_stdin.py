# exits 1

import sys
from multiprocessing.pool import ThreadPool

print([input("first? "), sys.stdin.readline()])
with ThreadPool(1) as pool:
    print(pool.map(str.strip, sys.stdin))
print(input("more? "))
