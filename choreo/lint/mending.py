"""Handoffs as they were probably meant: a name that is nobody's is read as the one it must have been.

A misspelt name is the nearest one. Where none is near, what was left over is taken: a role that nothing else leads to
(or that leads nowhere). So one wrong name does not tear the graph, and the rules still see the rest of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from choreo.problem import Place, closest
from choreo.spec import END, TRIGGER, Handoff, Spec

Ends = list[tuple[str, Place]]


class Mended(Struct, frozen=True):
    """`guessed` are the indexes of the handoffs with an end that was only guessed: what hangs on it is not judged."""

    handoffs: tuple[Handoff, ...]
    guessed: frozenset[int]


def mended(spec: Spec) -> Mended:
    """The handoffs of a spec. One without any end that could be found is left out."""
    near = [_near(handoff, spec) for handoff in spec.handoffs]
    lost_to = [one for one, given in zip(near, spec.handoffs, strict=True) if len(one.targets) < _asked(given.targets)]
    lost_from = [
        one for one, given in zip(near, spec.handoffs, strict=True) if len(one.sources) < _asked(given.sources)
    ]
    by_index = {handoff.index: handoff for handoff in near}
    for handoff in lost_to:
        by_index[handoff.index] = _with_target(handoff, spec, by_index)
    for handoff in lost_from:
        by_index[handoff.index] = _with_source(by_index[handoff.index], spec, by_index)
    kept = tuple(one for one in by_index.values() if one.sources and one.targets)
    return Mended(kept, frozenset(one.index for one in (*lost_to, *lost_from)))


def _asked(names: Collection[str]) -> int:
    """How many ends were written; one where what was written could not be read."""
    return max(1, len(names))


def meant(name: str, known: Collection[str]) -> str:
    """A name, or the known one that is nearest."""
    return name if name in known else closest(name, tuple(known)) or name


# -- names that are nearly right -----------------------------------------------------------------


def _near(handoff: Handoff, spec: Spec) -> Handoff:
    if _is_sound(handoff, spec):
        return handoff
    points = spec.touchpoints
    gate = None if handoff.touchpoint is None else meant(handoff.touchpoint, points)
    found = _known(handoff.sources, handoff.source_places, (TRIGGER, *spec.roles, *points))
    receivers = _known(handoff.targets, handoff.target_places, (*spec.roles, END), tuple(points))
    return replace(_with_ends(handoff, found, receivers), touchpoint=gate if gate in points else None)


def _is_sound(handoff: Handoff, spec: Spec) -> bool:
    roles, points = spec.roles, spec.touchpoints
    return (
        all(name in roles or name in points or name == TRIGGER for name in handoff.sources)
        and all(name in roles or name == END for name in handoff.targets)
        and (handoff.touchpoint is None or handoff.touchpoint in points)
    )


def _with_ends(handoff: Handoff, sources: Ends, targets: Ends) -> Handoff:
    return replace(
        handoff,
        sources=tuple(name for name, _ in sources),
        source_places=tuple(place for _, place in sources),
        targets=tuple(name for name, _ in targets),
        target_places=tuple(place for _, place in targets),
    )


def _known(
    names: tuple[str, ...], places: tuple[Place, ...], known: Collection[str], gates: tuple[str, ...] = ()
) -> Ends:
    """The names that can be understood, each with its place; a fixed word or a touchpoint is never guessed."""
    fixed = (TRIGGER, END, *gates)
    pairs = [(name if name in fixed else meant(name, known), place) for name, place in zip(names, places, strict=False)]
    return [(name, place) for name, place in pairs if name in known]


# -- names that are nobody's ---------------------------------------------------------------------


def _behind(handoff: Handoff, spec: Spec) -> tuple[str, str] | None:
    """(who receives, the touchpoint) where a touchpoint was named as the receiver."""
    written = next((one.targets for one in spec.handoffs if one.index == handoff.index), ())
    through = [one for one in spec.handoffs if one.touchpoint is not None and one.touchpoint in written]
    return next(((one.targets[0], one.touchpoint or "") for one in through if one.targets), None)


def _with_target(handoff: Handoff, spec: Spec, others: Mapping[int, Handoff]) -> Handoff:
    behind = _behind(handoff, spec)
    if behind is not None:
        return _led_to(replace(handoff, touchpoint=behind[1]), behind[0])
    if handoff.revise:
        first = next((one.targets[0] for one in others.values() if TRIGGER in one.sources and one.targets), None)
        return _led_to(handoff, first)
    if handoff.outcome is not None or handoff.fail:
        return _led_to(handoff, END)
    return _led_to(handoff, next(_not_led_to(handoff, spec, others), None if handoff.targets else END))


def _led_to(handoff: Handoff, name: str | None) -> Handoff:
    if name is None:
        return handoff
    return replace(handoff, targets=(*handoff.targets, name), target_places=(*handoff.target_places, handoff.place))


def _not_led_to(handoff: Handoff, spec: Spec, others: Mapping[int, Handoff]) -> Iterator[str]:
    led_to = {name for one in others.values() if not one.revise for name in one.targets}
    yield from (name for name in spec.roles if name not in led_to and name not in handoff.sources)


def _with_source(handoff: Handoff, spec: Spec, others: Mapping[int, Handoff]) -> Handoff:
    leading = {name for one in others.values() for name in one.sources}
    names = (*spec.roles,) if handoff.sources_as == "join" else (TRIGGER, *spec.roles)
    source = next((name for name in names if name not in leading and name not in handoff.targets), None)
    if source is None:
        return handoff
    return replace(handoff, sources=(*handoff.sources, source), source_places=(*handoff.source_places, handoff.place))
