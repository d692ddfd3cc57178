# only fork

import sys
from multiprocessing import Pool

sys.path[:] = [each for each in sys.path if "lib/python" in each and "packages" not in each]
with Pool(1) as pool:
    print(pool.map(abs, [-1]), sys.path)
sys.path.clear()
