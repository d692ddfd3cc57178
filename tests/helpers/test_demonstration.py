"""A cell that begins with `%%program` keeps its text as a variable."""

import pytest
from IPython.core.interactiveshell import InteractiveShell

from helpers.commands.demonstration import load_ipython_extension


@pytest.fixture
def shell():
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    load_ipython_extension(shell)
    yield shell
    InteractiveShell.clear_instance()


def test_the_program_is_kept_and_not_run(shell):
    result = shell.run_cell("%%program task\nraise SystemExit(1)\n")
    assert result.success
    assert shell.user_ns["task"] == "raise SystemExit(1)\n"


@pytest.mark.parametrize("name", ["", "two words", "1st"])
def test_a_name_that_is_no_variable_is_refused(shell, capsys, name):
    result = shell.run_cell(f"%%program {name}\nprint()\n")
    assert isinstance(result.error_in_exec, ValueError)
    assert repr(name) in str(result.error_in_exec)
