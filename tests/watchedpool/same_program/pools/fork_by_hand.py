# only fork

import multiprocessing
import os
import sys


def square(x):
    return x * x


with multiprocessing.Pool(2) as pool:
    print(pool.map(square, range(4)), flush=True)
    child = os.fork()
    if child == 0:
        with multiprocessing.Pool(1) as other:  # of the child
            print("child", other.map(square, range(4)), flush=True)
        os._exit(3)
    print(
        os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), pool.map(square, range(4)), flush=True
    )
child = os.fork()
if child == 0:
    print("child that ends as programs do", flush=True)
    sys.exit(5)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
