"""`choreo contract` where contracts stand inside a spec, and where a spec reads a contract by name."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from choreo.commands.contract import check_contracts, diff_contracts, list_contracts, lock_contracts, show_contract
from choreo.errors import UsageError

INLINE = """\
choreo: 1
name: desk
version: 1.0.0
trigger: {accepts: case@^1}
result: {emits: note@1.0.0, pass: {text: "string(copy.amount)"}}
contracts:
  case@1.0.0: {type: object, required: [amount], properties: {amount: {type: integer, maximum: 10}}}
  note@1.0.0: {type: object, properties: {text: {type: string, maxLength: 9}}}
roles:
  copy: {kind: reader, does: Copy it, emits: case@1.0.0, set: {amount: input.amount}}
  tell: {kind: drafter, does: Say it, accepts: note@^1, emits: note@1.0.0, set: {text: input.text}}
handoffs:
  - {from: trigger, to: copy}
  - from: copy
    to: tell
    when: out.amount > 0
    pass: {text: "string(copy.amount)"}
    touchpoint: look
  - {from: copy, to: end, otherwise: true}
  - {from: tell, to: end}
touchpoints:
  look: {ask: "Is {{ trigger.amount }} right?", show: {note: payload}}
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "desk.yaml").write_text(INLINE)
    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "one")
    return tmp_path / "desk.yaml"


def git(*words):
    names = {f"GIT_{who}_{what}": "x@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    subprocess.run(("git", *words), check=True, env={**os.environ, **names, "GIT_CONFIG_GLOBAL": os.devnull})


def check(*paths, base=None, as_json=False):
    return check_contracts(paths, base=base, as_json=as_json)


def test_inline_contracts_are_listed_with_the_spec_they_stand_in(project, capsys):
    assert list_contracts(("desk.yaml",), as_json=False) == 0
    told = capsys.readouterr().out
    assert told.startswith("case  1.0.0  in desk.yaml\n  accepts  desk: trigger (^1)\n")
    assert "  emits    desk: tell (1.0.0)\n" in told
    list_contracts((), as_json=True)
    assert [one["inline"] for one in json.loads(capsys.readouterr().out)] == [True, True]


def test_inline_contracts_are_shown_and_checked(project, capsys):
    show_contract("case", as_json=False)
    assert "inline, never locked" in capsys.readouterr().err
    assert check() == 0
    assert capsys.readouterr().out == "2 contract versions checked: no problems\n"
    project.write_text(INLINE.replace("maximum: 10", "maximun: 10"))
    assert check() == 1
    told = capsys.readouterr().out
    assert "desk.yaml:7:87: error[unknown-keyword]" in told
    assert "2 contract versions checked, 1 of them cannot be used: 1 error in 1 file" in told


def test_an_inline_contract_that_changed_since_a_commit_is_an_error(project, capsys):
    project.write_text(INLINE.replace("maximum: 10", "maximum: 9"))
    assert check("desk.yaml", base="HEAD") == 1
    told = capsys.readouterr().out
    assert "desk.yaml:7:3: error[contract-changed]: case@1.0.0 is not what was released under this number" in told
    assert "name it 2.0.0" in told
    assert "affected: desk: copy emits case@1.0.0" in told


def test_an_inline_version_in_place_of_another_is_compared_with_it(project, capsys):
    project.write_text(INLINE.replace("case@1.0.0", "case@1.1.0").replace("maximum: 10", "maximum: 9"))
    assert check(base="HEAD") == 1
    assert "desk.yaml:7:87: error[bump-too-small]: 1.1.0 is too small a step from 1.0.0" in capsys.readouterr().out
    project.write_text(INLINE.replace("case@1.0.0", "case@1.1.0").replace("maximum: 10", "maximum: 11"))
    assert check(base="HEAD") == 0
    assert "case@1.0.0 -> 1.1.0: minor change, enough" in capsys.readouterr().out


def test_diff_since_a_commit_sees_inline_contracts(project, capsys):
    project.write_text(INLINE.replace("maximum: 10", "maximum: 9"))
    assert diff_contracts(None, None, base="HEAD", against=None, last=9, as_json=False) == 0
    assert capsys.readouterr().out.startswith("case@1.0.0 at HEAD -> case@1.0.0 in desk.yaml\n")


def test_lock_says_that_it_does_not_lock_what_stands_in_a_spec(project, capsys):
    assert lock_contracts((), rewrite=False) == 0
    told = capsys.readouterr().err
    assert "desk.yaml: 2 inline contracts not locked" in told
    assert "choreo contract check --base GITREF" in told
    assert not os.path.exists("schemas")


def test_files_are_locked_beside_inline_contracts(project, capsys):
    os.makedirs("schemas/other")
    with open("schemas/other/1.0.0.json", "w") as file:
        json.dump({"type": "object"}, file)
    assert lock_contracts((), rewrite=False) == 0
    told = capsys.readouterr().err
    assert "schemas/choreo.lock: 1 new, 1 in all" in told
    assert "desk.yaml: 2 inline contracts not locked" in told


def test_no_contract_at_all_is_a_usage_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="no `schemas` folder"):
        check()


def test_those_who_move_first_are_named(project, capsys):
    project.write_text(INLINE.replace("case@1.0.0", "case@1.1.0").replace("maximum: 10", "maximum: 11"))
    check(base="HEAD")
    told = capsys.readouterr().out
    assert "first: readers (desk:trigger, desk:copy), then writers (desk:copy)" in told
    project.write_text(INLINE.replace("case@1.0.0", "case@2.0.0").replace("maximum: 10", "maximum: 9"))
    check(base="HEAD", as_json=True)
    step = json.loads(capsys.readouterr().out)["steps"][0]
    assert (step["first"], step["writers"]) == ("writers", ["desk:copy"])
    diff_contracts("case", None, base="HEAD", against=None, last=9, as_json=False)
    assert "first: writers (desk:copy), then readers (" in capsys.readouterr().out


def test_those_who_read_it_by_name_are_affected(project, capsys):
    project.write_text(INLINE.replace("case@1.0.0", "case@1.1.0").replace("maximum: 10", "maximum: 11"))
    check(base="HEAD")
    told = capsys.readouterr().out.splitlines()
    assert [line for line in told if line.endswith("reads it")] == [
        "  concerns desk.yaml:5 the result reads it",
        "  concerns desk.yaml:16 handoff copy -> tell reads it",
        "  concerns desk.yaml:22 touchpoint look reads it",
    ]


def test_what_waits_at_a_touchpoint_is_read_there(project, capsys):
    project.write_text(INLINE.replace("note@1.0.0", "note@1.0.1").replace("maxLength: 9", "maxLength: 8"))
    assert check(base="HEAD") == 1
    told = capsys.readouterr().out
    assert "affected: touchpoint look reads it" in told
    assert "affected: handoff" not in told
