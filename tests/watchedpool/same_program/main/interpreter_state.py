import gc
import locale
import logging
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import warnings

print([signal.getsignal(each) for each in sorted(signal.valid_signals())])
print(warnings.filters, logging.root.handlers, tempfile.tempdir, locale.getlocale())
print(
    threading.active_count(),
    threading.current_thread().name,
    multiprocessing.current_process().name,
)
print(multiprocessing.get_start_method(allow_none=True), sorted(os.environ))
print(sys.getrecursionlimit(), sys.gettrace(), sys.getprofile(), gc.get_threshold())
print(sys.stdin, sys.stdout, sys.stderr, sys.stdout is sys.__stdout__, os.getcwd())
print(
    sys.unraisablehook is sys.__unraisablehook__, threading.excepthook is threading.__excepthook__
)
print(sys.dont_write_bytecode, sys.flags.optimize, sys.warnoptions, sys._xoptions, sys.meta_path)
