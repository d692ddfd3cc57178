import bdb
import pdb
import sys
from multiprocessing.pool import ThreadPool

with ThreadPool(1) as pool:
    results = pool.map(abs, [-1])
debugger = pdb.Pdb(stdin=sys.stdin, stdout=sys.stdout, nosigint=True, readrc=False)
debugger.rcLines.extend(["p results", "l 1,5", "c"])
debugger.set_trace()
print("after", isinstance(debugger, bdb.Bdb))
