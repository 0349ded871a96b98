"""`choreo batch`: one run per input, many side by side; stopped and taken up again without doing anything twice.

An input is known by its digest (and which repeat of it it is) under the batch's name, which is the spec's name and
the file or folder of inputs: the claim is made in the transaction that creates its run. So the same command goes on
where it was stopped, plays what is new, and gives the results of all.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TextIO

from choreo import errors
from choreo.api.begin import Told, begin, started
from choreo.api.checked import Checked, check_spec
from choreo.api.parts import exit_code, of_role, parts_of, plan_of, take_up
from choreo.commands.inputs import Input, count_inputs, holds, is_same, read_inputs
from choreo.commands.once import end_of
from choreo.commands.playing import SIGNALS, Options
from choreo.commands.run import pairs, prepare_models
from choreo.commands.speech import say, say_safe
from choreo.errors import ChoreoError, NoHandles, StoreError, UsageError
from choreo.players import player_for
from choreo.players.base import Instant, Player
from choreo.players.workers import Line
from choreo.render.batch import MOST_REASONS, BatchLive, Reason, Tally, reasons_told, waits_told
from choreo.runners.local import LocalRunner
from choreo.runners.loop import to_the_end
from choreo.runners.many import side_by_side
from choreo.runners.parts import Parts
from choreo.spec import Role
from choreo.store import RunRecord, Store, find_store
from choreo.store.claims import ClaimTaken
from choreo.store.owner import is_alive, this_process
from choreo.store.writer import Booked
from choreo.trace import RunFinished


def batch(
    spec: str,
    inputs: str,
    *,
    parallel: int,
    limits: Sequence[str],
    out: str | None,
    labels: Sequence[str],
    models: Sequence[str],
    options: Options,
) -> int:
    """Play the spec once for each input. Returns 0 where all are done; see `_code` for the rest."""
    chosen, cost = pairs("--model", models), _cost_limit(limits)
    checked = check_spec(spec, chosen)
    path, where = Path(inputs), find_store(options.db)
    if out is not None:
        _must_not_be_read(out, path, {"the spec": Path(spec), "the trace store": where})
    total = count_inputs(path)
    prepare_models(checked, options, cost)
    store = Store.open(where)
    told = Told(str(Path(spec).absolute()), chosen, pairs("--label", labels))
    try:
        with _results(out) as results:
            name, *older = _names_of(checked.plan.spec.name, path)
            played = _Batch(checked, store, told, name, results, cost)
            played.tally = Tally(total)
            played.begun_as = tuple(one for one in (name, *older) if store.has_claims(one))
            code = to_the_end(lambda: _play(played, path, parallel, options))
        _say_end(played, code, options)
        return code
    finally:
        store.close()


async def _play(played: _Batch, path: Path, parallel: int, options: Options) -> int:
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        with contextlib.suppress(NotImplementedError, ValueError):
            loop.add_signal_handler(number, played.interrupt, number)
    played.store.share_commits()
    played.line = Line()
    gc.freeze()  # what is there by now stays: looking through it again and again costs a tenth of the time
    live = BatchLive(sys.stderr, played.tally, quiet=options.quiet)
    items = read_inputs(path, played.checked.plan.trigger)

    async def one(item: Input) -> None:
        await played.play(item)
        live.show()

    try:
        with contextlib.redirect_stdout(sys.stderr):
            await side_by_side(items, one, parallel, lambda: played.over)
        played.tell_duplicates()
        await played.store.settled()
    finally:
        played.line.close()
        gc.unfreeze()
        live.close()
    return played.code


@dataclass(frozen=True)
class _Duplicate:
    """An input whose run is a duplicate of the run `first`; `known` where it was one in an earlier call already."""

    item: Input
    run: str
    first: str
    known: bool


@dataclass
class _Batch:
    """One call of `choreo batch`: what is in play, and what came of the rest."""

    checked: Checked
    store: Store
    told: Told
    name: str
    results: TextIO | None
    cost: float | None
    tally: Tally = field(default_factory=lambda: Tally(0))
    interrupted: int | None = None
    line: Line | None = None
    """Where functions are called that are quick."""
    begun_as: tuple[str, ...] = ()
    """The names under which some of the inputs may have runs from an earlier call."""
    _runners: dict[str, LocalRunner] = field(default_factory=dict)
    _players: dict[str, Player | Instant] = field(default_factory=dict)
    _duplicates: list[_Duplicate] = field(default_factory=list)
    """Those of runs that are not over: how they end is told last."""

    @property
    def over(self) -> bool:
        """Whether no further input is begun."""
        return self.interrupted is not None or self.at_limit

    @property
    def at_limit(self) -> bool:
        return self.cost is not None and self.tally.cost >= self.cost

    @property
    def code(self) -> int:
        """130 and the like after a signal, 8 at the cost limit, 1 where one failed, 4 where one waits, else 0."""
        if self.interrupted is not None:
            return SIGNALS.get(signal.Signals(self.interrupted), errors.INTERRUPTED)
        if self.at_limit and self.tally.ended < self.tally.total:
            return errors.LIMIT
        if self.tally.failed:
            return errors.FAILED
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
        except (StoreError, NoHandles, asyncio.CancelledError):
            raise
        except ChoreoError as error:
            self._unread(item, error.code, error.message)

    async def _run_of(self, item: Input) -> None:
        for name in self.begun_as:
            known = self.store.claim((name, item.key), time.time())
            if known is not None:
                await self._again(item, self.store.find(known.run))
                return
        fact = started(self.checked, item.value)
        await self.store.turn()
        try:
            begun = begin(self.checked, self.store, fact, self.told, ((self.name, item.key),))
        except ClaimTaken as taken:  # another process plays this batch, too
            await self._again(item, self.store.find(taken.run))
            return
        if begun.first is not None:
            self._duplicate(_Duplicate(item, begun.position.run, begun.first, known=False))
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
            self._unread(item, "run-held", f"run {record.id} is being played by {record.owner}")
        elif (first := record.settings.get("duplicate_of")) is not None:
            self._duplicate(_Duplicate(item, record.id, str(first), known=True))
        elif _is_over(record):
            self.tally.known += 1
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
        if end is None and self.interrupted is not None:
            return
        if again or end is None:
            self._tell(item, self.store.find(run), exit_code(end), end)
        else:
            self._told(item, run, end, parts.writer.booked, exit_code(end))

    # -- duplicates ------------------------------------------------------------------------------

    def _duplicate(self, one: _Duplicate) -> None:
        """Nothing is played for it: its end is that of the first, which may still be in play here."""
        if _is_over(self.store.find(one.first)):
            self._tell_duplicate(one)
        else:
            self._duplicates.append(replace(one, item=replace(one.item, value=None)))

    def tell_duplicates(self) -> None:
        """Tell those whose first run was not over. Of one that was interrupted the next call tells."""
        for one in self._duplicates:
            if self.interrupted is None or _is_over(self.store.find(one.first)):
                self._tell_duplicate(one)

    def _tell_duplicate(self, one: _Duplicate) -> None:
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

    def _unread(self, item: Input, code: str, message: str) -> None:
        self.tally.unread += 1
        self._write(item, {"run": None, "status": "unread", "exit": errors.FAILED, "code": code, "message": message})

    def _write(self, item: Input, told: Mapping[str, Any]) -> None:
        if self.results is not None:
            line = {"input": item.number, "place": item.place, **told}
            self.results.write(json.dumps(line, ensure_ascii=False) + "\n")
        elif told["exit"] not in (errors.DONE, errors.WAITING) and len(self.tally.reasons) < MOST_REASONS:
            run = told.get("duplicate_of", told["run"])
            self.tally.reasons.append(Reason(item.place, told["status"], told["code"], told["message"], run))


def _names_of(spec: str, inputs: Path) -> list[str]:
    """What a batch is called: by the file or folder that its inputs' path leads to, however the path is written.

    Behind it what an older choreo called it, which took the path as it was given.
    """
    return list(dict.fromkeys(f"batch {spec} {path}" for path in (os.path.realpath(inputs), inputs.absolute())))


def _is_over(record: RunRecord) -> bool:
    """Whether a batch leaves the run as it is."""
    return record.status not in ("running", "waiting") and (record.status, record.code) != ("stopped", "stopped")


def _must_not_be_read(out: str, inputs: Path, others: Mapping[str, Path]) -> None:
    """`--out` is written anew by every call. Raises UsageError where that would undo what the batch itself reads."""
    help = "name another file, in another folder than the inputs"
    for what, path in {"the file of inputs": inputs, **others}.items():
        if is_same(Path(out), path):
            raise UsageError("out-is-read", f"`--out {out}` is {what}: the results would be written over it", help)
    if holds(inputs, Path(out)):
        raise UsageError("out-is-read", f"`--out {out}` lies in the folder of inputs, `{inputs}`", help)


def _results(out: str | None) -> contextlib.AbstractContextManager[TextIO | None]:
    """Where results go: written anew by every call, a line for each input as it ends."""
    if out is None:
        return contextlib.nullcontext()
    try:
        return Path(out).open("w", buffering=1, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise UsageError(
            "cannot-write", f"cannot write `{out}`: {error.strerror or error}", "check the path"
        ) from error


def _cost_limit(given: Sequence[str]) -> float | None:
    from choreo.commands.resume import limits_given

    found = limits_given(given)
    if set(found) - {"cost"}:
        other = next(name for name in found if name != "cost")
        raise UsageError("bad-limit", f"a batch has no limit `{other}`", "--limit cost=...; others stand in the spec")
    return found.get("cost")


def _say_end(played: _Batch, code: int, options: Options) -> None:
    tally, flag = played.tally, options.store_flag
    codes = Counter(tally.codes)
    codes[errors.FAILED] += tally.unread
    counted = ", ".join(f"{number} with exit {exit}" for exit, number in sorted(codes.items()) if number)
    if not options.quiet or code:
        price = f"{tally.cost:.4f}" + ("" if tally.priced else " and unknown prices")
        before = f" ({tally.known} of them before)" if tally.known else ""
        say_safe(f"{tally.ended} of {tally.total} inputs{before}: {counted or 'none ended'}; cost {price}")
    for line in (*reasons_told(tally, flag), *waits_told(tally, flag)):
        say_safe(line)
    if played.interrupted is not None:
        say("interrupted; everything finished is on record. Go on with the same command")
    elif code == errors.LIMIT:
        say("the cost limit is reached. Go on with the same command and a higher --limit cost=...")
