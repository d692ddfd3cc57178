# exits 120

import io
import sys
from multiprocessing.pool import ThreadPool


class Tee(io.TextIOBase):
    """Writes to a stream and to a file, and knows no other method."""

    def __init__(self, stream, name):
        self.stream, self.file = stream, open(name, "w")  # noqa: SIM115

    def write(self, text):
        self.stream.write(text)
        self.file.write(text)
        self.file.flush()


class Minimal:
    def write(self, text):
        sys.__stdout__.write(text.upper())


sys.stderr = Tee(sys.stderr, "stderr.txt")
sys.stdout = Minimal()
with ThreadPool(1) as pool:
    print(pool.map(abs, [-1]), "small")
sys.stderr.write("the end\n")
