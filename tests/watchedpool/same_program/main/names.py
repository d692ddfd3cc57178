"""The docstring of the program."""

import inspect
import sys

import __main__

text: str = "annotated"


class Here:
    pass


print(__name__, __file__, __doc__, __package__, __spec__, type(__loader__))
print(globals().get("__annotations__"))
print(__loader__.name, __loader__.path, globals().get("__cached__"), type(__builtins__))
print(list(globals()))
print(__main__ is sys.modules["__main__"], __main__.Here is Here, vars(__main__) is globals())
print(repr(__main__), Here, Here.__module__, inspect.getmodule(Here))
print(inspect.getsource(Here), __loader__.get_source("__main__")[:20])
print(sys.argv, sys.path, sys.flags)
