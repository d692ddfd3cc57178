import builtins
import functools
import sys
from multiprocessing.pool import ThreadPool


def to_a_file(*words, file=None, print=print, **options):
    with open("log.txt", "a") as log:
        print(*words, file=log, **options)


with ThreadPool(1) as pool:
    print(pool.map(abs, [-1]))
builtins.print = to_a_file
print("printed")
sys.stdout.write = functools.partial(sys.stdout.write)
