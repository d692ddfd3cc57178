"""The check for many users says what fits, leaves no process, and names a bad number."""

import psutil
import pytest

from helpers import many_users


def test_two_users_at_once_leave_no_process(capsys):
    before = set(psutil.Process().children(recursive=True))
    many_users.check_users(2)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("ok   one user needs ")
    assert lines[1].startswith("ok   2 users, 12 processes or more: ")
    assert "ten naps that take 2.2 s took 2." in lines[2] or lines[2].startswith("FIX  ")
    assert set(psutil.Process().children(recursive=True)) <= before


def test_users_that_do_not_fit_are_not_started(capsys, monkeypatch):
    monkeypatch.setattr(many_users, "SPARE", 1e-9)
    assert not many_users.check_users(30)
    said = capsys.readouterr().out.splitlines()[-1]
    assert said.startswith("FIX  30 users need 30 x ")
    assert said.endswith("there is room for 0")


def test_a_user_that_cannot_start_is_reported(capsys, monkeypatch):
    monkeypatch.setattr(many_users, "USER", "raise SystemExit(1)")
    assert many_users.main(["3"]) == 1
    assert capsys.readouterr().out.startswith("FIX  no user could start")


@pytest.mark.parametrize("wrong", ["0", "-1", "501", "many"])
def test_a_bad_number_is_named(wrong, capsys):
    with pytest.raises(SystemExit, match="2"):
        many_users.main([wrong])
    assert wrong in capsys.readouterr().err
