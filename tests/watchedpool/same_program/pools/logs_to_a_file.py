import logging
import logging.handlers
import multiprocessing as mp
import sys


def configure(name):
    root = logging.getLogger()
    root.handlers[:] = [logging.FileHandler(name)]
    root.handlers[0].setFormatter(logging.Formatter("%(levelname)s %(funcName)s %(message)s"))
    root.setLevel(logging.INFO)


def divide(x):
    logging.info("dividing by %s", x)
    try:
        return 1 / x
    except ZeroDivisionError:
        logging.exception("that fails")


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    configure("main.log")
    logging.info("begin")
    with mp.Pool(1, configure, ("worker.log",)) as pool:
        print(pool.map(divide, [2, 1, 0]))
        print(list(pool.imap(divide, [0, 1, 4])))
    logging.warning("end")
