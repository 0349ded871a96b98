"""In the log of a CI runner no text from a payload, a spec or a model is a command to the runner."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

import choreo
from choreo.cli import app
from choreo.commands import speech

HOSTILE = "::add-mask::x\n  ::error::y\nplain ##[error]z ##vso[task]w"


@pytest.fixture
def on_actions(monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")


def commands_in(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.lstrip().startswith("::") or "##[" in line or "##vso[" in line]


def test_messages_and_results_hold_no_command(on_actions, capsys):
    speech.say(HOSTILE)
    speech.out(HOSTILE)
    told = capsys.readouterr()
    assert commands_in(told.out) == commands_in(told.err) == []
    assert "add-mask" in told.out


def test_a_json_result_keeps_its_value(on_actions, capsys):
    value = {"text": HOSTILE, "##[group]": ["##[x]"]}
    speech.out(json.dumps(value, indent=2))
    told = capsys.readouterr().out
    assert commands_in(told) == []
    assert json.loads(told) == value


def test_annotations_are_commands_and_stay_so(on_actions, capsys):
    speech.out("::error file=a.yaml::wrong", commands=True)
    assert capsys.readouterr().out == "::error file=a.yaml::wrong\n"


def test_elsewhere_nothing_is_touched(monkeypatch, capsys):
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    speech.out(HOSTILE)
    assert capsys.readouterr().out == HOSTILE + "\n"


# -- names of files ------------------------------------------------------------------------------

LINES = "a\n::error::b.yaml"
"""The name of a file: as it stands it would begin a line, in any log and on any terminal."""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project whose only spec has such a name, and an error."""
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.chdir(tmp_path)
    shutil.copytree(Path(choreo.__file__).parent / "examples" / "model", tmp_path, dirs_exist_ok=True)
    spec = Path("model.yaml")
    spec.write_text(spec.read_text(encoding="utf-8").replace("kind: reader", "kind: readr"), encoding="utf-8")
    spec.rename(LINES)


@pytest.mark.parametrize(
    "words",
    [
        *(["map", LINES], ["map", "--mermaid", LINES], ["contract", "list"], ["contract", "check"], ["doctor"]),
        *(["validate", LINES], ["validate", "."], ["validate", "--format", "junit", "."], ["run", LINES]),
        *(["contract", "show", "message"], ["contract", "show", LINES], ["contract", "check", LINES + "x"]),
        *([command, LINES + "x"] for command in ("validate", "map", "explain", "run", "trace", "resume", "runs --db")),
    ],
    ids=" ".join,
)
def test_the_name_of_a_file_begins_no_line(project, words):
    done = CliRunner().invoke(app, [*words[0].split(), *words[1:]])
    assert not [line for line in done.output.splitlines() if line.startswith("::")]


def test_a_line_of_ours_stays_one(project, capsys):
    speech.say_safe(f"see: choreo validate {LINES}")
    assert capsys.readouterr().err == "see: choreo validate a\\n::error::b.yaml\n"
