"""What a person sees while a batch plays: how far it is, how fast, what it costs, and who is waited for."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TextIO

from choreo.render.text import utc

_EVERY = 10.0
"""Seconds between two lines where nobody looks at a bar."""


MOST_REASONS = 3
_LONGEST = 300
"""Characters of a message at the end of a batch: it may quote the whole of an input."""


class Reason(NamedTuple):
    """Why an input failed. `run` is the run to look at, None where it came to none."""

    place: str
    status: str
    code: str | None
    message: str
    run: str | None


@dataclass
class Tally:
    """How a batch stands. `codes` counts exit codes; `known` those of inputs that were played before."""

    total: int
    codes: Counter[int] = field(default_factory=Counter)
    known: int = 0
    older: int = 0
    """Of those, the ones that were played with other texts of the spec, or other models, than there are now."""
    unread: int = 0
    cost: float = 0.0
    priced: bool = True
    asked: set[str] = field(default_factory=set)
    """Runs that wait for a person."""
    timed: dict[str, float] = field(default_factory=dict)
    """Runs that wait for a time only, and when it comes (UTC seconds)."""
    left: set[str] = field(default_factory=set)
    """Runs that are not over, wait for nothing, and are not this batch's to play: others are their duplicates."""
    reasons: list[Reason] = field(default_factory=list)
    """Why the first inputs that failed did: at most `MOST_REASONS`, none where there is a file of results."""
    began: float = field(default_factory=time.monotonic)

    def take(self, parts: Iterable[Tally]) -> None:
        """Stand as all parts of a batch together."""
        parts = list(parts)
        self.codes = sum((part.codes for part in parts), Counter())
        self.known, self.unread = sum(part.known for part in parts), sum(part.unread for part in parts)
        self.older = sum(part.older for part in parts)
        self.cost, self.priced = sum(part.cost for part in parts), all(part.priced for part in parts)
        self.asked = {run for part in parts for run in part.asked}
        self.timed = {run: due for part in parts for run, due in part.timed.items()}
        self.left = {run for part in parts for run in part.left}
        self.reasons = [reason for part in parts for reason in part.reasons][:MOST_REASONS]

    @property
    def ended(self) -> int:
        return self.codes.total() + self.unread

    @property
    def waiting(self) -> int:
        return self.codes[4]

    @property
    def held(self) -> int:
        """Those that another process plays."""
        return self.codes[6]

    @property
    def failed(self) -> int:
        return self.unread + sum(number for code, number in self.codes.items() if code not in (0, 4, 6))

    @property
    def rate(self) -> float:
        """Runs a second that this call has played."""
        return (self.ended - self.known) / max(time.monotonic() - self.began, 1e-6)

    def line(self) -> str:
        """`120/1000 12.0/s 3 failed 2 wait cost 0.41 left 73 s`."""
        left = (self.total - self.ended) / self.rate if self.ended > self.known else None
        parts = [f"{self.ended}/{self.total}", f"{self.rate:.1f}/s"]
        parts += [f"{self.failed} failed"] if self.failed else []
        parts += [f"{self.waiting} wait"] if self.waiting else []
        parts += [f"{self.held} held"] if self.held else []
        parts += [f"cost {self.cost:.4f}" + ("" if self.priced else " and unknown prices")] if self.cost else []
        parts += [f"left {left:.0f} s"] if left is not None and self.ended < self.total else []
        return " ".join(parts)


def waits_told(tally: Tally, flag: str) -> Iterator[str]:
    """A line for each kind of what runs wait for, with the command that comes next."""
    again = "then the same command again"
    if tally.asked:
        yield f"{len(tally.asked)} wait for a person: choreo review --all{flag}, {again}"
    if tally.timed:
        first = utc(min(tally.timed.values()))
        yield f"{len(tally.timed)} wait for a time, from {first} on: choreo resume --due{flag}, {again}"
    if tally.held:
        yield f"{tally.held} are played by another process: once it is done, the same command again"
    if tally.left:
        told = f"{len(tally.left)} with the same `once_per` value as inputs here are not over"
        yield f"{told}: choreo resume {min(tally.left)}{flag}, {again}"


def older_told(tally: Tally, flag: str) -> Iterator[str]:
    """That what was played before stands as it is, where the spec has changed since."""
    if tally.older:
        told = f"{tally.older} of those before were played with the spec or the models as they were then, and stay so"
        yield f"{told}: choreo replay RUN{flag} plays one anew, a file of inputs with another name all"


def reasons_told(tally: Tally, flag: str) -> Iterator[str]:
    """Why the first inputs that failed did, where the reason of each is kept nowhere else; and how many more did."""
    for reason in tally.reasons:
        code = f" [{reason.code}]" if reason.code else ""
        message = f": {_cut(reason.message)}" if reason.message else ""
        trace = f"; look at it: choreo trace {reason.run}{flag}" if reason.run is not None else ""
        yield f"{reason.place}: {reason.status}{code}{message}{trace}"
    more = tally.failed - len(tally.reasons)
    if tally.reasons and more:
        yield f"and {more} more that failed; the reason of each: --out FILE"


def _cut(message: str) -> str:
    return message if len(message) <= _LONGEST else message[:_LONGEST] + "..."


class BatchLive:
    """A bar on a terminal, a line now and then elsewhere, nothing when `quiet`."""

    def __init__(self, stream: TextIO, tally: Tally, *, quiet: bool) -> None:
        self._stream = stream
        self._tally = tally
        self._quiet = quiet
        self._told = time.monotonic()
        self._bar: Any = None
        if not quiet and stream.isatty():
            self._bar = self._drawn()

    def show(self) -> None:
        """Draw how it stands now."""
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=self._tally.ended, told=self._tally.line())
        elif not self._quiet and time.monotonic() - self._told >= _EVERY:
            self._told = time.monotonic()
            self._stream.write(self._tally.line() + "\n")
            self._stream.flush()

    def __enter__(self) -> BatchLive:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self.show()
            self._bar.stop()

    def _drawn(self) -> Any:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        bar = Progress(BarColumn(), TextColumn("{task.fields[told]}"), console=Console(file=self._stream))
        bar.add_task("batch", total=max(self._tally.total, 1), told=self._tally.line())
        bar.start()
        return bar
