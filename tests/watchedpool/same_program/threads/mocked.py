import inspect
import unittest
from concurrent import futures
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool
from unittest import mock

with mock.patch("concurrent.futures.ThreadPoolExecutor") as Executor:
    executor = futures.ThreadPoolExecutor(3)
    executor.submit(abs, -1)
    print(Executor.mock_calls)
with mock.patch.object(ThreadPoolExecutor, "submit", autospec=True) as submit:
    with ThreadPoolExecutor(1) as executor:
        executor.submit(abs, -1)
    print(len(submit.mock_calls))
with mock.patch.object(ThreadPool, "map", return_value=[3]), ThreadPool(1) as pool:
    print(pool.map(abs, [-1]))
with mock.patch("multiprocessing.pool.ThreadPool._setup_queues"):
    try:
        ThreadPool(1)
    except AttributeError as error:
        print(error)
with mock.patch.object(futures.Future, "result", return_value=7), ThreadPoolExecutor(1) as executor:
    print(executor.submit(abs, -1).result())
with ThreadPoolExecutor(1) as executor:
    fake = mock.create_autospec(executor.submit(abs, -1))
    fake.result.return_value = 5
    print(fake.result(), isinstance(fake, futures.Future), type(mock.create_autospec(executor)))
print(inspect.signature(ThreadPoolExecutor), inspect.signature(ThreadPoolExecutor.submit))
print(inspect.signature(ThreadPool), unittest.__name__)
