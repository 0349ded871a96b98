"""`choreo run`: play a spec on this machine."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from choreo.api.begin import Told, begin, started
from choreo.api.checked import Checked, check_spec, model_names
from choreo.commands.once import tell_first
from choreo.commands.payloads import read_payload
from choreo.commands.playing import Options, parts_for, play
from choreo.commands.speech import ask_yes, is_terminal, say
from choreo.errors import UsageError
from choreo.players.clients import LOCAL
from choreo.spec import Spec
from choreo.store import Store, find_store


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
        begun = begin(checked, store, fact, Told(str(Path(spec).absolute()), chosen, kept_labels))
        if begun.first is not None:
            return tell_first(store, begun.position.run, begun.first, options)
        title = f"run {begun.position.run}"
        parts = parts_for(checked, begun.position, begun.writer, store, options, begun.clock, title=title)
        if not begun.writer.opening:
            parts.watch(begun.events, begun.position)
        return play(parts, options)
    finally:
        store.close()


def prepare_models(checked: Checked, options: Options, cost: float | None = None) -> None:
    """Before anything is recorded: weights are here, and what a cost limit cannot count is said.

    `cost` is a limit over several runs: where there is one the note is about it, not about that of the spec.
    """
    specs = [checked.plan.spec, *(one.plan.spec for one in checked.family.values())]
    for name in dict.fromkeys(name for spec in specs for name in model_names(spec)):
        if name.startswith(LOCAL):
            from choreo.weights import ensure_weights

            ask = ask_yes if is_terminal(sys.stdin) and is_terminal(sys.stderr) else None
            ensure_weights(name.removeprefix(LOCAL), yes=options.yes, ask=ask, say=say)
    limit = checked.plan.spec.limits.cost if cost is None else cost
    if limit is not None:
        for name in dict.fromkeys(name for spec in specs for name in _unpriced(spec, model_names(spec))):
            told = f"the cost limit of {limit:g} cannot count its calls"
            say(f"note: the price of {name} is not known, so {told}; give it under `models:` as price")


def _unpriced(spec: Spec, names: Sequence[str]) -> list[str]:
    """Models whose calls a cost limit cannot count: no price in the spec, none in the price list."""
    settings = {given.model: given for given in spec.models.values()}
    unknown = []
    for name in names:
        given = settings.get(name)
        if name.startswith(LOCAL) or (given is not None and given.price is not None):
            continue
        from choreo.players.library import has_price

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
        if found.setdefault(name, value) != value:
            message = f"`{flag}` names `{name}` twice: `{found[name]}` and `{value}`"
            raise UsageError("bad-pair", message, "give it once")
    return found


def overrides(settings: Mapping[str, object]) -> dict[str, str]:
    """The `--model` choices that a run was started with."""
    found = settings.get("models")
    return {str(name): str(model) for name, model in found.items()} if isinstance(found, dict) else {}
