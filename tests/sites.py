"""Build the site once for the tests that look at it."""

from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import publishing


@cache
def site():
    """Return the folder of the site. It is in this test run's temporary folder."""
    folder = Path(mkdtemp(prefix="site"))
    publishing.write(publishing.build(), folder)
    return folder
