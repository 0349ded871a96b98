"""A run goes on with the texts it began with, and says so where the files now hold other ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from choreo.commands.playing import Options
from choreo.commands.review import Flags, review
from choreo.commands.run import run

SPEC = """
choreo: 1
name: asks
version: 1.0.0
trigger: {accepts: given@^1}
result: {emits: given@1.0.0}
roles:
  a: {kind: reader, does: one, set: input, emits: given@1.0.0}
  b: {kind: drafter, does: add, set: {n: input.n + 1}, accepts: given@^1, emits: given@1.0.0}
handoffs:
  - {from: trigger, to: a}
  - {from: a, to: b, touchpoint: gate}
  - {from: b, to: end}
touchpoints:
  gate: {ask: Good?}
"""
CONTRACT = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
APPROVE = Flags(approve=True)


@pytest.fixture
def waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Options:
    """A run that waits between its two roles."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "asks.yaml").write_text(SPEC)
    (tmp_path / "schemas" / "given").mkdir(parents=True)
    (tmp_path / "schemas" / "given" / "1.0.0.json").write_text(json.dumps(CONTRACT))
    options = Options(db=str(tmp_path / "trace.db"), by="tester")
    assert run("asks.yaml", source=None, sets=["n=1"], labels=(), models=(), options=options) == 4
    return options


def answered(options: Options, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, int], str]:
    """Exit code, result, and what was said when the run went on."""
    capsys.readouterr()
    code = review("last", flags=APPROVE, options=options)
    said = capsys.readouterr()
    return code, json.loads(said.out), said.err


def test_nothing_is_said_where_nothing_changed(waiting: Options, capsys: pytest.CaptureFixture[str]) -> None:
    Path("asks.yaml").write_bytes(SPEC.replace("\n", "\r\n").encode())  # the same text to every reader
    code, result, said = answered(waiting, capsys)
    assert (code, result) == (0, {"n": 2})
    assert "note:" not in said


def test_a_changed_spec_and_contract_are_named_and_not_used(
    waiting: Options, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("asks.yaml").write_text(SPEC.replace("n + 1", "n + 100"))
    Path("schemas/given/1.0.0.json").write_text(json.dumps({**CONTRACT, "required": ["m"]}))
    code, result, said = answered(waiting, capsys)
    assert (code, result) == (0, {"n": 2})
    assert "note: `asks.yaml`, `schemas/given/1.0.0.json` changed since run " in said
    assert "it goes on with the texts it began with" in said
    assert f" --db {waiting.db} --spec asks.yaml\n" in said


def test_a_spec_that_is_gone_or_broken_stops_no_run(waiting: Options, capsys: pytest.CaptureFixture[str]) -> None:
    Path("asks.yaml").unlink()
    Path("schemas/given/1.0.0.json").write_bytes(b"\xff{")
    code, result, said = answered(waiting, capsys)
    assert (code, result) == (0, {"n": 2})
    assert "note: `asks.yaml` (gone), `schemas/given/1.0.0.json` changed since" in said


def test_a_quiet_run_says_nothing_of_it(waiting: Options, capsys: pytest.CaptureFixture[str]) -> None:
    Path("asks.yaml").write_text("choreo: 1\n")
    quiet = Options(db=waiting.db, by="tester", quiet=True)
    assert answered(quiet, capsys) == (0, {"n": 2}, "")
