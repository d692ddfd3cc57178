# needs tqdm

import multiprocessing as mp
import sys

from tqdm import tqdm


def square(x):
    return x * x


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    options = {"mininterval": 0, "miniters": 1, "ncols": 60, "bar_format": "{l_bar}{bar}{n_fmt}"}
    with open("bar.txt", "w") as file, mp.Pool(2) as pool:
        for _ in range(2):
            bar = tqdm(pool.imap(square, range(20)), total=20, file=file, **options)
            print(sum(bar), bar, type(bar), sorted(bar.format_dict))
        with tqdm(total=10, file=file, **options) as bar:
            for x in range(10):
                pool.apply_async(square, (x,), callback=lambda _: bar.update()).wait()
