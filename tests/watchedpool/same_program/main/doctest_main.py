# exits 1

"""A module with examples.

>>> square(3)
9
>>> from multiprocessing.pool import ThreadPool
>>> with ThreadPool(2) as pool:
...     pool.map(square, range(3))
[0, 1, 4]
>>> square(2)
5
"""

import doctest
import sys


def square(x):
    """Return the square.

    >>> square(4)
    16
    """
    return x * x


if __name__ == "__main__":
    print(doctest.testmod())
    sys.exit(doctest.testmod(verbose=True).failed)
