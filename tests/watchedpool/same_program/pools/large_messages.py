import hashlib
import multiprocessing as mp
import sys


def repeat(text):
    return text * 2


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    text = bytes(range(256)) * 8_000
    with mp.Pool(2) as pool:
        for result in pool.imap(repeat, [text, text[1:], b""]):
            print(len(result), hashlib.md5(result).hexdigest())
