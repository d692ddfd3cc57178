import sys
from multiprocessing.pool import ThreadPool

sys.stdout = open("stdout.txt", "w")  # noqa: SIM115
sys.stderr = open("stderr.txt", "w")  # noqa: SIM115
with ThreadPool(1) as pool:
    print(pool.map(abs, [-1]))
    print("a warning", file=sys.stderr)
