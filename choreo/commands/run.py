"""`choreo run`: play a spec on this machine."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from choreo import contract as contracts
from choreo.canonical import NotData, Payload
from choreo.commands.checked import Checked, check_spec, model_names
from choreo.commands.payloads import read_payload
from choreo.commands.playing import Options, parts_for, play
from choreo.commands.speech import ask_yes, is_terminal, say
from choreo.engine.position import start
from choreo.engine.react import react
from choreo.errors import UsageError
from choreo.plan import plan_digest
from choreo.players.clients import LOCAL
from choreo.runners.local import status_of
from choreo.spec import Spec
from choreo.store import Store, find_store
from choreo.trace import RunStarted
from choreo.verify import the_checker


def run(
    spec: str,
    *,
    source: str | None,
    sets: Sequence[str],
    labels: Sequence[str],
    models: Sequence[str],
    options: Options,
) -> int:
    """Play the spec in a file on one trigger payload. Returns the exit code."""
    chosen, kept_labels = pairs("--model", models), pairs("--label", labels)
    checked = check_spec(spec, chosen)
    value = read_payload(source, sets, checked.plan.trigger)
    fact = started(checked, value)
    prepare_models(checked, options)
    store = Store.open(find_store(options.db))
    try:
        position = start(checked.plan, new_run_id(fact.at))
        events = react(checked.plan, position, fact, the_checker())
        plan_spec = checked.plan.spec
        writer = store.create_run(
            position.run,
            (plan_spec.name, plan_spec.version),
            plan_digest(checked.loaded.sources),
            checked.loaded.sources,
            events,
            status=status_of(position),
            at=fact.at,
            main=Path(spec).name,
            labels=kept_labels,
            settings={"path": str(Path(spec).absolute()), "models": chosen},
        )
        parts = parts_for(checked.plan, position, writer, store, options)
        if not options.quiet:
            say(f"run {position.run}")
        parts.watch(events, position)
        return play(parts, options)
    finally:
        store.close()


def started(checked: Checked, value: object) -> RunStarted:
    """The first event: the payload with the trigger contract's defaults, and the verdict on it."""
    plan = checked.plan
    filled: tuple[str, ...] = ()
    if plan.trigger is not None:
        value, filled = contracts.fill_defaults(plan.trigger, value)
    try:
        payload = Payload.of(value)
    except NotData as error:
        raise UsageError("not-data", f"the trigger payload holds {error}") from error
    verdict = the_checker()(plan.trigger, payload) if plan.trigger is not None else None
    return RunStarted(time.time(), payload, filled, verdict)


def prepare_models(checked: Checked, options: Options) -> None:
    """Before anything is recorded: weights are here, and what a cost limit cannot count is said."""
    names = model_names(checked.plan.spec)
    for name in names:
        if name.startswith(LOCAL):
            from choreo.weights import ensure_weights

            ask = ask_yes if is_terminal(sys.stdin) and is_terminal(sys.stderr) else None
            ensure_weights(name.removeprefix(LOCAL), yes=options.yes, ask=ask, say=say)
    spec = checked.plan.spec
    if spec.limits.cost is not None:
        for name in _unpriced(spec, names):
            told = f"the cost limit of {spec.limits.cost:g} cannot count its calls"
            say(f"note: the price of {name} is not known, so {told}; give it under `models:` as price")


def _unpriced(spec: Spec, names: Sequence[str]) -> list[str]:
    """Models whose calls a cost limit cannot count: no price in the spec, none in the price list."""
    settings = {given.model: given for given in spec.models.values()}
    unknown = []
    for name in names:
        given = settings.get(name)
        if name.startswith(LOCAL) or (given is not None and given.price is not None):
            continue
        from choreo.players.remote import has_price

        if (given is not None and given.api_base is not None) or not has_price(name):
            unknown.append(name)
    return unknown


def pairs(flag: str, given: Sequence[str]) -> dict[str, str]:
    """`NAME=VALUE` arguments as a dict. Raises UsageError."""
    found: dict[str, str] = {}
    for item in given:
        name, equals, value = item.partition("=")
        if not equals or not name or not value:
            raise UsageError("bad-pair", f"`{flag} {item}` is not NAME=VALUE")
        found[name] = value
    return found


def new_run_id(now: float) -> str:
    """`YYYYMMDD-HHMMSS-mmmxxx`: ids sort by time (UTC, to the millisecond); the last three are drawn."""
    letters = "abcdefghjkmnpqrstvwxyz23456789"
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now))
    drawn = "".join(secrets.choice(letters) for _ in range(3))
    return f"{stamp}-{int(now * 1000) % 1000:03d}{drawn}"


def overrides(settings: Mapping[str, object]) -> dict[str, str]:
    """The `--model` choices that a run was started with."""
    found = settings.get("models")
    return {str(name): str(model) for name, model in found.items()} if isinstance(found, dict) else {}
