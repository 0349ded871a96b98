"""`choreo resume --accept-changes`: what is finished stays, what follows is as the files say now, all on record."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

import choreo
from choreo.api.parts import plan_of
from choreo.commands.playing import Options
from choreo.commands.replay import replay
from choreo.commands.resume import resume
from choreo.commands.resume_many import resume_many
from choreo.commands.review import Flags, review
from choreo.commands.run import run
from choreo.commands.trace import trace
from choreo.engine.advance import rebuild
from choreo.errors import ChoreoError, SpecErrors, UsageError
from choreo.store import Store
from choreo.trace import HandedOver, HopFinished, HopStarted, PlanChanged

SPEC = """
choreo: 1
name: asks
version: 1.0.0
trigger: {accepts: given@^1}
result: {emits: given@1.0.0}
roles:
  a: {kind: reader, does: one, set: {n: input.n + 1}, emits: given@1.0.0}
  b: {kind: drafter, does: add, set: {n: input.n + 10}, accepts: given@^1, emits: given@1.0.0}
handoffs:
  - {from: trigger, to: a}
  - {from: a, to: b, touchpoint: gate}
  - {from: b, to: end}
touchpoints:
  gate: {ask: Good?}
"""
CONTRACT = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
APPROVE = Flags(approve=True)


@dataclass
class Desk:
    """A run that waits between its two roles, `a` done."""

    folder: Path
    options: Options
    capsys: pytest.CaptureFixture[str]

    def write(self, *changes: tuple[str, str], spec: str = SPEC) -> None:
        for old, new in changes:
            assert old in spec
            spec = spec.replace(old, new)
        (self.folder / "asks.yaml").write_text(spec)

    def contract(self, **more: object) -> None:
        (self.folder / "schemas" / "given" / "1.0.0.json").write_text(json.dumps({**CONTRACT, **more}))

    def accept(self) -> int:
        self.capsys.readouterr()
        return resume("last", limits=(), options=self.options, accept_changes=True)

    def refused(self) -> str:
        before = self.rows()
        with pytest.raises(ChoreoError) as told:
            self.accept()
        assert (told.value.code, told.value.exit_code) == ("changes-do-not-fit", 1)
        assert self.rows() == before
        assert self.store().find("last").owner is None
        return told.value.message

    def approve(self) -> dict[str, int]:
        self.capsys.readouterr()
        assert review("last", flags=APPROVE, options=self.options) == 0
        return json.loads(self.capsys.readouterr().out)

    def store(self) -> Store:
        return Store.read(self.folder / "trace.db")

    def rows(self) -> list[object]:
        store = self.store()
        try:
            return list(store.history(store.find("last")))
        finally:
            store.close()

    def of(self, kind: type) -> list[object]:
        return [event for event in self.rows() if isinstance(event, kind)]

    def verified(self) -> bool:
        store = self.store()
        return store.verify(store.find("last"))


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    monkeypatch.chdir(tmp_path)
    made = Desk(tmp_path, Options(db=str(tmp_path / "trace.db"), by="tester"), capsys)
    (tmp_path / "schemas" / "given").mkdir(parents=True)
    made.contract()
    made.write()
    assert run("asks.yaml", source=None, sets=["n=1"], labels=(), models=(), options=made.options) == 4
    return made


def test_what_follows_is_as_the_spec_says_now_and_the_change_is_on_record(desk: Desk) -> None:
    before = desk.store().find("last").plan
    desk.write(
        ("input.n + 1}", "input.n + 1000}"), ("input.n + 10}", "input.n + 100}"), ("1.0.0\ntrigger", "1.1.0\ntrigger")
    )
    assert desk.accept() == 4
    assert "goes on with `asks.yaml` as it is now" in desk.capsys.readouterr().err
    assert desk.approve() == {"n": 102}, "`a` was done before: it is not played again; `b` is the new one"
    [change] = desk.of(PlanChanged)
    record = desk.store().find("last")
    assert isinstance(change, PlanChanged)
    assert (change.before, change.plan, change.by, change.changed) == (before, record.plan, "tester", ("asks.yaml",))
    assert record.version == "1.1.0"
    assert [event.role for event in desk.of(HopStarted)] == ["a", "b"]  # type: ignore[attr-defined]
    assert desk.verified()
    assert trace("last", hop=None, as_json=False, verify=False, db=desk.options.db) == 0
    assert "goes on with what changed: asks.yaml  accepted by tester" in desk.capsys.readouterr().out


def test_where_nothing_changed_nothing_is_recorded(desk: Desk) -> None:
    assert desk.accept() == 4
    assert "nothing has changed since run" in desk.capsys.readouterr().err
    assert desk.of(PlanChanged) == []


def test_without_the_flag_what_changed_is_named_and_both_ways_are_told(desk: Desk) -> None:
    desk.write(("input.n + 10}", "input.n + 100}"))
    desk.capsys.readouterr()
    assert resume("last", limits=(), options=desk.options) == 4
    said = desk.capsys.readouterr().err
    assert "note: `asks.yaml` changed since run" in said
    assert f"--db {desk.options.db} --accept-changes\n" in said
    assert desk.approve() == {"n": 12}


def test_handoffs_that_fired_are_found_again_wherever_they_stand_now(desk: Desk) -> None:
    """A handoff before the others moves all places by one, and what waits still goes where it was going."""
    more = (
        "  - {from: trigger, to: a}\n",
        "  - {from: b, to: end, on: failed, pass: {n: 0}}\n  - {from: trigger, to: a}\n",
    )
    desk.write(more, ("input.n + 10}", "input.n + 100}"))
    assert desk.accept() == 4
    assert desk.approve() == {"n": 102}
    assert [event.edge for event in desk.of(HandedOver)] == [0, 1, 3]  # type: ignore[attr-defined]
    record = desk.store().find("last")
    position = rebuild(plan_of(desk.store(), record).plan, record.id, desk.store().history(record))
    assert sorted(position.scope("").fired) == [1, 2, 3]
    assert desk.verified()


def test_a_second_change_is_read_through_both(desk: Desk) -> None:
    first = (
        "  - {from: trigger, to: a}\n",
        "  - {from: b, to: end, on: failed, pass: {n: 0}}\n  - {from: trigger, to: a}\n",
    )
    desk.write(first)
    assert desk.accept() == 4
    desk.write(("input.n + 10}", "input.n + 100}"))  # and back to the first places
    assert desk.accept() == 4
    assert desk.approve() == {"n": 102}
    assert len(desk.of(PlanChanged)) == 2
    assert desk.verified()


CANNOT_FIT = {
    "the role `a`, which has played (hop 1), is gone": [
        ("  a: {", "  c: {"),
        ("to: a}", "to: c}"),
        ("from: a,", "from: c,"),
    ],
    "the touchpoint `gate`, which was asked (question 1), is gone": [("gate", "other")],
    "the handoff a -> b, which has fired, is gone": [
        (", touchpoint: gate", ", touchpoint: new"),
        ("gate:", "new: {ask: Also?}\n  gate:"),
        ("to: end}", "to: end, touchpoint: gate}"),
    ],
    "the spec is called `others` now, it was `asks`": [("name: asks", "name: others")],
    "`a` has played, and it is joined with other roles now": [
        ("{from: b, to: end}", "{from: [a, b], to: end, pass: b}"),
    ],
}


@pytest.mark.parametrize(("why", "changes"), CANNOT_FIT.items())
def test_what_cannot_fit_is_refused_and_nothing_is_recorded(
    desk: Desk, changes: list[tuple[str, str]], why: str
) -> None:
    desk.write(*changes)
    assert why in desk.refused()
    desk.write()
    assert desk.approve() == {"n": 12}


def test_a_payload_on_its_way_must_keep_the_contract_of_its_receiver(desk: Desk) -> None:
    desk.contract(properties={"n": {"type": "integer", "maximum": 1}})
    said = desk.refused()
    assert "what is on its way to `b` breaks given@1.0.0 at /n" in said
    desk.contract(properties={"n": {"type": "integer", "maximum": 500}})
    assert desk.accept() == 4
    assert "`schemas/given/1.0.0.json` as it is now" in desk.capsys.readouterr().err
    assert desk.approve() == {"n": 12}


def test_a_spec_with_mistakes_is_told_as_by_validate_and_the_run_stays_as_it_was(desk: Desk) -> None:
    desk.write(("to: b,", "to: nobody,"))
    with pytest.raises(SpecErrors):
        desk.accept()
    (desk.folder / "asks.yaml").unlink()
    with pytest.raises(UsageError):
        desk.accept()
    assert desk.of(PlanChanged) == []
    assert desk.approve() == {"n": 12}


def test_all_and_due_take_no_changes(desk: Desk) -> None:
    with pytest.raises(UsageError, match="take no `--accept-changes`"):
        resume_many(None, limits=(), due_only=False, options=desk.options, accept_changes=True)


def test_a_replay_takes_over_what_the_changed_roles_gave_only_where_they_are_the_same(desk: Desk) -> None:
    """Hop 1 was played by the first `a`. After the change `a` is another: a replay plays it anew."""
    desk.write(("input.n + 1}", "input.n + 1000}"), ("input.n + 10}", "input.n + 100}"))
    assert desk.accept() == 4
    assert desk.approve() == {"n": 102}
    assert replay("last", since=None, spec=None, models=(), options=desk.options) == 4
    assert [event.output.value for event in desk.of(HopFinished)] == [{"n": 1001}]  # type: ignore[attr-defined]
    assert "0 of 1 hops reused" in desk.capsys.readouterr().err


def test_a_replay_reuses_what_did_not_change(desk: Desk) -> None:
    desk.write(("input.n + 10}", "input.n + 100}"))
    assert desk.accept() == 4
    desk.approve()
    assert replay("last", since=None, spec=None, models=(), options=desk.options) == 0
    assert "2 of 2 hops reused" in desk.capsys.readouterr().err


CHILD = """
roles:
  a: {kind: reader, does: it, spec: below.yaml, emits: given@1.0.0}
"""
BELOW = SPEC.replace("name: asks", "name: below")


def test_a_child_run_in_play_keeps_its_spec(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    desk = Desk(tmp_path, Options(db=str(tmp_path / "trace.db"), by="tester"), capsys)
    (tmp_path / "schemas" / "given").mkdir(parents=True)
    desk.contract()
    above = SPEC.replace("set: {n: input.n + 1}", "spec: below.yaml").replace(", touchpoint: gate", "")
    above = above.replace("touchpoints:\n  gate: {ask: Good?}\n", "")
    (tmp_path / "below.yaml").write_text(BELOW)
    desk.write(spec=above)
    assert run("asks.yaml", source=None, sets=["n=1"], labels=(), models=(), options=desk.options) == 4
    (tmp_path / "below.yaml").write_text(BELOW.replace("input.n + 10}", "input.n + 100}"))
    assert "has begun, and its spec `below` is another now" in desk.refused()
    (tmp_path / "below.yaml").write_text(BELOW)
    desk.write(("input.n + 10}", "input.n + 100}"), spec=above)
    assert desk.accept() == 4
    assert desk.approve() == {"n": 112}


def test_a_prompt_and_a_limit_are_changes_like_any_other(desk: Desk) -> None:
    desk.write(("handoffs:", "limits: {hops: 1}\nhandoffs:"))
    assert desk.accept() == 4
    desk.capsys.readouterr()
    assert review("last", flags=APPROVE, options=desk.options) == 8
    desk.write(("handoffs:", "limits: {hops: 9}\nhandoffs:"))
    assert resume("last", limits=["hops=5"], options=desk.options, accept_changes=True) == 0
    assert desk.verified()


def test_the_python_side_can_accept_changes_too(desk: Desk) -> None:
    desk.write(("input.n + 10}", "input.n + 100}"))
    again = choreo.resume("last", db=desk.options.db, accept_changes="ann")
    assert again.status == "waiting"
    [change] = desk.of(PlanChanged)
    assert change.by == "ann"  # type: ignore[attr-defined]
    assert desk.approve() == {"n": 102}


@pytest.mark.parametrize(
    "tamper",
    [
        "UPDATE run SET plan=(SELECT digest FROM plan ORDER BY created LIMIT 1)",
        "UPDATE plan SET sources=CAST('{}' AS BLOB)",
    ],
)
def test_who_puts_another_plan_behind_a_run_is_noticed(desk: Desk, tamper: str) -> None:
    desk.write(("input.n + 10}", "input.n + 100}"))
    assert desk.accept() == 4
    assert desk.verified()
    if "sources" in tamper:
        tamper += " WHERE digest<>(SELECT plan FROM run)"  # that of the time before the change
    store = Store.open(desk.folder / "trace.db")
    store._db.execute(tamper)
    store.close()
    assert not desk.verified()
