import sys
import types
from multiprocessing.pool import ThreadPool

sys.modules["secrets"] = sys.modules["textwrap"] = types.ModuleType("mine")
sys.modules["numpy"] = None
with ThreadPool(1) as pool:
    print(pool.map(abs, [-1]))
