# needs tqdm

import io
import multiprocessing as mp
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed

from tqdm import tqdm
from tqdm.contrib.concurrent import process_map, thread_map


def square(x):
    return x * x


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    options = {"mininterval": 0, "miniters": 1, "ncols": 60, "bar_format": "{l_bar}{bar}{n_fmt}"}
    # Its bar is not compared: thread_map skips an update while another thread has the lock.
    print(thread_map(square, range(10), max_workers=2, file=io.StringIO()))
    with open("bar.txt", "w") as file:
        print(process_map(square, range(10), max_workers=2, chunksize=1, file=file, **options))
        with ThreadPoolExecutor(2) as executor:
            futures = [executor.submit(square, x) for x in range(10)]
            for future in tqdm(as_completed(futures), total=10, file=file, **options):
                future.result()
