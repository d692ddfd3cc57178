import multiprocessing as mp
import pickle
import sys
import traceback
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    for kind in (ProcessPoolExecutor, ThreadPoolExecutor):
        with kind(1) as executor:
            future = executor.submit(abs, -1)
            print(type(future) is Future, type(future).__mro__, future.__class__ is Future)
            print(type(future).__doc__)
            print([name for name in dir(future) if not name.startswith("_")])
            future.result()
            try:
                pickle.dumps(future)
            except Exception:
                traceback.print_exc(file=sys.stdout)
    with ProcessPoolExecutor(1) as executor:
        try:
            executor.submit(print, future).result()  # a frequent mistake
        except Exception as error:
            print(type(error), error)
