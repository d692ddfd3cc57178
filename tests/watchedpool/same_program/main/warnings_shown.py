import logging
import warnings
from multiprocessing.pool import ThreadPool


def old():
    warnings.warn("old is old", DeprecationWarning, stacklevel=2)


old()
warnings.warn("here", stacklevel=1)
warnings.warn("above all", stacklevel=5)
logging.basicConfig(format="%(levelname)s %(filename)s %(lineno)d %(funcName)s %(message)s")
logging.warning("logged")
pool = ThreadPool(1)
print(pool.map(abs, [-1]))
del pool
open("unclosed.txt", "w").write("text")  # noqa: SIM115
