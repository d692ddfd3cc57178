"""The harness of the benchmarks: one that is missed cannot go unnoticed."""

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def run(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parent / "benchmarks")
    return importlib.import_module("run")


@pytest.fixture
def benchmarks(run, monkeypatch):
    """Put two benchmarks in place of the real ones."""
    from measuring import at_least, at_most, only_told, skipped

    def kept():
        yield at_most(2, "small", 2, "s")
        yield at_least(2, "large", 2, "s")
        yield only_told("any", 9, "s")
        yield skipped("absent", "no such module")

    def missed():
        yield at_most(2, "slow", 2.01, "s")
        yield at_least(2, "nan", float("nan"), "s")

    monkeypatch.setattr(run, "BENCHMARKS", [kept, missed])


def test_every_benchmark_that_is_defined_is_run(run):
    from measuring import Row

    folder = Path(run.__file__).parent
    subjects = {path.stem for path in folder.glob("*.py")} - {"run", "measuring"}
    defined = {
        function
        for subject in subjects
        for function in vars(importlib.import_module(subject)).values()
        if getattr(function, "__annotations__", {}).get("return") == Iterator[Row]
    }
    assert defined == set(run.BENCHMARKS)
    assert {function.__module__ for function in defined} == subjects


@pytest.mark.usefixtures("benchmarks")
def test_exit_code_is_0_if_all_are_kept(run, capsys):
    assert run.main(["kept"]) == 0
    told = [line.split()[-1] for line in capsys.readouterr().out.splitlines()]
    assert told == ["ok", "yes", "yes", "-", "skipped"]


@pytest.mark.usefixtures("benchmarks")
@pytest.mark.parametrize("names", [[], ["missed"], ["missed", "kept"]])
def test_exit_code_is_1_if_one_is_missed(run, capsys, names):
    assert run.main(names) == 1
    out = capsys.readouterr().out
    assert out.count("NO\n") == 2
    assert out.endswith("2 not as wanted\n")


@pytest.mark.usefixtures("benchmarks")
def test_an_unknown_name_is_told(run, capsys):
    assert run.main(["nonsense"]) == 2
    assert capsys.readouterr().err == "no benchmark nonsense; there are kept, missed\n"


def test_ratio_takes_turns_and_leaves_out_the_first_pair(run, monkeypatch):
    import measuring

    clock = iter(range(1000))
    monkeypatch.setattr(measuring, "perf_counter", lambda: next(clock))
    calls = []
    assert measuring.ratio(lambda: calls.append("a"), lambda: calls.append("b"), runs=3) == 1
    assert "".join(calls) == "baabbaab"
