"""The map of a spec against the spec: what covers each part of the work, and where nothing does. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import Struct

from choreo.problem import Place, Problem
from choreo.spec import ContractRef, HumanPlayer, Role, Spec

Part = Literal["breakdown", "decision", "person"]


class Cover(Struct, frozen=True):
    """What covers a part of the map: its name and what it is (`role`, `touchpoint`, `contract`, `person`)."""

    name: str
    what: str


class Covered(Struct, frozen=True):
    """One part of the map. `gap` says what is missing, empty where nothing is."""

    part: Part
    text: str
    covers: tuple[Cover, ...]
    place: Place
    gap: str = ""
    stakes: str = ""


def coverage(spec: Spec, problems: Sequence[Problem] = ()) -> tuple[Covered, ...]:
    """Every breakdown, decision and person of the map, in the order of the file.

    `problems` are those of the spec: what a rule says at a decision's owner is that decision's gap.
    """
    return (*_breakdowns(spec), *_decisions(spec, problems), *_people(spec))


def unmapped(spec: Spec) -> tuple[str, ...]:
    """The roles and touchpoints that no breakdown and no decision of the map names."""
    if spec.map is None:
        return ()
    named = {name for one in spec.map.breakdowns for name in one.covered_by} | {one.by for one in spec.map.decisions}
    return tuple(name for name in (*spec.roles, *spec.touchpoints) if name not in named)


def _breakdowns(spec: Spec) -> Iterator[Covered]:
    for one in spec.map.breakdowns if spec.map else ():
        covers = tuple(Cover(name, _what(spec, name)) for name in one.covered_by)
        missing = [f"`{cover.name}` is not in this spec" for cover in covers if not cover.what]
        gap = ", ".join(missing) if covers else "nothing covers it"
        yield Covered("breakdown", one.what, covers, one.place, gap)


def _decisions(spec: Spec, problems: Sequence[Problem]) -> Iterator[Covered]:
    unseen = {one.place for one in problems if one.code == "unseen-decision"}
    for one in spec.map.decisions if spec.map else ():
        cover = Cover(one.by, _what(spec, one.by))
        gap = "nobody takes it" if not one.by else "" if cover.what else f"`{one.by}` is not in this spec"
        if not gap and one.by_place in unseen:
            gap = "high stakes, and no person sees it"
        yield Covered("decision", one.what, (cover,) if one.by else (), one.place, gap, one.stakes)


def _people(spec: Spec) -> Iterator[Covered]:
    if spec.map is None:
        return
    for name, text in spec.map.people.items():
        covers = [Cover(gate.name, "touchpoint") for gate in spec.touchpoints.values() if gate.who == name]
        covers += [Cover(role.name, "role") for role in spec.roles.values() if _played_by(role, name)]
        owns = any(one.by == name for one in spec.map.decisions)
        gap = "" if covers else "decides, but is asked nowhere in this spec" if owns else "is asked nowhere"
        yield Covered("person", f"{name}: {text}" if text else name, tuple(covers), spec.map.place, gap)


def _played_by(role: Role, person: str) -> bool:
    return isinstance(role.player, HumanPlayer) and role.player.who == person


def _what(spec: Spec, name: str) -> str:
    """What a name of the map is in this spec; empty where nothing in the spec has it."""
    if name in spec.roles:
        return "role"
    if name in spec.touchpoints:
        return "touchpoint"
    if spec.map is not None and name in spec.map.people:
        return "person"
    return "contract" if name.partition("@")[0] in _contracts(spec) else ""


def _contracts(spec: Spec) -> set[str]:
    """The contracts that the spec hands over or gives back."""
    refs = [ref for role in spec.roles.values() for ref in (role.accepts, role.emits)]
    refs += [spec.trigger.accepts, spec.result.emits if spec.result else None]
    return {ref.name for ref in refs if isinstance(ref, ContractRef)}
