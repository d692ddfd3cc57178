import multiprocessing as mp
import sys
import threading
from multiprocessing.pool import ThreadPool


def square(x):
    return x * x


def run(number):
    with ThreadPool(2) as pool:
        return sum(pool.imap_unordered(square, range(number)))


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    results = {}
    pools = [mp.Pool(2) for _ in range(2)]  # before any thread: fork copies only one

    def work(number):
        with pools[number] as pool:
            results[number] = pool.map(square, range(number + 3)), run(number)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(sorted(results.items()), [each.name for each in threading.enumerate() if not each.daemon])
