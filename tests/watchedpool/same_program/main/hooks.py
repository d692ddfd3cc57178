# exits 1

import sys
import traceback

print(sys.excepthook is sys.__excepthook__, sys.excepthook)


def hook(kind, error, trace):
    print("hook", kind, error, [frame.name for frame in traceback.extract_tb(trace)])
    print("".join(traceback.format_exception(error)), flush=True)


def fail():
    raise LookupError("for the hook")


sys.excepthook = hook
fail()
