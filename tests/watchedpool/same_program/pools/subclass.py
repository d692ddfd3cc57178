import multiprocessing as mp
import multiprocessing.pool
import sys


class LazyPool(multiprocessing.pool.Pool):
    """Counts its calls."""

    def __init__(self, *args, name="lazy", **kwargs):
        super().__init__(*args, **kwargs)
        self.name, self.calls = name, 0

    def map(self, func, iterable, chunksize=None):
        self.calls += 1
        return super().map(func, iterable, chunksize)


class NoDaemonProcess(mp.Process):
    @property
    def daemon(self):
        return False

    @daemon.setter
    def daemon(self, value):
        pass


def nested(x):
    with mp.Pool(1) as pool:
        return pool.apply(divmod, (x, 2))


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with LazyPool(2, name="mine") as pool:
        print(pool.map(abs, range(-3, 0)), pool.name, pool.calls, repr(pool))
        print(type(pool).__mro__, pool.map.__qualname__)

    # The well-known recipe for pools whose workers have pools.
    class Context(type(mp.get_context(sys.argv[1]))):
        Process = type(
            "Process",
            (NoDaemonProcess, mp.get_context(sys.argv[1]).Process),
            {"__module__": "here"},
        )

    if sys.argv[1] == "fork":
        with multiprocessing.pool.Pool(1, context=Context()) as pool:
            print(pool.map(nested, [7, 8]))
