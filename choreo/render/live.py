"""What a person sees while a run plays: a line for each hop that is done, and a spinner for those in play."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from collections.abc import Iterator, Sequence
from typing import TextIO

from choreo.engine.position import HopState, Position
from choreo.render.text import ascii_only, columns, one_line
from choreo.trace import Asked, Decided, Event, HandedOver, HopFinished, HopStarted, RunResumed

_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_PLAIN_SPINNER = "|/-\\"
_TICK = 0.1
_GO_ON = ("approve", "edit", "fill", "done", "redo", "not-asked")
"""Decisions by which what was asked about goes on."""
_MARKS = {"done": ("✓", "+", "32"), "failed": ("✗", "x", "31"), "timeout": ("✗", "x", "31"), "?": ("?", "?", "33")}


class Live:
    """Writes to `stream` (stderr). Piped, it writes plain lines without a spinner; `quiet`, nothing at all.

    A line says that something is done only after it is on disk: `show` is called after the commit. `title` comes before
    the first line.
    """

    def __init__(
        self, stream: TextIO, *, title: str = "", quiet: bool = False, verbose: bool = False, colour: bool = False
    ) -> None:
        self._stream = stream
        self._title = title
        self._quiet = quiet
        self._verbose = verbose
        self._colour = colour
        self._tty = not quiet and stream.isatty()
        self._ascii = ascii_only(stream)
        self._began: dict[tuple[str, int], float] = {}
        self._started: dict[tuple[str, int], HopStarted] = {}
        """What is told when it ends: a position lets go of what nothing depends on any more."""
        self._hops: dict[str, list[HopState]] = {}
        """What is in play, by run: a run and the child runs below it are shown side by side."""
        self._lanes: dict[str, list[str]] = {}
        """How far lanes are, by run: `research 3/10`."""
        self._tenths: dict[tuple[str, int], int] = {}
        self._held = False
        self._drawn = False

    def show(self, events: Sequence[Event], position: Position, *, now: float | None = None) -> None:
        """Tell what was committed. A child run's lines are set in under those of the run above.

        `now` (UTC seconds) where that was some time ago; else it was just now.
        """
        if self._title and not self._quiet:
            self._write(f"{self._title}\n")
        self._title = ""
        in_play = position.in_play if position.finished is None else []
        self._hops[position.run] = [hop for hop in in_play if not hop.scope]
        self._lanes[position.run] = lanes_told(position, in_play)
        for event in events:
            self._note_begin(event, position.run, 0.0 if now is None else max(0.0, now - event.at))
            line = self._line(event, position)
            if line is not None and not self._quiet:
                self._write("  " * position.run.count(".") + line + "\n")
        if not self._quiet and not self._tty:
            self._write("".join(f"{line}\n" for line in self._tenths_done(position)))
        self._draw()

    def _note_begin(self, event: Event, run: str, ago: float) -> None:
        """Since when a visit is played: from its start, or from when it was begun again by the next process."""
        if isinstance(event, HopStarted):
            self._started[run, event.hop] = event
            self._began[run, event.hop] = time.monotonic() - ago
        elif isinstance(event, RunResumed):
            again = [key for key in self._began if key[0] == run]
            self._began.update(dict.fromkeys(again, time.monotonic() - ago))

    def turn(self) -> None:
        """Turn the spinner by what has passed."""
        self._draw()

    def hold(self, held: bool) -> None:
        """Keep the spinner off the screen while a question stands on it."""
        if held:
            self._erase()
        self._held = held

    async def tick(self) -> None:
        """Turn the spinner until cancelled."""
        if not self._tty:
            return
        while True:
            self._draw()
            await asyncio.sleep(_TICK)

    def close(self) -> None:
        self._erase()

    # -- lines -----------------------------------------------------------------------------------

    def _line(self, event: Event, position: Position) -> str | None:
        match event:
            case HopFinished():
                return self._finished(event, position)
            case Asked(kind="approve") if self._verbose or event.question in position.questions:
                return self._mark("?", f"{_where(event)}: a person decides ({one_line(event.why)})")
            case Asked() if event.question in position.questions:
                return self._mark("?", f"{_where(event)}: waits for its person")
            case HandedOver(state="gathered"):
                return self._mark("done", f"{event.message} lanes are gathered")
            case Decided() if event.decision != "not-asked" or self._verbose:
                told = f"{event.decision} by {one_line(event.by)}" + (
                    f": {one_line(event.reason)}" if event.reason else ""
                )
                return self._mark("done" if event.decision in _GO_ON else "failed", told)
            case HandedOver(state="violation" | "failed") as handed:
                return self._mark("failed", f"handoff to {handed.target}: {one_line(handed.message)}")
            case HandedOver(state="exhausted" | "over_budget" | "superseded") as handed if self._verbose:
                return self._mark("?", f"handoff {handed.state}")
        return None

    def _finished(self, event: HopFinished, position: Position) -> str | None:
        hop = self._started.pop((position.run, event.hop), None) or position.hops.get(event.hop)
        if hop is None:
            return None
        if event.status == "done" and _is_one_of_many(hop.scope) and not self._verbose:
            return None
        name = hop_name(hop) if hop.visit == 1 else f"{hop_name(hop)} ({hop.visit})"
        told = [f"{name:<16}", f"{event.seconds:6.1f} s"]
        if event.cost:
            told.append(f"{event.cost:.4f}")
        if event.confidence is not None:
            told.append(f"confidence {event.confidence:.2f}")
        elif "reason" in event.confidence_detail:
            told.append(f"confidence not measured: {one_line(str(event.confidence_detail['reason']))}")
        if event.status != "done":
            told.append(f"[{event.code}] {one_line(event.message)}")
        return self._mark(event.status, "  ".join(told))

    def _tenths_done(self, position: Position) -> Iterator[str]:
        """Where there is no spinner: a line at each tenth of many lanes."""
        for number, lanes in position.lanes.items():
            tenth = 10 * lanes.at_rest_now // max(1, len(lanes.items))
            if (
                not lanes.scope
                and _is_one_of_many(lanes.lane(0))
                and tenth > self._tenths.get((position.run, number), 0)
            ):
                self._tenths[position.run, number] = tenth
                yield f"{lanes.name} {lanes.at_rest_now}/{len(lanes.items)}"

    def _mark(self, kind: str, text: str) -> str:
        fancy, plain, colour = _MARKS[kind]
        mark = plain if self._ascii else fancy
        return f"\x1b[{colour}m{mark}\x1b[0m {text}" if self._colour else f"{mark} {text}"

    # -- the spinner -----------------------------------------------------------------------------

    def _draw(self) -> None:
        if not self._tty or self._held:
            return
        self._erase()
        if not any(self._hops.values()) and not any(self._lanes.values()):
            return
        now = time.monotonic()
        frames = _PLAIN_SPINNER if self._ascii else _SPINNER
        frame = frames[int(now / _TICK) % len(frames)]
        playing = [(run, hop) for run, hops in self._hops.items() for hop in hops]
        names = ", ".join(
            [told for lanes in self._lanes.values() for told in lanes]
            + [f"{hop.role} {now - self._began.get((run, hop.number), now):.0f} s" for run, hop in playing]
        )
        width = shutil.get_terminal_size().columns - 1
        line = f"{frame} {names}"
        while columns(line) > width:
            line = line[:-1]
        self._put(line)
        self._drawn = True

    def _erase(self) -> None:
        if self._drawn:
            self._put("\r\x1b[K")
            self._drawn = False

    def _write(self, text: str) -> None:
        self._erase()
        self._put(text)

    def _put(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # nobody looks any more: the run goes on
            self._stream.write(text)
            self._stream.flush()


def lanes_told(position: Position, in_play: Sequence[HopState]) -> list[str]:
    """How far the lanes of a run are, those inside lanes apart: `research 3/10 (2 in play)`."""
    told = []
    for lanes in position.lanes.values():
        if not lanes.scope and position.finished is None:
            own = sum(hop.scope.startswith(f"{lanes.name}[") for hop in in_play)
            told.append(f"{lanes.name} {lanes.at_rest_now}/{len(lanes.items)} ({own} in play)")
    return told


def hop_name(hop: HopState | HopStarted) -> str:
    """The role; in a lane the lane, with the role where that is not what the lane is called after."""
    if not hop.scope:
        return hop.role
    first = hop.scope.rpartition("/")[2].rpartition("[")[0].partition("~")[0]
    return hop.scope if first == hop.role else f"{hop.scope} {hop.role}"


def _where(event: Asked) -> str:
    return f"{event.scope} {event.touchpoint}" if event.scope else event.touchpoint


def _is_one_of_many(scope: str) -> bool:
    """Whether a lane is one of more than ten: its index then has two digits or more."""
    return any(len(part.rpartition("[")[2]) > 2 for part in scope.split("/")) if scope else False
