"""How a child run ends: by itself, late, or from above; and what its end is for the hop that it plays.

See `choreo.runners.children`, which opens them.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from choreo.engine.advance import finished_hop
from choreo.engine.position import HopState, Position, limits_of
from choreo.errors import PlayFailed
from choreo.plan import Plan
from choreo.runners.local import LocalRunner
from choreo.runners.parts import HopEnded, Runner
from choreo.store import Store
from choreo.store.writer import AnswerWaiting
from choreo.trace import ChildRun, ChildState, Decided, HopFinished, HopStatus, RunFinished

_SOON = 0.05


@dataclass
class Open:
    """A child run that is played now. `told` is what the run above it was told last: (state, due)."""

    runner: LocalRunner
    above: Runner
    hop: HopState
    told: tuple[str, float | None]


def end_child_runs(store: Store, run: str, code: str, message: str, at: float) -> int:
    """Record that a child run, and every run below it, was ended from above. Returns how many were not over."""
    found = [record for record in (store.lookup(run), *store.below(run)) if record is not None]
    ending = [record for record in found if record.status in ("running", "waiting")]
    for record in ending:
        writer = store.acquire(record, at)
        end = RunFinished(at, "stopped", code=code, message=message)
        withdrawn = [
            Decided(at, asked.question, "withdrawn", asked.payload.digest, by="choreo", reason=message)
            for asked in store.open_questions(record.id)
        ]
        try:
            writer.append([*withdrawn, end], status="stopped", at=at)
        except AnswerWaiting:  # someone answered in this moment: what they said stays on record
            writer.append([end], status="stopped", at=at)
    return len(ending)


async def to_the_end(opened: Open, timeout: float | None) -> HopEnded | ChildRun:
    """Play a child run until it ends, or is ended; `timeout` are seconds in play. See `ended`."""
    above, runner, hop = opened.above, opened.runner, opened.hop
    playing = asyncio.ensure_future(runner.run())
    try:
        late = await _is_late(playing, runner, timeout)
    except asyncio.CancelledError:
        await _interrupted(playing, runner, above)
        if above.over:
            _end(above, runner, "ended-above", f"run {above.position.run} is over")
        if not above.position.hops[hop.number].cancelled:
            raise
        _end(above, runner, "ended-above", "its lane is over")
        return _hop_end(above, hop, runner.position, "failed", "cancelled", "its lane is over")
    if late:
        await _interrupted(playing, runner, above)
        if not runner.over:
            message = f"no result within {timeout:g} s in play"
            _end(above, runner, "timeout", message)
            return _hop_end(above, hop, runner.position, "timeout", "timeout", message)
    else:
        playing.result()
    if runner.position.finished is None:  # a person at the keyboard interrupted it
        above.interrupt()
        raise asyncio.CancelledError
    return ended(above, hop, runner.plan, runner.position)


async def _is_late(playing: asyncio.Future[RunFinished | None], runner: LocalRunner, timeout: float | None) -> bool:
    """Wait for the end of a run, at most `timeout` seconds in play. Whether the time was over first."""
    while not playing.done():
        left = None
        if timeout is not None:
            left = timeout - seconds_in_play(runner.position, runner.parts.clock())
            if left <= 0:
                return True
        await asyncio.wait({playing}, timeout=None if left is None else max(left, _SOON))
    return False


async def _interrupted(playing: asyncio.Future[RunFinished | None], runner: LocalRunner, above: Runner) -> None:
    """Not cancelled: an effect whose begin is on record, and which waits for that to be on disk, must begin."""
    runner.interrupt(finishes=above.finishes)
    await asyncio.gather(playing, return_exceptions=True)


def _end(above: Runner, runner: LocalRunner, code: str, message: str) -> None:
    end_child_runs(above.parts.store, runner.position.run, code, message, above.parts.clock())


def ended(above: Runner, hop: HopState, plan: Plan, position: Position) -> HopEnded | ChildRun:
    """What the end of a child run is for its hop."""
    end, now = position.finished, above.parts.clock()
    if end is None:
        raise PlayFailed("no-end", f"the child run {position.run} has no end on record")
    if end.status == "limit" and _is_from_above(plan, position, end):
        return counted(hop, position, now, "limit", code=end.code)
    if end.status != "done" or end.payload is None:
        late = end.status == "stopped" and end.code == "timeout"
        how = "at a limit of its own" if end.status == "limit" else end.status
        said = f"the child run {position.run} is {how}" + (f": {end.message}" if end.message else "")
        return _hop_end(above, hop, position, "timeout" if late else "failed", end.code or end.status, said)
    fact = finished_hop(
        above.plan,
        hop,
        end.payload,
        above.parts.check,
        more={"trigger": above.position.trigger, "run": {"id": above.position.run}},
        at=now,
        seconds=position.spent.seconds,
        cost=position.spent.cost,
        priced=position.spent.priced,
    )
    return HopEnded(hop, fact, first=(counted(hop, position, now, "over"),))


def _hop_end(above: Runner, hop: HopState, position: Position, status: HopStatus, code: str, message: str) -> HopEnded:
    now, spent = above.parts.clock(), position.spent
    told = {"code": code, "message": message, "cost": spent.cost, "priced": spent.priced, "seconds": spent.seconds}
    fact = HopFinished(now, hop.number, status, **told)  # type: ignore[arg-type]
    return HopEnded(hop, fact, first=(counted(hop, position, now, "over"),))


def _is_from_above(plan: Plan, position: Position, end: RunFinished) -> bool:
    """Whether a limit that a child run reached is one of the runs above it, not one that its own spec declares."""
    name = (end.code or "").removeprefix("limit-")
    own = limits_of(plan).get(name)
    return own is None or spent_by(position).get(name, 0.0) < own


def counted(hop: HopState, position: Position, at: float, state: ChildState, code: str | None = None) -> ChildRun:
    """What the run above books of a child run: how it stands, and what it has spent so far."""
    spent = position.spent
    return ChildRun(at, hop.number, position.run, state, spent.hops, spent.cost, spent.priced, code=code)


def spent_by(position: Position) -> dict[str, float]:
    """What counts against limits, by their names; `time` in seconds in play."""
    spent = position.spent
    return {"hops": spent.hops, "cost": spent.cost, "time": spent.seconds}


def seconds_in_play(position: Position, now: float) -> float:
    """The time in play so far, what passes now included."""
    return position.spent.seconds + (max(0.0, now - position.at) if position.in_play else 0.0)
