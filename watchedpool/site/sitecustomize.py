"""Python imports this when it starts, before a program that the command `watchedpool` runs.

It puts back what the command has changed for that, and leaves the place to a `sitecustomize` of
this Python. If there is none, the import fails below, as it does alone: nothing of ours stays.
"""

import os
import sys

HERE = os.path.dirname(__file__)
KEPT = "WATCHEDPOOL_KEPT_"  # before the names of variables that the command took away

sys.path.remove(HERE)
del sys.path_importer_cache[HERE], os.environ["PYTHONPATH"]
for name in list(os.environ):
    if name.startswith(KEPT):
        os.environ[name.removeprefix(KEPT)] = os.environ.pop(name)
ROOT = os.path.dirname(os.path.dirname(HERE))
if ROOT not in sys.path:
    sys.path.append(ROOT)  # workers import watchedpool, wherever the program is

from watchedpool.program import watch_program  # noqa: E402

watch_program(os.environ.pop("WATCHEDPOOL_OUTPUT"))
del sys.modules[__name__]
import sitecustomize  # noqa: E402, F401
