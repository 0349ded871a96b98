"""`Store.verify` notices what was changed behind the store's back: bytes, rows, order, plan."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from keeping import at, new_run

from choreo.canonical import Payload
from choreo.errors import StoreError
from choreo.store import Store, driver
from choreo.trace import Asked, Attempt, Decided, HandedOver, HopFinished, HopStarted, RunFinished

PAYLOAD = Payload.of({"amount": 100})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(at(tmp_path))
    writer = new_run(opened, "r")
    attempt = Attempt("python", b"in", b"out", 1001.0, 0.5)
    handed = HandedOver(1001.0, 1, 0, (("trigger", 0),), "a", "delivered", PAYLOAD)
    writer.append([handed, HopStarted(1001.0, 1, "a", 1, 1, PAYLOAD)], status="running", at=1001.0)
    writer.append([HopFinished(1002.0, 1, "done", PAYLOAD, cost=0.5)], [(1, attempt)], status="running", at=1002.0)
    asked = Asked(1003.0, 1, "approve", "gate", PAYLOAD, handoff=1)
    decided = Decided(1004.0, 1, "approve", PAYLOAD.digest, "ann")
    end = RunFinished(1005.0, "done", "done", PAYLOAD)
    writer.append([asked, decided, end], status="done", at=1005.0)
    yield opened
    opened.close()


def meddle(store: Store, statement: str) -> int:
    connection = driver.connect(str(store.path))
    done = connection.execute(statement)
    connection.close()
    return int(done.rowcount)


def test_a_store_that_nobody_touched_is_verified(store: Store) -> None:
    assert store.verify(store.find("r"))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE payload SET data = CAST('{\"amount\":900}' AS BLOB) WHERE CAST(data AS TEXT) LIKE '%amount%'",
        "UPDATE hop SET role='b'",
        "UPDATE run SET result=(SELECT id FROM payload WHERE CAST(data AS TEXT) LIKE '%x%')",
        "UPDATE hop SET input=(SELECT id FROM payload WHERE CAST(data AS TEXT) LIKE '%x%')",
        "UPDATE hop SET status='failed'",
        "UPDATE hop SET cost=0.1",
        "UPDATE hop SET confidence_detail='{not json'",
        "UPDATE handoff SET target='b'",
        "UPDATE handoff SET sources='hop:7'",
        "UPDATE handoff SET violations='{', contract='x', contract_digest='y'",
        "UPDATE decision SET who='bob'",
        "UPDATE decision SET decision='edit'",
        "UPDATE decision SET shown='sha256:0'",
        "UPDATE attempt SET response=request",
        "UPDATE attempt SET cost=1",
        "UPDATE event SET detail='{}' WHERE kind='finished'",
        "UPDATE event SET at=at+1",
        "DELETE FROM attempt",
        "DELETE FROM decision",
        "DELETE FROM event WHERE kind='finished'",
        "DELETE FROM payload",
        "UPDATE run SET chain=x'00'",
        "UPDATE run SET status='rejected'",
        "UPDATE run SET outcome='gave_up'",
        "UPDATE run SET hops=2",
        'UPDATE plan SET sources=CAST(\'{"s.yaml":"choreo: 2"}\' AS BLOB)',
        "DELETE FROM plan",
    ],
)
def test_what_was_changed_behind_its_back_is_noticed(store: Store, statement: str) -> None:
    assert meddle(store, statement) >= 1
    assert not store.verify(store.find("r"))


def test_one_flipped_bit_in_the_file_is_noticed(store: Store) -> None:
    store._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    path = store.path
    store.close()
    raw = bytearray(path.read_bytes())
    place = raw.index(b'{"amount":100}')
    raw[place + 10] ^= 1
    path.write_bytes(raw)
    again = Store.open(path)  # the pages are well formed: only the digests can tell
    try:
        assert not again.verify(again.find("r"))
    finally:
        again.close()


def test_two_events_that_changed_places_are_noticed(store: Store) -> None:
    assert meddle(store, "UPDATE hop SET seq=2") == 1
    assert meddle(store, "UPDATE handoff SET seq=3") == 1
    assert not store.verify(store.find("r"))


def test_who_goes_on_with_a_run_is_refused_payloads_whose_bytes_were_changed(store: Store) -> None:
    run = store.find("r")
    assert store.history(run, checked=True) == store.history(run)
    changed = "UPDATE payload SET data = CAST('{\"amount\":900}' AS BLOB) WHERE CAST(data AS TEXT) LIKE '%amount%'"
    assert meddle(store, changed) == 1
    assert store.history(run), "it can be looked at"
    with pytest.raises(StoreError, match="is not what was written") as told:
        store.history(run, checked=True)
    assert (told.value.code, told.value.exit_code) == ("store-damaged", 5)
