import warnings
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool

warnings.simplefilter("error")
with ThreadPool(1) as pool, ThreadPoolExecutor(1) as executor:
    print(pool.map(abs, [-1]), list(executor.map(abs, [-1])))
print(len(warnings.filters))
