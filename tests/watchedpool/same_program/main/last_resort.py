# What a program can do with an error that nothing has caught.
# exits 1

import atexit
import sys
import threading


def look():
    print(sys.last_type, sys.last_value, sys.last_traceback.tb_lineno > 0, flush=True)


def fail():
    raise ExceptionGroup("many", [ValueError("one"), TypeError("two")])


atexit.register(look)
thread = threading.Thread(target=fail, name="failing")
thread.start()
thread.join()
try:
    fail()
except ExceptionGroup as group:
    raise RuntimeError("while handling") from group
