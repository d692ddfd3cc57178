import logging
import multiprocessing as mp
import sys

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    logger = mp.get_logger()
    handler = logging.FileHandler("parent.log")
    handler.setFormatter(logging.Formatter("%(levelname)s %(processName)s %(msg)s"))
    handler.addFilter(lambda record: record.processName == "MainProcess")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    with mp.Pool(1) as pool:
        print(pool.map(abs, [-1, -2]))
        pool.close()
        pool.join()
