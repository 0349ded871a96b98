"""Roles played by another spec: each visit of one is a run of its own, the child run.

Opened. The hop's start is on record in the run above before its child run is made, so the id of the child run is
derived from it: `RUN.HOP`. Whoever takes the run up after a crash finds the child run of a hop by that id and goes on
with it; nothing finished is played again. A child run has its own rows, plan (its spec's own texts, so that it can be
explained and verified alone), hash chain and owner; it is played in this process and this event loop, beside the other
branches of the run above. `run.id` in it is its own id.

Waits. A child run in which only a person or a time can bring something on says so to the run above (`ChildRun`), where
the hop then counts as waiting: it takes no place among the parallel hops, no time, and the run above may leave with
exit 4. `choreo review` and `choreo resume` take either id; what goes on is always the run at the top.

Ends. `done`: its result is the hop's output. Anything else is a failure of the hop, with the code of the child run
(SEMANTICS rule 13). A hop that takes too long (`timeout`: time in play) or whose run fails elsewhere takes its child
runs with it: they end as `stopped`, their open questions withdrawn, effects that happen once awaited and recorded.

Limits. A child run may spend what the runs above it have left when it opens (hops, cost, time in play, places, depth)
and never more than its own spec allows. All it spends counts above. While runs play side by side, each looks at the
sum before it books a fact: a limit that was reached together is put on record in each of them, so that a replay of one
run alone decides the same. A limit of its own that a child run reaches is a failure of its hop. A limit of a run above
is not: the child run stops, the run above gives `over_budget` of whoever handed over to the hop, or stops with exit 8;
with a higher limit the child run goes on.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from msgspec.structs import replace as changed

from choreo import contract as contracts
from choreo.canonical import Payload
from choreo.engine.advance import rebuild
from choreo.engine.fold import fold
from choreo.engine.limits import reached_limit
from choreo.engine.position import HopState, Position, limits_of, start
from choreo.engine.react import Check, react
from choreo.errors import ChoreoError, PlayFailed, StoreError
from choreo.plan import Plan, SubSpec, plan_digest
from choreo.runners.child_end import Open, counted, end_child_runs, ended, seconds_in_play, spent_by, to_the_end
from choreo.runners.local import LocalRunner
from choreo.runners.parts import HopEnded, Parts, Runner, is_priced, status_of
from choreo.spec import Role, SpecPlayer
from choreo.store import NewRun, RunRecord, Store
from choreo.store.owner import LEASE, this_process
from choreo.store.writer import RunWriter
from choreo.trace import (
    ChildRun,
    Event,
    HopFinished,
    LimitsRaised,
    RunStarted,
)

_COUNTED = ("hops", "cost")


class Children:
    """Plays hops as child runs (`runners.local.Below`). `specs` are all that may play, by `SpecPlayer.within`."""

    def __init__(self, specs: Mapping[str, SubSpec]) -> None:
        self._specs = specs
        self._open: dict[str, Open] = {}
        self._under: dict[str, dict[str, Open]] = {}
        """The open child runs of a run, both by their ids."""

    async def play(self, above: Runner, hop: HopState) -> HopEnded | ChildRun:
        """The end of the hop, or (state `limit`) that its child run has nothing left to spend."""
        role = above.plan.roles[hop.role].role
        run = child_id(above.position.run, hop.number)
        try:
            sub = self._spec_of(above, role)
            record = above.parts.store.lookup(run)
            if record is not None and record.status not in ("running", "waiting", "limit"):
                return ended(above, hop, sub.plan, rebuild(sub.plan, run, above.parts.store.history(record)))
            opened = self._new(above, hop, sub) if record is None else await self._taken_up(above, hop, sub, record)
        except PlayFailed as failure:
            told = {"code": failure.code, "message": failure.message, "cost": 0.0}
            return HopEnded(hop, HopFinished(above.parts.clock(), hop.number, "failed", **told))  # type: ignore[arg-type]
        try:
            return await to_the_end(opened, role.timeout)
        finally:
            del self._open[run], self._under[above.position.run][run]
            if opened.runner.parts.writer.owned:
                with contextlib.suppress(ChoreoError):
                    opened.runner.parts.writer.release()

    def interrupt(self, run: str) -> None:
        for opened in self._under.get(run, {}).values():
            opened.runner.interrupt()

    def rests(self, run: str, hop: int) -> bool:
        opened = self._open.get(child_id(run, hop))
        if opened is None or opened.runner.position.finished is not None or not opened.runner.rests:
            return False
        position, parts = opened.runner.position, opened.runner.parts
        came_due = position.due is not None and position.due <= parts.clock()
        return not came_due and not parts.store.answers(position.run)

    def end(self, above: Runner, hop: HopState, why: str) -> None:
        end_child_runs(
            above.parts.store, child_id(above.position.run, hop.number), "ended-above", why, above.parts.clock()
        )

    # -- opening ---------------------------------------------------------------------------------

    def _spec_of(self, above: Runner, role: Role) -> SubSpec:
        if not isinstance(role.player, SpecPlayer):
            raise PlayFailed("no-sub-spec", f"`{role.name}` is not played by a spec")
        return self._specs[role.player.within(above.plan.spec.folder)]

    def _new(self, above: Runner, hop: HopState, sub: SubSpec) -> Open:
        depth = above.position.limits.get("depth")
        if depth is not None and depth < 1:
            raise PlayFailed("too-deep", f"`{hop.role}` would open a child run deeper than `limits.depth` allows")
        parts, plan = above.parts, sub.plan
        position = start(plan, child_id(above.position.run, hop.number))
        fact = first_fact(plan, _handed_in(above, hop), parts.clock(), parts.check)
        bounds = self._bounds(above, plan, position)
        first = (LimitsRaised(fact.at, bounds, above.position.run),) if bounds else ()
        for event in first:
            fold(plan, position, event)
        events = (*first, *react(plan, position, fact, parts.check))
        writer = parts.store.create_run(
            NewRun(
                position.run,
                (plan.spec.name, plan.spec.version),
                plan_digest(sub.sources),
                sub.sources,
                at=fact.at,
                main=os.path.basename(plan.spec.path),
                settings={"path": os.path.abspath(plan.spec.path), "models": dict(sub.models)},
                parent=(above.position.run, hop.number),
            ),
            events,
            status=status_of(position),
            due=position.due,
        )
        opened = self._register(above, hop, replace(parts, plan=plan, position=position, writer=writer))
        opened.runner.parts.watch(events, position)
        return opened

    async def _taken_up(self, above: Runner, hop: HopState, sub: SubSpec, record: RunRecord) -> Open:
        """Go on with a child run that another process began, or that stopped at a limit."""
        parts = above.parts
        writer, position = own(parts.store, record, sub.plan, parts.clock())
        before = begun_spending(parts.store, record, position)
        lived = lived_on(record, position)
        made = replace(parts, plan=sub.plan, position=position, writer=writer, spent_before=before, lived=lived)
        opened = self._register(above, hop, made)
        await opened.runner.resume(str(this_process()))
        bounds = self._bounds(above, sub.plan, position)
        if bounds or position.finished is not None:
            opened.runner.commit(LimitsRaised(parts.clock(), bounds, above.position.run))
        return opened

    def _register(self, above: Runner, hop: HopState, parts: Parts) -> Open:
        known, shown, run = above.position.children.get(hop.number), above.parts.watch, parts.position.run

        def watch(events: Sequence[Event], position: Position) -> None:
            shown(events, position)
            self._tell(run)

        made = LocalRunner(replace(parts, watch=watch, stays=True, spent_before=dict(parts.spent_before)))
        told = ("playing", None) if known is None else (known.state, known.due)
        opened = self._open[run] = Open(made, above, hop, told)
        self._under.setdefault(above.position.run, {})[run] = opened
        return opened

    def _tell(self, run: str) -> None:
        """Tell the run above that this one waits, until when, or that it goes on."""
        opened = self._open[run]
        position = opened.runner.position
        told = ("waiting", position.due) if position.waits else ("playing", None)
        if told != opened.told and position.finished is None:
            opened.told = told
            opened.above.post(_word(opened, opened.above.parts.clock(), *told))

    # -- limits ----------------------------------------------------------------------------------

    def first(self, position: Position, fact: Event) -> tuple[Event, ...]:
        """What must be on record before a fact is booked: limits that these runs have reached together."""
        if not self._open or position.finished is not None or reached_limit(position) is not None:
            return ()
        ends = isinstance(fact, HopFinished) and fact.hop not in position.children
        more = (fact.cost or 0.0) if isinstance(fact, HopFinished) and ends else 0.0
        under = list(self._under.get(position.run, {}).values())
        if under and _reached(position.limits, self._used(under[0].above), more) is not None:
            return tuple(_word(one, fact.at, *one.told) for one in under)
        opened = self._open.get(position.run)
        for runner in self._upward(opened.above if opened is not None else None):
            name = _reached(runner.position.limits, self._used(runner), more)
            if name is not None:
                return (LimitsRaised(fact.at, {name: spent_by(position)[name]}, runner.position.run),)
        return ()

    def _upward(self, runner: Runner | None) -> Iterator[Runner]:
        while runner is not None:
            yield runner
            opened = self._open.get(runner.position.run)
            runner = opened.above if opened is not None else None

    def _used(self, runner: Runner) -> dict[str, float]:
        """Hops and cost of a run and of what is open below it, each once, booked here or not yet."""
        used = spent_by(runner.position)
        for opened in self._under.get(runner.position.run, {}).values():
            below, booked = self._used(opened.runner), runner.position.children.get(opened.hop.number)
            for name in _COUNTED:
                used[name] += below[name] - (getattr(booked, name) if booked is not None else 0)
        return used

    def _bounds(self, above: Runner, plan: Plan, position: Position) -> dict[str, float]:
        """The limits of a child run that differ from those it has: its own spec's, and what is left above."""
        found = {name: value for name, value in limits_of(plan).items() if value is not None}
        mine = spent_by(position)
        for runner in self._upward(above):
            used, limits = self._used(runner), runner.position.limits
            used["time"] = seconds_in_play(runner.position, runner.parts.clock())
            for name, spent in used.items():
                limit = limits.get(name)
                if limit is not None:
                    found[name] = min(found.get(name, math.inf), mine[name] + max(0.0, limit - spent))
        for name, fewer in (("parallel", 0), ("depth", 1)):
            limit = above.position.limits.get(name)
            if limit is not None:
                found[name] = min(found.get(name, math.inf), limit - fewer)
        return {name: value for name, value in found.items() if value != position.limits.get(name)}


def child_id(run: str, hop: int) -> str:
    """The id of the child run that plays a hop."""
    return f"{run}.{hop}"


def first_fact(plan: Plan, value: object, at: float, check: Check) -> RunStarted:
    """The first event of a run: the payload (or the value of one) with the trigger contract's defaults, and the verdict
    on it."""
    filled: tuple[str, ...] = ()
    payload = value if isinstance(value, Payload) else Payload.of(value)
    if plan.trigger is not None:
        whole, filled = contracts.fill_defaults(plan.trigger, payload.value)
        payload = Payload.of(whole) if filled else payload
    return RunStarted(at, payload, filled, check(plan.trigger, payload) if plan.trigger is not None else None)


def own(store: Store, record: RunRecord, plan: Plan, at: float) -> tuple[RunWriter, Position]:
    """Own a run that is taken up, and where its rows say that it stands. Raises HeldError where another process plays
    it, StoreError where its rows cannot be trusted: then nobody owns it."""
    writer = store.acquire(record, at)
    try:
        return writer, rebuild(plan, record.id, store.history(record, checked=True))
    except StoreError:
        writer.release()
        raise


def begun_spending(store: Store, record: RunRecord, position: Position) -> dict[int, tuple[float, bool]]:
    """Of each hop in play: what was spent on it before (`Parts.spent_before`)."""
    before: dict[int, tuple[float, bool]] = {}
    for hop, attempt in store.attempts(record):
        if hop in position.playing:
            cost, priced = before.get(hop, (0.0, True))
            before[hop] = (cost + (attempt.cost or 0.0), priced and is_priced(attempt))
    return before


def lived_on(record: RunRecord, position: Position) -> float:
    """`Parts.lived` of a run that is taken up: its lease was made or renewed as long as its process lived."""
    return max(0.0, record.until - LEASE - position.at) if position.running and record.until else 0.0


# -- what is told above --------------------------------------------------------------------------


def _word(opened: Open, at: float, state: str, due: float | None) -> ChildRun:
    return changed(counted(opened.hop, opened.runner.position, at, "playing"), state=state, due=due)


def _reached(limits: Mapping[str, float | None], used: Mapping[str, float], more: float) -> str | None:
    """The first limit that hops and cost together have reached; `more` is a cost that is about to be booked."""
    for name in _COUNTED:
        limit = limits.get(name)
        if limit is not None and used[name] + (more if name == "cost" else 0.0) >= limit:
            return name
    return None


def _handed_in(above: Runner, hop: HopState) -> object:
    """The trigger payload: the hop's input, on a revision with `previous` and `feedback` beside its fields."""
    value = hop.input.value
    if hop.feedback is None:
        return value
    if not isinstance(value, dict):
        raise PlayFailed("no-place-for-feedback", "the input is no object, so `feedback` has no place beside it")
    previous = hop.previous.value if hop.previous is not None else None
    return {**value, "previous": previous, "feedback": hop.feedback.value}
