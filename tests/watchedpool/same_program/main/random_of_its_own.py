# exits 1
# As beginners do, whose file has the name of a module that multiprocessing needs.

import multiprocessing
from pathlib import Path

if __name__ == "__main__":
    Path("random.py").write_text("text = 'my own'\n")
    with multiprocessing.Pool(1) as pool:
        print(pool.map(abs, [-1]))
