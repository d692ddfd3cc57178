import multiprocessing as mp
import sys
import traceback


def attempt(call, *args):
    try:
        print(call(*args))
    except Exception:
        traceback.print_exc(file=sys.stdout)


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    attempt(mp.Pool, 0)
    attempt(mp.Pool, "two")
    attempt(mp.Pool, 1, "no function")
    pool = mp.Pool(1)
    attempt(pool.join)
    results = pool.map_async(abs, [-1, -2])
    pool.close()
    for call in (pool.map, pool.starmap, pool.imap, pool.imap_unordered, pool.map_async):
        attempt(call, abs, [-1])
    attempt(pool.apply, abs, (-1,))
    attempt(pool.__enter__)
    pool.close()
    pool.join()
    print(results.get(), pool)
    pool.terminate()
    attempt(pool.apply_async, abs, (-1,))
    print(pool)
