"""What is read back is what was appended: every kind of event, in order, byte for byte."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keeping import START, at, new_run

from choreo.canonical import Payload
from choreo.store import Store
from choreo.trace import (
    Asked,
    Attempt,
    Decided,
    Event,
    HandedOver,
    HopFinished,
    HopStarted,
    LimitsRaised,
    RunFinished,
    RunResumed,
    Verdict,
)

NAMES = (f"run-{number}" for number in itertools.count())
text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
times = st.floats(0, 4e9)
amounts = st.none() | st.floats(0, 1e6)
data = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda part: st.lists(part, max_size=3) | st.dictionaries(text, part, max_size=3),
    max_leaves=6,
)
payloads = data.map(Payload.of)
maybe = st.none() | payloads
verdicts = st.none() | st.builds(
    Verdict, text.map(lambda name: f"{name}@1.0.0"), text, st.lists(st.tuples(text, text), max_size=2).map(tuple)
)
details = st.dictionaries(text, st.none() | st.booleans() | st.integers(-9, 9) | st.floats(0, 1) | text, max_size=3)


@st.composite
def histories(draw: Any) -> list[Event]:
    """Events in an order that a run may have: what ends has begun, and numbers are given once."""
    events: list[Event] = []
    for number in range(1, draw(st.integers(1, 4)) + 1):
        events.append(draw(handoffs(number)))
        events.append(draw(starts(number)))
        if draw(st.booleans()):
            events.append(draw(ends(number)))
        events.append(draw(questions(number)))
        if draw(st.booleans()):
            events.append(draw(answers(number)))
        events.append(draw(others))
    return events


def handoffs(number: int) -> Any:
    return st.builds(
        HandedOver,
        times,
        st.just(number),
        st.integers(-1, 9),
        st.lists(st.tuples(st.sampled_from(["hop", "question", "trigger"]), st.integers(0, 99)), max_size=3).map(tuple),
        text,
        st.sampled_from(
            ["delivered", "asked", "violation", "failed", "stopped", "exhausted", "over_budget", "superseded"]
        ),
        maybe,
        text,
        verdicts,
        st.sampled_from([None, "sender", "receiver", "mapping"]),
        st.none() | text,
        text,
        st.integers(0, 9),
        st.integers(-1, 9),
        st.integers(0, 9),
        st.booleans(),
    )


def starts(number: int) -> Any:
    whole = st.integers(1, 9)
    return st.builds(
        HopStarted, times, st.just(number), text, whole, whole, payloads, maybe, maybe, text, st.booleans()
    )


def ends(number: int) -> Any:
    return st.builds(
        HopFinished,
        times,
        st.just(number),
        st.sampled_from(["done", "failed", "timeout"]),
        maybe,
        st.none() | text,
        text,
        st.none() | st.floats(0, 1),
        text,
        details,
        amounts,
        st.booleans(),
        times,
        verdicts,
    )


def questions(number: int) -> Any:
    kinds = st.sampled_from(["approve", "fill", "in_doubt"])
    whole = st.integers(0, 9)
    return st.builds(Asked, times, st.just(number), kinds, text, payloads, whole, whole, st.none() | times, text, text)


def answers(number: int) -> Any:
    kinds = st.sampled_from(["approve", "edit", "reject", "fill", "expired", "withdrawn", "not-asked", "done", "redo"])
    return st.builds(Decided, times, st.just(number), kinds, text, text, maybe, text, times)


others = st.one_of(
    st.builds(RunResumed, times, text),
    st.builds(LimitsRaised, times, st.dictionaries(text, st.floats(0, 1e6), max_size=3), text),
    st.builds(RunFinished, times, st.sampled_from(["done", "failed"]), st.none() | text, maybe, st.none() | text, text),
)
attempts = st.builds(
    Attempt,
    text,
    st.binary(max_size=20),
    st.none() | st.binary(max_size=20),
    times,
    times,
    st.none() | text,
    text,
    st.none() | text,
    st.none() | st.integers(0, 9999),
    st.none() | st.integers(0, 9999),
    amounts,
    st.none() | text,
    st.none() | text,
    details,
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Any:
    opened = Store.open(at(tmp_path_factory.mktemp("store")))
    yield opened
    opened.close()


@settings(max_examples=60, deadline=None)
@given(histories(), st.lists(st.tuples(st.integers(1, 4), attempts), max_size=4), st.integers(1, 5))
def test_what_is_read_back_is_what_was_appended(
    store: Store, events: list[Event], made: list[tuple[int, Attempt]], size: int
) -> None:
    name = next(NAMES)
    writer = new_run(store, name)
    writer.append((), made, status="running", at=1000.0)
    for first in range(0, len(events), size):
        writer.append(events[first : first + size], status="running", at=1000.0)
    reader = Store.read(store.path)
    try:
        record = reader.find(name)
        assert reader.history(record) == [START, *events]
        assert reader.attempts(record) == made
        assert [seq for seq, _ in reader.entries(record, attempts=True)] == list(range(1, len(events) + len(made) + 2))
    finally:
        reader.close()


@settings(max_examples=30, deadline=None)
@given(histories(), st.lists(st.tuples(st.integers(1, 4), attempts), max_size=3), st.data())
def test_what_was_added_since_an_entry_is_read_as_of_one_moment(
    store: Store, events: list[Event], made: list[tuple[int, Attempt]], data: Any
) -> None:
    name = next(NAMES)
    writer = new_run(store, name)
    cut = data.draw(st.integers(0, len(events)))
    for part, more in ((events[:cut], made), (events[cut:], [])):
        writer.append(part, more, status="running", at=1000.0)
    reader = Store.read(store.path)
    try:
        record = reader.find(name)
        assert record.seq == 1 + len(made) + len(events)
        whole = [(seq, event) for seq, event in reader.entries(record) if not isinstance(event, Attempt)]
        after, until = (data.draw(st.integers(0, record.seq)) for _ in range(2))
        then = replace(record, seq=until)
        assert reader.added(then, after) == [event for seq, event in whole if after < seq <= until]
    finally:
        reader.close()


def test_the_version_is_another_one_once_something_was_committed_elsewhere(store: Store) -> None:
    reader = Store.read(store.path)
    before = reader.version()
    assert reader.version() == before
    new_run(store, next(NAMES))
    assert reader.version() != before
    reader.close()


def test_a_payload_that_stands_in_many_places_is_kept_once(tmp_path: Path) -> None:
    opened = Store.open(at(tmp_path))
    same = Payload.of({"x": 1})
    writer = new_run(opened, "r")
    for number in (1, 2, 3):
        start = HopStarted(1.0, number, "a", number, number, Payload(same.data), Payload(same.data))
        writer.append([start, HopFinished(2.0, number, "done", Payload(same.data))], status="running", at=2.0)
    assert opened._db.execute("SELECT COUNT(*) FROM payload").fetchone()[0] == 1
    assert opened.find("r").hops == 3
    opened.close()
