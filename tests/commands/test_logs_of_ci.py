"""In the log of a CI runner no text from a payload, a spec or a model is a command to the runner."""

from __future__ import annotations

import json

import pytest

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
