import multiprocessing as mp
import sys
from multiprocessing.managers import SharedMemoryManager
from multiprocessing.shared_memory import ShareableList, SharedMemory


def fill(name, place):
    memory = SharedMemory(name)
    memory.buf[place] = place * place
    memory.close()


def double(numbers, place):
    numbers[place] *= 2
    return numbers[place]


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    memory = SharedMemory(create=True, size=8)
    with mp.Pool(2) as pool:
        pool.starmap(fill, [(memory.name, place) for place in range(8)])
        print(bytes(memory.buf[:8]))
        with SharedMemoryManager() as manager:
            numbers = manager.ShareableList(range(4))
            print(pool.starmap(double, [(numbers, place) for place in range(4)]))
            print(list(numbers), isinstance(numbers, ShareableList))
    memory.close()
    memory.unlink()
