# exits 3

import atexit
import sys
import threading
import weakref


class Noisy:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        print("deleted", self.name, flush=True)


noisy = Noisy("global")
finalizer = weakref.finalize(noisy, print, "finalized", flush=True)
atexit.register(print, "first", flush=True)
atexit.register(print, "second", flush=True)
threading._register_atexit(print, "threading", flush=True)
threading.Timer(0.01, print, ["timer"], {"flush": True}).start()
atexit.register(lambda: 1 / 0)
print("end of main")
sys.exit(3)
