import multiprocessing as mp
import os
import sys


def say(x):
    print("task", x)
    sys.stdout.buffer.write(b"bytes \xff\n")
    sys.stderr.write(f"error {x}\n")
    os.write(1, b"written\n")
    sys.stdout.flush()
    return x


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    print("begin", flush=True)
    with mp.Pool(1) as pool:
        sys.stdout.buffer.write(repr(pool.map(say, range(3), 2)).encode() + b"\n")
    print("end", end="")
