# ruff: noqa: PT009, PT027
# exits 1

import unittest
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool


class Test(unittest.TestCase):
    def test_pool(self):
        with ThreadPool(2) as pool:
            self.assertEqual(pool.map(abs, [-1, -2]), [1, 2])

    def test_error(self):
        with ThreadPoolExecutor(1) as executor, self.assertRaises(ZeroDivisionError):
            executor.submit(divmod, 1, 0).result()

    def test_failure(self):
        with ThreadPoolExecutor(1) as executor:
            self.assertEqual(executor.submit(abs, -1).result(), 2)


if __name__ == "__main__":
    unittest.main()
