import collections
import dataclasses
import enum
import functools
import multiprocessing as mp
import sys


@dataclasses.dataclass(order=True)
class Point:
    x: int
    y: int = 0

    def moved(self, by):
        return Point(self.x + by, self.y)

    def __call__(self, number):
        return number + self.x

    @classmethod
    def of(cls, x):
        return cls(x)

    @staticmethod
    def twice(x):
        return 2 * x


class Color(enum.Enum):
    RED = 1


Pair = collections.namedtuple("Pair", "left right")


class Simulation:
    """Has a pool of its own, which does not travel."""

    def __init__(self):
        self.pool = mp.Pool(2)
        self.factor = 3

    def __getstate__(self):
        return {key: value for key, value in vars(self).items() if key != "pool"}

    def step(self, x):
        return x * self.factor

    def run(self):
        with self.pool:
            return self.pool.map(self.step, range(4))


def swap(pair):
    return Pair(pair.right, pair.left)


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Pool(2) as pool:
        print(pool.map(Point(1).moved, range(3)), pool.map(Point(5), range(3)))
        print(pool.map(Point.of, [1]), pool.map(Point.twice, [1]), pool.map(Point, [1, 2]))
        print(pool.map(swap, [Pair(1, 2)]), pool.map(functools.partial(pow, 2), range(4)))
        print(pool.map(str.upper, "ab"), pool.map(Color, [1]), pool.map([1, 2].count, [1, 3]))
        print(max(pool.map(Point.of, range(3))), pool.map(type, [Color.RED, Point(1)]))
    print(Simulation().run())
