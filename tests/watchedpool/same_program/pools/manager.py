import multiprocessing as mp
import sys
from multiprocessing.managers import BaseManager


def fill(queue, namespace, numbers, x):
    queue.put(x * x)
    namespace.last = "set"
    numbers[x] = x
    return x


class Counter:
    def __init__(self):
        self.count = 0

    def add(self):
        self.count += 1
        return self.count


class Managers(BaseManager):
    pass


Managers.register("Counter", Counter)


def count(counter):
    return counter.add()


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Manager() as manager, mp.Pool(2) as pool:
        queue, namespace, numbers = manager.Queue(), manager.Namespace(), manager.dict()
        print(pool.starmap(fill, [(queue, namespace, numbers, x) for x in range(4)]))
        print(sorted(queue.get() for _ in range(4)), namespace.last, sorted(numbers.items()))
        with manager.Pool(1) as remote:  # a pool in the process of the manager
            print(remote.map(abs, [-1, -2]), type(remote).__name__)
    with Managers() as manager, mp.Pool(2) as pool:
        counter = manager.Counter()
        print(sorted(pool.map(count, [counter] * 4)))
