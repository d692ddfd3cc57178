import gc
import multiprocessing as mp
import sys
import weakref


class Result:
    def __init__(self, number):
        self.number = number


class Failure(Exception):
    pass


def fail(number):
    raise Failure(number)


def count(references):
    pool.apply(int)  # the pool keeps the last result until it has the next
    gc.collect()
    return sum(each() is not None for each in references)


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Pool(2) as pool:
        results = pool.map(Result, range(10))
        references = list(map(weakref.ref, results))
        print(count(references))
        del results
        print(count(references))
        references = [weakref.ref(each) for each in pool.imap(Result, range(6), 2)]
        print(count(references))
        pending = [pool.apply_async(fail, (number,)) for number in range(5)]
        references = []
        for each in pending:
            try:
                each.get()
            except Failure as error:
                references.append(weakref.ref(error))
        results = [weakref.ref(each) for each in pending]
        del pending, each
        print(count(references), count(results))
