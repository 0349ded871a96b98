"""`choreo contract`: list, show, check, lock, diff, in a small project under git."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from choreo.canonical import Payload
from choreo.commands.contract import check_contracts, diff_contracts, list_contracts, lock_contracts, show_contract
from choreo.errors import ChoreoError, SpecErrors, UsageError
from choreo.store import NewRun, Store
from choreo.trace import HandedOver, HopFinished, HopStarted, RunStarted, Verdict

CASE = {
    "type": "object",
    "x-owner": "desk",
    "required": ["amount"],
    "properties": {"amount": {"type": "number", "maximum": 10}},
    "additionalProperties": False,
}
SPEC = """\
choreo: 1
name: desk
version: 1.0.0
trigger: {accepts: case@^1}
result: {emits: note@1.0.0}
roles:
  copy: {kind: reader, does: Copy it, emits: case@1.0.0, set: {amount: input.amount}}
  tell: {kind: drafter, does: Say it, accepts: case@^1, emits: note@1.0.0, set: {text: "'paid'"}}
handoffs:
  - {from: trigger, to: copy}
  - {from: copy, to: tell}
  - {from: tell, to: end}
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    put("case", "1.0.0", CASE)
    put("note", "1.0.0", {"type": "object", "properties": {"text": {"type": "string"}}})
    (tmp_path / "desk.yaml").write_text(SPEC)
    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "one")
    return tmp_path


def git(*words):
    names = {f"GIT_{who}_{what}": "x@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    subprocess.run(("git", *words), check=True, env={**os.environ, **names, "GIT_CONFIG_GLOBAL": os.devnull})


def put(name, version, schema):
    folder = os.path.join("schemas", name)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, f"{version}.json"), "w") as file:
        json.dump(schema, file, indent=2)


def _lock():
    with open("schemas/choreo.lock") as file:
        return file.read()


def case(**changed):
    return {**CASE, "properties": {"amount": {**CASE["properties"]["amount"], **changed}}}


def check(*paths, base=None, as_json=False, strict=False):
    return check_contracts(paths, base=base, as_json=as_json, quiet=False, strict=strict)


def diff(old=None, new=None, *, base=None, against=None, as_json=False):
    return diff_contracts(old, new, base=base, against=against, last=100, as_json=as_json)


def test_list_says_who_emits_and_who_accepts(project, capsys):
    assert list_contracts((), as_json=False) == 0
    assert capsys.readouterr().out.splitlines() == [
        "case  1.0.0  owner: desk",
        "  accepts  desk: trigger (^1)",
        "  accepts  desk: copy (1.0.0)",
        "  emits    desk: copy (1.0.0)",
        "  accepts  desk: tell (^1)",
        "note  1.0.0",
        "  emits    desk: tell (1.0.0)",
        "  emits    desk: result (1.0.0)",
    ]


def test_list_as_json(project, capsys):
    list_contracts((), as_json=True)
    first = json.loads(capsys.readouterr().out)[0]
    assert (first["name"], first["versions"], first["owner"]) == ("case", ["1.0.0"], "desk")
    assert first["parties"][0]["place"].startswith("desk.yaml:4:")


def test_show_prints_the_schema_and_whether_it_is_locked(project, capsys):
    show_contract("case@^1", as_json=False)
    told = capsys.readouterr()
    assert json.loads(told.out) == CASE
    assert "not locked" in told.err
    lock_contracts((), rewrite=False)
    capsys.readouterr()
    show_contract("case", as_json=True)
    assert json.loads(capsys.readouterr().out)["locked"] is True


@pytest.mark.parametrize("named", ["nope", "case@2.0.0", "case@x"])
def test_show_of_what_is_not_there_is_a_usage_error(project, named):
    with pytest.raises(UsageError):
        show_contract(named, as_json=False)


def test_check_is_content_with_a_locked_project(project, capsys):
    lock_contracts((), rewrite=False)
    assert check() == 0
    assert "2 contract versions checked: no problems" in capsys.readouterr().out


def test_check_without_a_lock_advises_one(project, capsys):
    assert check() == 0
    assert "advice[no-lock]" in capsys.readouterr().out


def test_a_version_that_was_not_locked_is_told_with_the_command_and_fails_when_strict(project, capsys):
    lock_contracts((), rewrite=False)
    put("case", "1.1.0", case(maximum=20))
    assert check() == 0
    told = capsys.readouterr().out
    assert "schemas/case/1.1.0.json:1:1: warning[version-not-locked]: case@1.1.0 is not in choreo.lock" in told
    assert "choreo contract lock" in told
    assert "no problems" not in told
    assert check(strict=True) == 1
    lock_contracts((), rewrite=False)
    assert check(strict=True) == 0


def test_a_changed_digest_of_a_released_version_is_an_error(project, capsys):
    lock_contracts((), rewrite=False)
    put("case", "1.0.0", case(maximum=20))
    assert check() == 1
    told = capsys.readouterr().out
    assert "schemas/case/1.0.0.json:1:1: error[contract-changed]" in told
    assert "desk: tell accepts case@^1" in told
    assert "tell desk" in told


def test_a_released_version_that_is_gone_is_an_error(project, capsys):
    lock_contracts((), rewrite=False)
    os.remove("schemas/note/1.0.0.json")
    assert check() == 1
    assert "error[contract-gone]: note@1.0.0" in capsys.readouterr().out


def test_a_lock_that_cannot_be_read_is_an_error(project, capsys):
    with open("schemas/choreo.lock", "w") as file:
        file.write("<<<<<<< ours")
    assert check() == 1
    assert "error[bad-lock]" in capsys.readouterr().out
    assert lock_contracts((), rewrite=False) == 1
    assert lock_contracts((), rewrite=True) == 0
    assert check() == 0


def test_a_step_that_is_too_small_is_blamed_on_its_keyword_with_all_it_concerns(project, capsys):
    put("case", "1.1.0", case(maximum=5))
    assert check() == 1
    told = capsys.readouterr().out
    assert "schemas/case/1.1.0.json:10:7: error[bump-too-small]" in told
    assert "name it 2.0.0 or later" in told
    assert "tell desk" in told
    assert "affected: desk: trigger accepts case@^1: desk.yaml:4:" in told
    assert "affected: desk: tell accepts case@^1: desk.yaml:8:" in told


def test_a_step_that_is_large_enough_passes_and_says_who_is_concerned(project, capsys):
    lock_contracts((), rewrite=False)
    put("case", "1.1.0", case(maximum=20))
    assert check() == 0
    told = capsys.readouterr().out
    assert "case@1.0.0 -> 1.1.0: minor change, enough; first: readers" in told
    assert "owner: desk" in told
    assert "concerns desk: tell accepts case@^1" in told


def test_a_patch_that_widens_is_too_small(project, capsys):
    put("case", "1.0.1", case(maximum=20))
    assert check() == 1
    assert "name it 1.1.0 or later" in capsys.readouterr().out


def test_what_cannot_be_told_counts_as_breaking(project, capsys):
    put("note", "1.1.0", {"type": "object", "properties": {"text": {"type": "string", "pattern": r"^(?:(a)\1)?$|"}}})
    assert check() == 1
    assert "error[bump-too-small]: 1.1.0" in capsys.readouterr().out


def test_a_schema_that_is_not_valid_is_an_error_at_its_place(project, capsys):
    put("case", "1.1.0", case(maximun=5))
    assert check() == 1
    assert "schemas/case/1.1.0.json:11:7: error[unknown-keyword]" in capsys.readouterr().out


def test_check_since_a_commit_finds_what_changed_in_place(project, capsys):
    put("case", "1.0.0", case(maximum=5))
    assert check(base="HEAD") == 1
    told = capsys.readouterr().out
    assert "case@1.0.0 is not what was released under this number (HEAD): the change is major, name it 2.0.0" in told
    assert "affected: desk: tell accepts case@^1" in told


def test_check_since_a_commit_compares_new_versions_with_those_of_then(project, capsys):
    put("case", "1.1.0", case(maximum=5))
    lock_contracts((), rewrite=True)
    assert check() == 0
    assert check(base="HEAD") == 1
    capsys.readouterr()
    assert check(base="HEAD", as_json=True) == 1
    step = json.loads(capsys.readouterr().out)["steps"][0]
    assert (step["old"], step["new"], step["bump"], step["enough"]) == ("1.0.0", "1.1.0", "major", False)
    assert 5 < step["backward"]["counterexample"]["amount"] <= 10
    assert {"spec": "desk", "role": "tell", "does": "accepts", "range": "^1"} in step["affected"]


@pytest.mark.parametrize("base", ["nope", "-h", "--output=x", "HEAD:schemas"])
def test_a_commit_that_is_not_there_is_a_usage_error(project, base):
    with pytest.raises(UsageError):
        check(base=base)
    assert not os.path.exists("x")


def test_no_repository_is_a_usage_error(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    put("case", "1.0.0", CASE)
    with pytest.raises(UsageError, match="no git repository"):
        check(base="HEAD")


def test_lock_refuses_a_step_that_is_too_small(project, capsys):
    lock_contracts((), rewrite=False)
    before = _lock()
    put("case", "1.0.1", case(maximum=5))
    assert lock_contracts((), rewrite=False) == 1
    assert _lock() == before
    assert lock_contracts((), rewrite=True) == 0
    assert '"case@1.0.1": "sha256:' in _lock()


def test_diff_of_two_versions_tells_both_directions(project, capsys):
    put("case", "1.1.0", case(maximum=5))
    assert diff("case@1.0.0", "case@1.1.0") == 0
    told = capsys.readouterr().out
    assert "a new reader with old writers: BREAKING by `maximum` at /properties/amount/maximum" in told
    assert "a new writer with old readers: compatible" in told
    assert "/properties/amount/maximum: 10 -> 5" in told
    assert "version: major" in told
    assert "order: writers move first" in told
    assert "1.1.0 is too small a step: name it 2.0.0 or later" in told
    assert "concerns desk: tell accepts case@^1" in told


def test_diff_of_files_needs_no_project_and_reads_any_draft(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.json").write_text('{"type": "array", "items": [{}], "additionalItems": false, "maxItems:": 3}')
    (tmp_path / "b.json").write_text("true")
    assert diff("a.json", "b.json", as_json=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["backward"]["verdict"] == "compatible"
    assert told["forward"]["verdict"] == "breaking"
    assert told["forward"]["counterexample"] is None
    assert told["bump"] == "minor"


def test_diff_since_a_commit(project, capsys):
    put("case", "1.0.0", case(maximum=20))
    put("note", "1.1.0", {"type": "object"})
    assert diff(base="HEAD", as_json=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(one["old"], one["new"], one["bump"]) for one in told] == [
        ("case@1.0.0 at HEAD", "case@1.0.0", "minor"),
        ("note@1.0.0 at HEAD", "note@1.1.0", "minor"),
    ]
    diff("schemas/case/1.0.0.json", base="HEAD", as_json=True)
    assert json.loads(capsys.readouterr().out)["backward"]["verdict"] == "compatible"
    diff("note", base="HEAD", as_json=True)
    assert json.loads(capsys.readouterr().out)["new"] == "note@1.1.0"


def test_diff_without_two_sides_is_a_usage_error(project):
    for call in ({"old": "case@1.0.0"}, {}, {"old": "a", "new": "b", "base": "HEAD"}):
        with pytest.raises(UsageError):
            diff(**call)


@pytest.mark.parametrize("text", ["{", "[1]", '{"a": 1, "a": 2}', "[" * 5000, "\x00"])
def test_a_file_that_is_no_schema_text_is_told_with_its_place(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(SpecErrors):
        diff("a.json", "a.json")


def test_a_schema_that_no_validator_takes_is_an_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.json").write_text('{"$ref": "http://127.0.0.1:1/a"}')
    with pytest.raises(ChoreoError, match="no schema that can be used"):
        diff("a.json", "a.json")


def test_text_from_a_schema_cannot_steer_a_terminal(project, capsys):
    put("case", "1.1.0", case(maximum=5, description="\x1b[2J\n::error::x"))
    diff("case@1.0.0", "case@1.1.0")
    told = capsys.readouterr().out
    assert "\x1b" not in told
    assert "\n::" not in told


# -- stored payloads -----------------------------------------------------------------------------


@pytest.fixture
def traces(project):
    path = project / ".choreo" / "trace.db"
    store = Store.open(path)
    for number, amount in enumerate((3, 8, 4)):
        digest = Payload.of({"spec": number}).digest
        start = RunStarted(1000.0 + number, Payload.of({"amount": amount}))
        new = NewRun(
            f"run{number}", ("desk", "1.0.0"), digest, {"desk.yaml": SPEC}, at=1000.0 + number, main="desk.yaml"
        )
        writer = store.create_run(new, (start,), status="running")
        writer.append(_events(number, amount), status="running", at=1000.0 + number)
    store.close()
    return str(path)


def _events(number, amount):
    payload, at = Payload.of({"amount": amount}), 1000.0 + number
    verdict = Verdict("case@1.0.0", "sha256:x")
    handed = HandedOver(at, 1, 0, (("trigger", 0),), "copy", "delivered", payload, verdict=verdict)
    started = HopStarted(at, 1, "copy", 1, 1, payload)
    return handed, started, HopFinished(at, 1, "done", payload, verdict=verdict)


def test_stored_payloads_are_judged_by_the_new_version_and_the_first_that_fails_is_shown(project, traces, capsys):
    put("case", "2.0.0", case(maximum=5))
    assert diff("case@1.0.0", "case@2.0.0", against=traces) == 1
    told = capsys.readouterr().out
    assert "stored payloads: number 2 fails under case@2.0.0 at /amount: expected at most 5, found 8" in told
    assert "run run1" in told
    assert '{"amount": 8}' in told


def test_stored_payloads_that_pass_are_counted(project, traces, capsys):
    put("case", "1.1.0", case(maximum=20))
    assert diff("case@1.0.0", "case@1.1.0", against=traces, as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["traces"] == {"checked": 3, "failed": None}


def test_stored_payloads_need_a_contract_name_and_a_store(project, traces):
    (project / "a.json").write_text("{}")
    with pytest.raises(UsageError):
        diff("a.json", "a.json", against=traces)
    with pytest.raises(UsageError):
        diff("case@1.0.0", "case@1.0.0", against="nowhere.db")
