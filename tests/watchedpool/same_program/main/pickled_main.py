import collections
import dataclasses
import enum
import pickle
import sys
import typing


@dataclasses.dataclass
class Point:
    x: int
    parent: "Point | None" = None


class Kind(enum.Enum):
    ONE = 1


Pair = collections.namedtuple("Pair", "left right")
point = pickle.loads(pickle.dumps(Point(1, Point(2))))
print(point, type(point) is Point, pickle.loads(pickle.dumps(Kind.ONE)) is Kind.ONE)
print(pickle.dumps([Pair(1, 2), len, Point]), typing.get_type_hints(Point))
with open("point.pickle", "wb") as file:
    pickle.dump(point, file)
print(sys.modules["__main__"].Point is Point, Pair.__module__)
