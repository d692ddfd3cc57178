# As unit tests do of code that reads files and asks for the time.
import builtins
import os
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool
from unittest import mock


def read(name):
    with open(name) as file:
        return file.read(), os.path.exists(name), time.time()


with (
    mock.patch.object(builtins, "open", mock.mock_open(read_data="mocked")) as fake_open,
    mock.patch("os.path.exists", return_value=True),
    mock.patch("time.time", return_value=3.0),
    mock.patch("time.perf_counter", return_value=3.0),
):
    with ThreadPool(1) as pool, ThreadPoolExecutor(1) as executor:
        print(pool.map(read, ["a", "b"]), list(executor.map(read, "cd")))
    print(fake_open.mock_calls)
