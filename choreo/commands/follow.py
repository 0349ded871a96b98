"""`choreo trace --follow`: a run that another process plays, shown as it goes on.

It writes nothing, and between two looks it holds nothing: every read is a short one of its own, so that neither the
player's commits nor the checkpoints of the log ever wait for whoever looks on.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from itertools import groupby
from typing import Protocol, TextIO, cast

from choreo.api.parts import exit_code, plan_of
from choreo.commands.ended import (
    end_told,
    next_of_ended,
    next_of_waiting,
    open_questions,
    store_flag,
    waiting_told,
)
from choreo.commands.speech import is_terminal, out, reader_left, say_safe, wants_colour
from choreo.engine.advance import rebuild
from choreo.engine.fold import fold
from choreo.engine.limits import told
from choreo.engine.position import Position, start
from choreo.errors import DONE, TERMINATED, WAITING, StoreError
from choreo.plan import Plan
from choreo.render.live import Live
from choreo.render.text import safe_text
from choreo.render.trace import event_json
from choreo.store import RunRecord, Store, find_store
from choreo.store.owner import is_alive
from choreo.trace import Event, PlanChanged

_TICK = 0.1
_LOOK = 0.2
"""Seconds between two looks, more where a look takes long: it may take no more than a fifth of the time."""

News = list[tuple[Position, list[Event]]]
"""What was added, by run, each with where the run stands now."""


def follow(name: str, *, as_json: bool, db: str | None) -> int:
    """Show a run until it is over, nobody plays it, or nobody reads on. Returns the exit code of the run."""
    store = Store.read(find_store(db))
    try:
        run = _Followed(store, store.find(name), with_below=not as_json)
        shown: _Shown = _AsLines(run.record) if as_json else _AsText(run.record)
        try:
            _watch(run, shown)
        finally:
            shown.close()
        return DONE if shown.unread else _tell_end(run, shown, store_flag(db))
    finally:
        store.close()


def _watch(run: _Followed, shown: _Shown) -> None:
    run.look()
    shown.show(run.news)
    while not shown.unread:
        began = time.monotonic()
        # In this order: what a process has written before it was gone is in what is read after that.
        played, changed = run.is_played, run.look()
        shown.show(run.news)
        if not played and not changed:
            return
        next_look = time.monotonic() + max(_LOOK, 4 * (time.monotonic() - began))
        while time.monotonic() < next_look:
            time.sleep(_TICK)
            shown.turn()


def _tell_end(run: _Followed, shown: _Shown, flag: str) -> int:
    position, end = run.position, run.position.finished
    if end is not None:
        for line in end_told(position, end):
            shown.say(line)
        then, code = next_of_ended(position, end, flag), exit_code(end)
    elif run.record.status == "waiting":
        asked = open_questions(run.store, position)
        for line in waiting_told(position, asked):
            shown.say(line)
        then, code = next_of_waiting(position, asked, flag), WAITING
    else:
        shown.say(f"cut short: nobody plays it - {told(position)}")
        then, code = iter((f"go on: choreo resume {position.run}{flag}",)), TERMINATED
    for line in then:
        say_safe(line)
    return code


# -- what is read --------------------------------------------------------------------------------


class _Followed:
    """A run, and the child runs below it where they are wanted, as far as they were read."""

    def __init__(self, store: Store, record: RunRecord, *, with_below: bool) -> None:
        self.store, self.record = store, record
        self.news: News = []
        """What the last look has found."""
        self._with_below = with_below
        self._version: int | None = None
        self._read: dict[str, tuple[int, Position]] = {}
        """By run: how far it was read, and where it stands there."""
        self._plans: dict[str, Plan] = {}

    @property
    def position(self) -> Position:
        return self._read[self.record.id][1]

    @property
    def is_played(self) -> bool:
        owner = self.record.owner
        return owner is not None and is_alive(owner, self.record.until, time.time())

    def look(self) -> bool:
        """Read what was committed since the last look. Returns whether anything has changed in the run itself."""
        self.news = []
        version = self._version_now()
        if version == self._version:
            return False
        self._version = version
        before, self.record = self.record, self.store.find(self.record.id)
        # After the run itself: a hop that has ended there has ended in the run that played it, too.
        below = self.store.below(self.record.id) if self._with_below else []
        self.news = [self._added(record) for record in (self.record, *below)]
        return self.record != before

    def _version_now(self) -> int:
        try:
            return self.store.version()
        except StoreError as error:
            if error.code != "store-replaced":
                raise
            message = f"{self.store.path} is no longer the file that run {self.record.id} is kept in"
            raise StoreError(error.code, message, "it was deleted, moved, replaced or overwritten") from error

    def _added(self, record: RunRecord) -> tuple[Position, list[Event]]:
        after, position = self._read.get(record.id) or (0, start(self._plan_of(record), record.id))
        events = self.store.added(record, after) if record.seq > after else []
        if any(isinstance(event, PlanChanged) for event in events):
            position = rebuild(self._plan_of(record), record.id, self.store.added(record, 0))
        else:
            for event in events:
                fold(self._plan_of(record), position, event)
        self._read[record.id] = record.seq, position
        return position, events

    def _plan_of(self, record: RunRecord) -> Plan:
        if record.plan not in self._plans:
            self._plans[record.plan] = plan_of(self.store, record).plan
        return self._plans[record.plan]


# -- what is shown -------------------------------------------------------------------------------


class _Shown(Protocol):
    """How a run is shown. `unread` once nobody reads it any more."""

    unread: bool

    def show(self, news: News) -> None: ...

    def turn(self) -> None: ...

    def say(self, text: str) -> None: ...

    def close(self) -> None: ...


class _AsLines:
    """One JSON object a line for each event of the run; how it ended is said on stderr."""

    def __init__(self, record: RunRecord) -> None:
        self._run = record.id
        self.unread = False

    def show(self, news: News) -> None:
        for position, events in news:
            for event in events if position.run == self._run else ():
                if not self.unread:
                    self.unread = not out(json.dumps(event_json(event), ensure_ascii=False))

    def turn(self) -> None:
        self.unread = self.unread or reader_left(sys.stdout)

    def say(self, text: str) -> None:
        say_safe(text)

    def close(self) -> None: ...


class _AsText:
    """The lines that `choreo run` shows, on stdout."""

    def __init__(self, record: RunRecord) -> None:
        self.unread = False
        self._live = Live(cast("TextIO", self), colour=wants_colour(sys.stdout))
        self.say(f"run {record.id}  {record.spec} {record.version}")

    def show(self, news: News) -> None:
        for position, events in _in_order(news):
            self._live.show(events, position, now=time.time())

    def turn(self) -> None:
        self._live.turn()
        self.unread = self.unread or reader_left(sys.stdout)

    def say(self, text: str) -> None:
        self.write(safe_text(text) + "\n")

    def close(self) -> None:
        self._live.close()

    # -- the stream that the live lines are written to ---------------------------------------------

    @property
    def encoding(self) -> str:
        return sys.stdout.encoding

    def isatty(self) -> bool:
        return is_terminal(sys.stdout)

    def write(self, text: str) -> None:
        if text and not self.unread:
            self.unread = not out(text, end="")

    def flush(self) -> None: ...


def _in_order(news: News) -> Iterator[tuple[Position, list[Event]]]:
    """What runs above and below one another did, in the order in which it happened; those below first."""
    found: list[tuple[float, int, int, Position, Event]] = []
    for position, events in news:
        latest = 0.0  # a clock may have been set: within a run the order is that of the record
        for event in events:
            latest = max(latest, event.at)
            found.append((latest, -position.run.count("."), len(found), position, event))
    found.sort(key=lambda one: one[:3])
    for _, group in groupby(found, key=lambda one: one[3].run):
        part = list(group)
        yield part[0][3], [one[4] for one in part]
