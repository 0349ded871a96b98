"""The parts of a runner, and what a run that ended means to whoever called."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from choreo import errors
from choreo.api.checked import Checked, check_stored
from choreo.engine.position import Position
from choreo.gates.base import Gate
from choreo.gates.shared import SharedGate
from choreo.plan import Plan, SubSpec
from choreo.players import player_for
from choreo.players.base import Instant, Player
from choreo.runners.children import Children, begun_spending, lived_on, own
from choreo.runners.clock import Clock, SteadyClock
from choreo.runners.parts import Parts, Watch
from choreo.spec import Role
from choreo.store import RunRecord, Store
from choreo.store.writer import RunWriter
from choreo.trace import Event, RunFinished
from choreo.verify import the_checker


def unwatched(events: Sequence[Event], position: Position) -> None:
    """Tells nobody."""


def of_role(role: Role) -> Player | Instant:
    """The player that a role names."""
    return player_for(role.player)


def parts_of(
    plan: Plan,
    position: Position,
    writer: RunWriter,
    store: Store,
    *,
    family: Mapping[str, SubSpec] | None = None,
    gate: Gate | None = None,
    watch: Watch = unwatched,
    player: Callable[[Role], Player | Instant] = of_role,
    clock: Clock | None = None,
) -> Parts:
    """What a runner needs to play a run; `family` are the specs that play roles in it.

    Without a gate nobody is asked: questions stay open. `clock` is the one that the run began with in this process.
    """
    return Parts(
        plan=plan,
        position=position,
        writer=writer,
        store=store,
        check=the_checker(),
        player=player,
        gate=SharedGate(gate) if gate is not None and family else gate,
        watch=watch,
        below=Children(family) if family else None,
        clock=clock or SteadyClock(),
    )


def take_up(
    store: Store,
    record: RunRecord,
    plan: Plan,
    *,
    family: Mapping[str, SubSpec] | None = None,
    gate: Gate | None = None,
    watch: Watch = unwatched,
    player: Callable[[Role], Player | Instant] = of_role,
) -> Parts:
    """Own a run and put it where its rows say it stands. Raises HeldError where another process plays it."""
    writer, position = own(store, record, plan, time.time())
    parts = parts_of(plan, position, writer, store, family=family, gate=gate, watch=watch, player=player)
    parts.spent_before = begun_spending(store, record, position)
    parts.lived = lived_on(record, position)
    if "replay_of" in record.settings:
        from choreo.api.recall import recall_for

        parts.recall = recall_for(store, record, plan_of)
    return parts


def plan_of(store: Store, record: RunRecord) -> Checked:
    """The plan a run keeps, with the models it was started with."""
    main, sources = store.sources(record)
    path = str(record.settings.get("path", main))
    return check_stored(sources, str(Path(path).with_name(main)), chosen_models(record))


def chosen_models(record: RunRecord) -> dict[str, str]:
    """The `--model` choices that a run was started with."""
    models = record.settings.get("models")
    return {str(name): str(model) for name, model in models.items()} if isinstance(models, dict) else {}


def exit_code(end: RunFinished | None) -> int:
    """The exit code of a run that ended so (None: it waits)."""
    if end is None:
        return errors.WAITING
    if end.status == "failed" and end.code == "exhausted":
        return errors.LIMIT
    return _CODES.get(end.status, errors.TERMINATED if end.stopped else errors.FAILED)


_CODES: dict[str, int] = {
    "done": errors.DONE,
    "rejected": errors.REJECTED,
    "limit": errors.LIMIT,
    "duplicate": errors.DONE,
}
