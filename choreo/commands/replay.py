"""`choreo replay`: a new run that takes over what an earlier one gave wherever nothing has changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from choreo.api.begin import new_run_id, started
from choreo.api.checked import Checked, check_models, check_spec, check_stored
from choreo.api.parts import plan_of
from choreo.api.recall import what_ran
from choreo.commands.playing import Options, parts_for, play
from choreo.commands.run import overrides, pairs, prepare_models
from choreo.commands.speech import say, say_safe
from choreo.engine.position import Position, start
from choreo.engine.react import react
from choreo.errors import ChoreoError, UsageError
from choreo.loading import load_spec
from choreo.plan import plan_digest
from choreo.runners.clock import SteadyClock
from choreo.runners.parts import status_of
from choreo.runners.replay import Recall
from choreo.store import NewRun, RunRecord, Store, find_store
from choreo.trace import RunStarted
from choreo.verify import the_checker


def replay(name: str, *, since: str | None, spec: str | None, models: Sequence[str], options: Options) -> int:
    """Play a recorded run's trigger payload again. Returns the exit code of the new run."""
    now = pairs("--model", models)
    store = Store.open(find_store(options.db), make=False)
    try:
        earlier = store.find(name)
        trigger = _trigger(store, earlier)
        chosen = {**overrides(earlier.settings), **now}
        checked = _stored(store, earlier, chosen) if spec is None else check_spec(spec, _known(spec, chosen, now))
        check_models(checked.loaded, now)
        settings: dict[str, object] = {
            "path": str(Path(spec).absolute())
            if spec is not None
            else earlier.settings.get("path") or checked.loaded.path,
            "models": chosen,
            "replay_of": earlier.id,
            "from": since,
            "effects": options.effects,
        }
        prepare_models(checked, options)
        clock = SteadyClock()
        fact = started(checked, trigger.payload.value, clock())
        run = new_run_id(fact.at)
        recall = Recall(what_ran(store, earlier, plan_of, since), run, since, options.effects, options.by)
        position = start(checked.plan, run)
        events = react(checked.plan, position, fact, the_checker())
        writer = store.create_run(
            NewRun(
                run,
                (checked.plan.spec.name, checked.plan.spec.version),
                plan_digest(checked.loaded.sources),
                checked.loaded.sources,
                at=fact.at,
                main=Path(checked.loaded.path).name,
                labels={"replay_of": earlier.id},
                settings=settings,
            ),
            events,
            status=status_of(position),
            due=position.due,
        )
        title = f"run {run}, a replay of {earlier.id}"
        parts = parts_for(checked, position, writer, store, options, clock, title=title)
        parts.recall = recall
        parts.watch(events, position)
        code = play(parts, options)
        if not options.quiet:
            _say_taken(store, parts.position, earlier.id, options)
        return code
    finally:
        store.close()


def _trigger(store: Store, record: RunRecord) -> RunStarted:
    found = next((event for event in store.history(record) if isinstance(event, RunStarted)), None)
    if found is None:
        raise UsageError("no-run", f"run {record.id} never began", "see: choreo runs")
    return found


def _stored(store: Store, record: RunRecord, chosen: Mapping[str, str]) -> Checked:
    """The plan that the run has kept, with these models."""
    main, sources = store.sources(record)
    path = Path(str(record.settings.get("path", main)))
    if _has_changed(path, record.plan):
        say_safe(f"note: {path.name} has changed since that run; this plays it as it was (as it is now: --spec {path})")
    return check_stored(sources, str(path.with_name(main)), chosen) if chosen else plan_of(store, record)


def _has_changed(path: Path, plan: str) -> bool:
    try:
        return plan_digest(load_spec(str(path)).sources) != plan
    except ChoreoError:
        return False  # it is not there any more, or cannot be read: there is nothing to compare with


def _known(spec: str, chosen: Mapping[str, str], now: Mapping[str, str]) -> dict[str, str]:
    """What is asked for now, and those of the earlier choices that mean something in this spec."""
    loaded = load_spec(spec).spec if len(chosen) > len(now) else None
    known = {"all", *loaded.models} if loaded is not None else set()
    return {name: model for name, model in chosen.items() if name in now or name in known}


def _say_taken(store: Store, position: Position, earlier: str, options: Options) -> None:
    runs = [store.find(position.run), *store.below(position.run)]
    kinds = [kind for record in runs for kind, _, _ in store.taken(record).values()]
    told = [f"{kinds.count('reused')} of {sum(record.hops for record in runs)} hops reused"]
    told += [f"{count} {name}" for name, count in (("from the cache", kinds.count("cached")),) if count]
    told += [f"{count} not done again" for count in (kinds.count("receipt"),) if count]
    say(f"{', '.join(told)}; what changed: choreo diff {earlier} {position.run}{options.store_flag}")
    if any(question.asked.kind == "in_doubt" for question in position.questions.values()) and not options.effects:
        say(f"do its effects now: choreo resume {position.run}{options.store_flag} --effects")
