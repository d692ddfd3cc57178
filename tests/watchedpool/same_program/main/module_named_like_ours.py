import sys
from pathlib import Path

for name in ("secrets", "optparse", "linecache", "zipfile", "clock", "helpers"):
    Path(f"{name}.py").write_text(f"text = 'my own {name}'\n")
import linecache  # noqa: E402
import optparse  # noqa: E402
import secrets  # noqa: E402
import zipfile  # noqa: E402

import clock  # noqa: E402

import helpers  # noqa: E402

for module in (clock, helpers, secrets, optparse, linecache, zipfile):
    print(getattr(module, "text", "not mine"), file=sys.stdout)
