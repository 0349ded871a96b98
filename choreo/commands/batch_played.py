"""The inputs of a batch that one process plays: what is in play, and what came of the rest."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from choreo import errors
from choreo.api.begin import Told, begin, started
from choreo.api.checked import Checked
from choreo.api.parts import exit_code, of_role, parts_of, plan_of, take_up
from choreo.commands.inputs import Input
from choreo.commands.once import end_of
from choreo.commands.playing import SIGNALS
from choreo.commands.results import CannotWrite, Results
from choreo.errors import ChoreoError, NoHandles, NoRoom, StoreError
from choreo.players import player_for
from choreo.players.base import Instant, Player
from choreo.players.workers import Line
from choreo.render.batch import MOST_REASONS, Reason, Tally
from choreo.runners.local import LocalRunner
from choreo.runners.parts import Parts
from choreo.spec import Role
from choreo.store import RunRecord, Store
from choreo.store.claims import ClaimTaken
from choreo.store.owner import is_alive, this_process
from choreo.store.writer import Booked
from choreo.trace import RunFinished


@dataclass(frozen=True)
class Duplicate:
    """An input whose run is a duplicate of the run `first`; `known` where it was one in an earlier call already."""

    item: Input
    run: str
    first: str
    known: bool


@dataclass
class Batch:
    """One call of `choreo batch`: what is in play, and what came of the rest."""

    checked: Checked
    store: Store
    told: Told
    name: str
    results: Results | None
    cost: float | None
    tally: Tally = field(default_factory=lambda: Tally(0))
    interrupted: int | None = None
    line: Line | None = None
    """Where functions are called that are quick."""
    begun_as: tuple[str, ...] = ()
    """The names under which some of the inputs may have runs from an earlier call."""
    full: NoRoom | None = None
    """Raised once the model calls in flight have ended: they have the room that another lacked."""
    lost: list[int] = field(default_factory=list)
    """Exit codes of processes that were ended by something else (negative: the signal)."""
    _runners: dict[str, LocalRunner] = field(default_factory=dict)
    _players: dict[str, Player | Instant] = field(default_factory=dict)
    duplicates: list[Duplicate] = field(default_factory=list)
    """Those of runs that are not over: how they end is told last."""

    @property
    def over(self) -> bool:
        """Whether no further input is begun."""
        return self._leaves or self.at_limit

    @property
    def _leaves(self) -> bool:
        """Whether runs are left where they stand."""
        return self.interrupted is not None or self.full is not None

    @property
    def at_limit(self) -> bool:
        return self.cost is not None and self.tally.cost >= self.cost

    @property
    def code(self) -> int:
        """130 and the like after a signal, 8 at the cost limit, 1 where one failed, 6 where another process plays one,
        4 where one waits, else 0."""
        if self.interrupted is not None:
            return SIGNALS.get(signal.Signals(self.interrupted), errors.INTERRUPTED)
        if self.at_limit and self.tally.ended < self.tally.total:
            return errors.LIMIT
        if self.tally.failed or self.lost:
            return errors.FAILED
        if self.tally.held:
            return errors.HELD
        return errors.WAITING if self.tally.waiting else errors.DONE

    def interrupt(self, number: int) -> None:
        self.interrupted = number
        for runner in self._runners.values():
            runner.interrupt()

    # -- one input -------------------------------------------------------------------------------

    async def play(self, item: Input) -> None:
        """Play one input to its end, to a person, or to the interruption. Its failure is its own."""
        if item.fault is not None:
            self._unread(item, item.code, item.fault)
            return
        try:
            await self._run_of(item)
        except NoRoom as full:
            self.full = self.full or full
            for runner in self._runners.values():
                runner.interrupt(finishes=self.interrupted is None)
        except (StoreError, NoHandles, CannotWrite, asyncio.CancelledError):
            raise
        except ChoreoError as error:
            self._unread(item, error.code, error.message)

    async def _run_of(self, item: Input) -> None:
        for name in self.begun_as:
            known = self.store.claim((name, item.key), time.time())
            if known is not None:
                await self._again(item, self.store.find(known.run))
                return
        try:
            await self._begin(item)
        except ClaimTaken as taken:  # another process plays this batch, too
            await self._again(item, self.store.find(taken.run))

    async def _begin(self, item: Input) -> None:
        """A run for the input. Raises ClaimTaken where it has one."""
        fact = started(self.checked, item.payload)
        if self.checked.plan.spec.trigger.once_per is not None:  # what is on record decides: it cannot wait for others
            await self.store.turn()
        begun = begin(self.checked, self.store, fact, self.told, ((self.name, item.key),))
        if begun.first is not None:
            self._duplicate(Duplicate(item, begun.position.run, begun.first, known=False))
            return
        parts = parts_of(
            self.checked.plan,
            begun.position,
            begun.writer,
            self.store,
            family=self.checked.family,
            player=self._player,
            clock=begun.clock,
        )
        await self._to_the_end(item, parts)

    async def _again(self, item: Input, record: RunRecord) -> None:
        """An input that has a run: its end is told, or it is gone on with."""
        held = record.owner is not None and record.owner != this_process()
        if held and is_alive(record.owner, record.until, time.time()):  # type: ignore[arg-type]
            self._held(item, record)
        elif (first := record.settings.get("duplicate_of")) is not None:
            self._duplicate(Duplicate(item, record.id, str(first), known=True))
        elif _is_over(record):
            self.tally.known += 1
            chosen = record.settings.get("models") or {}
            self.tally.older += record.plan != self.checked.digest or chosen != dict(self.told.models)
            self._ended(item, record)
        elif record.status == "waiting" and not self._can_go_on(record):
            self.tally.known += 1
            self._tell(item, record, errors.WAITING, None)
        else:
            checked = self.checked if record.plan == self.checked.digest else plan_of(self.store, record)
            own = checked is self.checked
            player = self._player if own else of_role
            parts = take_up(self.store, record, checked.plan, family=checked.family, player=player)
            await self._to_the_end(item, parts, again=True)

    def _can_go_on(self, record: RunRecord) -> bool:
        due = record.due is not None and record.due <= time.time()
        return due or any(self.store.answers(run.id) for run in (record, *self.store.below(record.id)))

    def _player(self, role: Role) -> Player | Instant:
        """Players keep nothing of a visit that is over, so all runs share them."""
        found = self._players.get(role.name)
        if found is None:
            found = self._players[role.name] = player_for(role.player, self.line)
        return found

    async def _to_the_end(self, item: Input, parts: Parts, *, again: bool = False) -> None:
        run = parts.position.run
        runner = self._runners[run] = LocalRunner(parts)
        try:
            if again:
                await runner.resume(str(this_process()))
            end = await runner.run()
        finally:
            del self._runners[run]
            if parts.writer.owned:
                parts.writer.release()
        if end is None and self._leaves:
            return
        if again or end is None:
            self._tell(item, self.store.find(run), exit_code(end), end)
        else:
            self._told(item, run, end, parts.writer.booked, exit_code(end))

    # -- duplicates ------------------------------------------------------------------------------

    def _duplicate(self, one: Duplicate) -> None:
        """Nothing is played for it: its end is that of the first, which may still be in play here."""
        if _is_over(self.store.find(one.first)):
            self._tell_duplicate(one)
        else:
            self.duplicates.append(replace(one, item=replace(one.item, payload=None)))

    def tell_duplicates(self) -> None:
        """Tell those whose first run was not over. Of one that was interrupted the next call tells."""
        for one in self.duplicates:
            if self.interrupted is None or _is_over(self.store.find(one.first)):
                self._tell_duplicate(one)

    def _tell_duplicate(self, one: Duplicate) -> None:
        record = self.store.find(one.first)
        end = end_of(self.store, record)
        code = exit_code(end)
        if end is None:
            self._note_wait(record)
        self.tally.known += one.known
        self.tally.codes[code] += 1
        result = end.payload.value if end is not None and end.status == "done" and end.payload is not None else None
        self._write(
            one.item,
            {
                "run": one.run,
                "status": "duplicate",
                "exit": code,
                "outcome": record.outcome,
                "result": result,
                "code": "duplicate",
                "message": f"run {one.first} has the same `once_per` value, and is {record.status}",
                "hops": 0,
                "cost": 0.0,
                "duplicate_of": one.first,
                "first": record.status,
            },
        )

    # -- what came of it -------------------------------------------------------------------------

    def _ended(self, item: Input, record: RunRecord) -> None:
        ends = [event for event in self.store.history(record) if isinstance(event, RunFinished)]
        end = ends[-1] if ends else None
        self._tell(item, record, exit_code(end), end)

    def _tell(self, item: Input, record: RunRecord, code: int, end: RunFinished | None) -> None:
        if code == errors.WAITING:
            self._note_wait(record)
        payload = end.payload if end is not None else None
        told = RunFinished(record.changed, record.status, record.outcome, payload, record.code, record.message or "")  # type: ignore[arg-type]
        self._told(item, record.id, told, Booked(record.hops, record.cost, record.priced), code)

    def _note_wait(self, record: RunRecord) -> None:
        """Count what a run that is not over waits for. One with a question needs a person, whatever else it awaits."""
        dues = [run.due for run in (record, *self.store.below(record.id)) if run.due is not None]
        if record.open_questions:
            self.tally.asked.add(record.id)
        elif dues:
            self.tally.timed[record.id] = min(dues)
        else:
            self.tally.left.add(record.id)

    def _told(self, item: Input, run: str, end: RunFinished, booked: Booked, code: int) -> None:
        self.tally.codes[code] += 1
        self.tally.cost += booked.cost
        self.tally.priced = self.tally.priced and booked.priced
        self._write(
            item,
            {
                "run": run,
                "status": end.status,
                "exit": code,
                "outcome": end.outcome,
                "result": end.payload.value if end.payload is not None else None,
                "code": end.code,
                "message": end.message,
                "hops": booked.hops,
                "cost": booked.cost if booked.priced else None,
            },
        )

    def _held(self, item: Input, record: RunRecord) -> None:
        """Another process plays the run, such as the same command in another terminal: how it ends is not known yet."""
        message = f"it is being played by {record.owner}"
        end = RunFinished(record.changed, record.status, code="run-held", message=message)  # type: ignore[arg-type]
        self._told(item, record.id, end, Booked(record.hops, 0.0, record.priced), errors.HELD)

    def _unread(self, item: Input, code: str, message: str) -> None:
        self.tally.unread += 1
        self._write(item, {"run": None, "status": "unread", "exit": errors.FAILED, "code": code, "message": message})

    def _write(self, item: Input, told: Mapping[str, Any]) -> None:
        if self.results is not None:
            line = {"input": item.number, "place": item.place, **told}
            self.results.write(json.dumps(line, ensure_ascii=False) + "\n")
        elif told["exit"] not in (errors.DONE, errors.WAITING, errors.HELD) and len(self.tally.reasons) < MOST_REASONS:
            run = told.get("duplicate_of", told["run"])
            self.tally.reasons.append(Reason(item.place, told["status"], told["code"], told["message"], run))


def _is_over(record: RunRecord) -> bool:
    """Whether a batch leaves the run as it is."""
    return record.status not in ("running", "waiting") and (record.status, record.code) != ("stopped", "stopped")
