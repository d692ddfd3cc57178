# exits 1
# As beginners do, whose file has the name of a module that multiprocessing needs.

import multiprocessing
import sys
from pathlib import Path

if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    Path("random.py").write_text("text = 'my own'\n")
    with multiprocessing.Pool(1) as pool:
        print(pool.map(abs, [-1]))
