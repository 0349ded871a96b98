"""One owner per run: taken over at once where the owner is dead, and fenced off for good."""

from __future__ import annotations

import multiprocessing
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from keeping import START, at, new_run

from choreo.canonical import Payload
from choreo.errors import HeldError
from choreo.store import Store
from choreo.store.owner import LEASE, Owner, is_alive, this_process
from choreo.trace import Asked, Decided, HandedOver, HopStarted

PAYLOAD = Payload.of({"x": 1})
HANDED = HandedOver(1001.0, 1, 0, (("trigger", 0),), "a", "delivered", PAYLOAD)
HOP = HopStarted(1001.0, 1, "a", 1, 1, PAYLOAD)
SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(at(tmp_path))
    yield opened
    opened.close()


def own_and_wait(path: str, talk: Connection) -> None:
    """In another process: own a run, say so, write late when told to, and say how that went."""
    store = Store.open(Path(path))
    writer = new_run(store, "r")
    talk.send("mine")
    talk.recv()
    try:
        writer.append([HANDED, HOP], status="running", at=1002.0)
        talk.send("written")
    except HeldError as error:
        talk.send(f"held: {error.code}")


@pytest.fixture
def other(tmp_path: Path) -> Iterator[tuple[multiprocessing.process.BaseProcess, Connection]]:
    here, there = SPAWN.Pipe()
    process = SPAWN.Process(target=own_and_wait, args=(str(at(tmp_path)), there))
    process.start()
    assert here.poll(60)
    assert here.recv() == "mine"
    yield process, here
    process.kill()
    process.join()
    here.close()
    there.close()


def test_a_living_owner_is_named_to_whoever_wants_the_run(store: Store, other) -> None:  # type: ignore[no-untyped-def]
    process, _ = other
    with pytest.raises(HeldError) as caught:
        store.acquire(store.find("r"), time.time())
    assert f"pid {process.pid} on {socket.gethostname()}" in caught.value.message
    assert caught.value.exit_code == 6


def test_a_dead_owner_is_replaced_at_once(store: Store, other) -> None:  # type: ignore[no-untyped-def]
    process, _ = other
    record = store.find("r")
    assert record.until > 0
    process.kill()
    process.join()
    writer = store.acquire(record, 1000.0)  # long before the lease is over
    writer.append([HANDED, HOP], status="running", at=1001.0)
    assert store.find("r").owner == this_process()


def test_a_zombie_owns_nothing(store: Store, other) -> None:  # type: ignore[no-untyped-def]
    process, _ = other
    os.kill(process.pid, 9)
    while "Z" not in Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]:
        time.sleep(0.01)
    store.acquire(store.find("r"), 1000.0)  # nobody has waited for it yet


def test_a_late_write_of_the_former_owner_is_fenced_off(store: Store, other) -> None:  # type: ignore[no-untyped-def]
    _, talk = other
    store._db.execute("UPDATE run SET host='elsewhere', until=0")  # as if its lease had run out on another machine
    writer = store.acquire(store.find("r"), 1000.0)
    talk.send("write")
    assert talk.poll(60)
    assert talk.recv() == "held: taken-over"
    assert store.history(store.find("r")) == [START]
    writer.append([HANDED, HOP], status="running", at=1003.0)
    assert store.verify(store.find("r"))


def test_a_late_write_that_clashes_with_the_new_owner_rows_is_told_as_what_it_is(store: Store, other) -> None:  # type: ignore[no-untyped-def]
    _, talk = other
    store._db.execute("UPDATE run SET host='elsewhere', until=0")
    writer = store.acquire(store.find("r"), 1000.0)
    writer.append([HANDED, HOP], status="running", at=1003.0)
    talk.send("write")
    assert talk.poll(60)
    assert talk.recv() == "held: taken-over"
    assert store.history(store.find("r")) == [START, HANDED, HOP]


def test_renewing_and_releasing_what_was_taken_over_is_refused(store: Store) -> None:
    writer = new_run(store, "r")
    store.acquire(store.find("r"), 1000.0)
    with pytest.raises(HeldError):
        writer.renew(1001.0)
    writer.release()  # what is not owned any more is not let go, either
    assert store.find("r").owner == this_process()


def test_a_released_run_belongs_to_nobody(store: Store) -> None:
    new_run(store, "r").release()
    assert store.find("r").owner is None


def test_an_owner_elsewhere_counts_until_its_lease_is_over() -> None:
    owner = Owner(1, "another-host", "77")
    assert is_alive(owner, until=1000.0 + LEASE, now=1000.0)
    assert not is_alive(owner, until=1000.0, now=1000.1)


def test_a_pid_that_was_given_to_another_process_is_not_the_owner() -> None:
    mine = this_process()
    assert is_alive(mine, 0.0, 1.0)
    if mine.process:
        assert not is_alive(Owner(mine.pid, mine.host, mine.process + "0"), 0.0, 1.0)


def test_a_process_that_has_ended_is_not_alive() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    stat = Path(f"/proc/{child.pid}/stat")
    began = stat.read_text().rpartition(")")[2].split()[19] if stat.exists() else ""
    owner = Owner(child.pid, socket.gethostname(), began)
    assert is_alive(owner, 0.0, 1.0)
    child.communicate(b"\n")
    assert not is_alive(owner, 0.0, 1.0)


def test_the_first_answer_wins_and_the_second_is_told_who_was_quicker(store: Store) -> None:
    writer = new_run(store, "r")
    writer.append([HANDED, Asked(1.0, 1, "approve", "gate", PAYLOAD, handoff=1)], status="waiting", at=1.0)
    store.record_answer("r", Decided(2.0, 1, "reject", PAYLOAD.digest, "ann", reason="no"))
    with pytest.raises(HeldError, match="reject by ann"):
        store.record_answer("r", Decided(3.0, 1, "approve", PAYLOAD.digest, "bob"))
    assert [(answer.decision, answer.by) for answer in store.answers("r")] == [("reject", "ann")]


def test_a_failed_write_leaves_nothing_behind_and_the_next_one_goes_on(store: Store) -> None:
    writer = new_run(store, "r")
    bad = HopStarted(1001.0, 2, "a", 1, 1, None)  # type: ignore[arg-type] - a hop without input breaks the table
    with pytest.raises(Exception, match="could not be written"):
        writer.append([HANDED, HOP, bad], status="running", at=1001.0)
    assert store.history(store.find("r")) == [START]
    writer.append([HANDED, HOP], status="running", at=1001.0)
    assert store.history(store.find("r")) == [START, HANDED, HOP]
    assert store.verify(store.find("r"))


def test_another_store_of_this_process_is_refused_a_run_that_is_played_here(store: Store) -> None:
    writer = new_run(store, "r")
    beside = Store.open(store.path)
    with pytest.raises(HeldError, match=f"is being played by pid {os.getpid()}") as told:
        beside.acquire(beside.find("r"), 1001.0)
    assert told.value.code == "run-held"
    writer.append([HANDED, HOP], status="running", at=1002.0)
    del writer, told  # nobody plays it any more, and nobody has said so
    beside.acquire(beside.find("r"), 1003.0).release()
    beside.close()
