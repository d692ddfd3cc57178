import multiprocessing as mp
import pickle
import sys
import traceback
from multiprocessing.pool import AsyncResult, MapResult

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Pool(1) as pool:
        result, results = pool.apply_async(abs, (-1,)), pool.map_async(abs, [-1])
        print(type(result) is AsyncResult, result.__class__ is AsyncResult)
        print(type(results) is MapResult, type(results).__mro__)
        result.wait()
        for each in (result, results, pool.imap(abs, [-1])):
            print([name for name in dir(each) if not name.startswith("_")])
        try:
            pickle.dumps(result)
        except Exception:
            traceback.print_exc(file=sys.stdout)
        try:
            pool.apply(print, (result,))  # a frequent mistake
        except Exception:
            traceback.print_exc(file=sys.stdout)
