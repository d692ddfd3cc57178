"""What README.md shows runs as it stands."""

import os
import re
import sys
from multiprocessing import get_all_start_methods
from pathlib import Path

import pytest
from PIL import Image

from helpers.commands import run_command

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = re.search("```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)[1]


@pytest.mark.parametrize("method", get_all_start_methods())
def test_the_script_runs_under_every_start_method(method, tmp_path):
    (tmp_path / "watched.py").write_text(SCRIPT)
    # Python imports this module, if it is there, before the script.
    (tmp_path / "sitecustomize.py").write_text(
        f"import multiprocessing\nmultiprocessing.set_start_method({method!r}, force=True)\n"
    )
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    script = [sys.executable, "watched.py"]
    done = run_command(script, timeout=60, cwd=tmp_path, env=env)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    with Image.open(tmp_path / "lag.png") as picture:
        assert picture.width > 500
