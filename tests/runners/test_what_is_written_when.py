"""Hops that end may share a transaction, but nothing leaves the process before what led to it is on disk."""

from __future__ import annotations

import sqlite3

import pytest
from playing import run_spec

from choreo.errors import StoreError
from choreo.store import Store, driver
from choreo.store.writer import RunWriter

CHAIN = """
roles:
  a: {{kind: reader, set: input, emits: any@1.0.0}}
  b: {{kind: researcher, set: input, emits: any@1.0.0}}
  c: {{kind: drafter, {player}, emits: any@1.0.0}}
handoffs:
  - {{from: trigger, to: a}}
  - {{from: a, to: b}}
  - {{from: b, to: c}}
  - {{from: c, to: end}}
"""
LOOKING = """
    import glob
    from choreo.store.driver import sqlite  # two SQLite libraries in one process take each other's locks away
    def look(x):
        [path] = glob.glob({folder!r} + "/*.db")
        seen = sqlite.connect(path).execute("SELECT number, finished_seq IS NOT NULL FROM hop ORDER BY number")
        return {{"n": sum(number * 10 ** number for number, ended in seen if ended)}}
    """


def test_a_service_is_called_when_all_that_led_to_it_is_on_disk(tmp_path):
    ran = run_spec(
        tmp_path,
        CHAIN.format(player='service: {python: "seen:look"}'),
        modules={"seen": LOOKING.format(folder=str(tmp_path))},
    )
    assert ran.result == {"n": 210}, "hop 1 and hop 2 had ended on disk, hop 3 had not"


def test_roles_that_never_wait_share_a_transaction(tmp_path, monkeypatch):
    written: list[int] = []
    append = RunWriter.append

    def counting(writer, events, *given, **named):
        written.append(len(events))
        append(writer, events, *given, **named)

    monkeypatch.setattr(RunWriter, "append", counting)
    ran = run_spec(tmp_path, CHAIN.format(player="set: input"))
    assert ran.result == {"n": 1}
    assert len(written) == 1


def test_what_was_held_back_is_written_when_a_later_step_fails(tmp_path, monkeypatch):
    from choreo.runners import local

    monkeypatch.setattr(local, "in_hand", _fails_at_hop(3, local.in_hand))
    with pytest.raises(RuntimeError, match="broken"):
        run_spec(tmp_path, CHAIN.format(player="set: input"))
    [path] = tmp_path.glob("*.db")
    ended = sqlite3.connect(path).execute("SELECT count(*) FROM hop WHERE status='done'").fetchone()[0]
    assert ended == 2


def _fails_at_hop(number, in_hand):
    def failing(position):
        if number in position.hops:
            raise RuntimeError("broken")
        return in_hand(position)

    return failing


def test_a_run_is_on_disk_whole_with_its_first_step_or_not_at_all(tmp_path, monkeypatch):
    from choreo.runners import local

    def failing(position):
        raise RuntimeError("broken")

    monkeypatch.setattr(local, "in_hand", failing)
    with pytest.raises(RuntimeError, match="broken"):
        run_spec(tmp_path, CHAIN.format(player="set: input"))
    store = Store.read(tmp_path / "trace.db")
    [record] = store.runs()
    assert (record.status, record.hops, store.verify(record)) == ("running", 1, True)
    store.close()


def test_a_run_whose_first_step_cannot_be_written_leaves_nothing(tmp_path, monkeypatch):
    def refusing(db, steps, known=()):
        raise driver.OperationalError("disk I/O error")

    monkeypatch.setattr("choreo.store.steps.write", refusing)
    with pytest.raises(StoreError, match="disk I/O error"):
        run_spec(tmp_path, CHAIN.format(player="set: input"))
    store = Store.read(tmp_path / "trace.db")
    assert store.runs() == []
    store.close()
