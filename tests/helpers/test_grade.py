"""Answers from a file are graded as JSON, and bad input is named."""

import json

import pytest

from helpers import grade
from helpers.exercises import lesson_04


def graded(folder, lesson, text):
    path = folder / "answers.json"
    path.write_text(text, encoding="utf-8")
    return grade.main([lesson, str(path)])


def test_the_results_are_json_on_stdout(tmp_path, capsys):
    answers = json.dumps({"order": sorted(lesson_04.NAPS), "lie": [1]})
    assert graded(tmp_path, "04", answers) == 1
    right, wrong = json.loads(capsys.readouterr().out)
    assert (right["name"], right["right"]) == ("order", True)
    assert right["verdict"].startswith("✓ Right: ")
    assert (wrong["name"], wrong["right"]) == ("lie", False)


@pytest.mark.parametrize(
    ("lesson", "text", "message"),
    [
        ("04", '{"survive": 1}', "answer is 'survive'; allowed in lesson 04: order, lie, program"),
        ("77", "{}", "lesson is '77'; allowed are 00 to 11"),
        ("04", "[1]", "the answers are not a JSON object"),
        ("04", "{", "Expecting"),
    ],
)
def test_bad_input_is_named(lesson, text, message, tmp_path, capsys):
    assert graded(tmp_path, lesson, text) == 2
    assert message in capsys.readouterr().err


def test_a_missing_file_and_missing_arguments_are_named(capsys):
    assert grade.main(["04", "/no/such/file"]) == 2
    assert "/no/such/file" in capsys.readouterr().err
    assert grade.main([]) == 2
