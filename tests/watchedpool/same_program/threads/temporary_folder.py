import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool

with ThreadPool(1) as pool, ThreadPoolExecutor(1) as executor:
    print(pool.map(abs, [-1]), list(executor.map(abs, [-1])), tempfile.tempdir is None)
os.mkdir("own")
for name in ("TMPDIR", "TEMP", "TMP"):
    os.environ[name] = os.path.abspath("own")
print(os.path.basename(tempfile.gettempdir()))
with tempfile.TemporaryDirectory() as folder, ThreadPool(1) as pool:
    print(pool.map(abs, [-1]), os.listdir(folder), len(os.listdir("own")))
print(os.listdir("own"))
