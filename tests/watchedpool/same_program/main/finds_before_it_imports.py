import importlib.util
import sys
import traceback
from pathlib import Path

for name in ("multiprocessing", "multiprocessing.pool", "concurrent.futures.thread"):
    spec = importlib.util.find_spec(name)
    print(name, spec.origin, type(spec.loader).__name__ if name == "multiprocessing" else "")
from multiprocessing.pool import ThreadPool  # noqa: E402

Path("multiprocessing_of_mine.py").write_text("1 / 0")
try:
    import multiprocessing_of_mine  # noqa: F401
except ZeroDivisionError:
    traceback.print_exc()

with ThreadPool(1) as pool:
    print(pool.map(abs, [-1]), sys.modules["multiprocessing.pool"].__loader__)
