import multiprocessing as mp
import sys
from concurrent.futures import ProcessPoolExecutor as Processes
from concurrent.futures import ThreadPoolExecutor as Threads
from concurrent.futures.process import ProcessPoolExecutor as OtherProcesses


def square(x):
    return x * x


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with Processes(1) as executor:
        print(list(executor.map(square, range(3))))
    import concurrent.futures
    from concurrent.futures import ProcessPoolExecutor

    print(
        Processes is ProcessPoolExecutor is concurrent.futures.ProcessPoolExecutor is OtherProcesses
    )
    with concurrent.futures.ThreadPoolExecutor(2) as executor:
        print(list(executor.map(square, range(3))), type(executor) is Threads)
    print(sorted(concurrent.futures.__all__)[:3], dir(concurrent.futures)[:4])
