# wanted: gil
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed

CHANGED = sys.argv[1:] == ["changed"]


def spin(loops):
    total = 0
    for number in range(loops):
        total += number * number
    return total


def main():
    with (ProcessPoolExecutor if CHANGED else ThreadPoolExecutor)(4) as pool:
        for future in as_completed([pool.submit(spin, 1_500_000) for _ in range(16)]):
            future.result()


if __name__ == "__main__":
    begin = time.perf_counter()
    main()
    print(time.perf_counter() - begin)
