"""The check of one schemas folder: texts, released versions, and the size of every step between versions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from choreo.commands.contract_audience import Audience, audience
from choreo.commands.contract_ground import Ground
from choreo.commands.contract_sides import owner_of
from choreo.compat import Direction
from choreo.compat.release import BadLock, Contracts, Step, changed, digests_of, gone, read_lock, step_between, steps
from choreo.contract import Contract, Version
from choreo.loading.catalogue import Catalogue, catalogue_at
from choreo.loading.jsonfile import json_place
from choreo.problem import Place, Problem
from choreo.render.compat import comparison_data, shown


@dataclass(frozen=True)
class Report:
    """`folder` is the schemas folder, or the spec that has contracts inside.

    `lines` tell of every step; `steps_data` is the same as JSON data.
    """

    folder: str
    problems: tuple[Problem, ...]
    texts: Mapping[str, str]
    lines: tuple[str, ...]
    steps_data: tuple[dict[str, Any], ...]
    count: int
    broken: int
    """How many of them cannot be used."""


def check_catalogue(catalogue: Catalogue, ground: Ground, base: str | None) -> Report:
    """Everything there is to say about one schemas folder, or about the contracts inside one spec."""
    before = {} if base is None else catalogue_at(catalogue, base).contracts
    known = _locked(catalogue) if base is None else digests_of(before)
    found = [(step, _audience(ground, catalogue, step)) for step in steps(_with_earlier(catalogue, before), known)]
    problems = [*catalogue.problems, *_about_lock(catalogue), *_all_altered(catalogue, ground, base, before)]
    problems += [_too_small(step, catalogue, concerned) for step, concerned in found if not step.enough]
    return Report(
        folder=catalogue.folder,
        problems=tuple(sorted(set(problems), key=lambda problem: problem.order)),
        texts=catalogue.texts,
        lines=tuple(line for step, concerned in found for line in _lines(step, concerned)),
        steps_data=tuple(_data(step, concerned) for step, concerned in found),
        count=catalogue.count,
        broken=catalogue.count - sum(map(len, catalogue.contracts.values())),
    )


def _audience(ground: Ground, home: Catalogue, step: Step) -> Audience:
    return audience(ground, home, step.new.name, [step.old.version, step.new.version])


def _with_earlier(catalogue: Catalogue, before: Contracts) -> Contracts:
    """What is there, and, for contracts inside a spec, what a newer version has taken the place of."""
    if not catalogue.is_inline:
        return catalogue.contracts
    found = {}
    for name, versions in catalogue.contracts.items():
        here = {contract.version for contract in versions}
        earlier = [old for old in before.get(name, ()) if old.version not in here]
        found[name] = tuple(sorted((*earlier, *versions), key=lambda contract: Version.parse(contract.version)))
    return found


def _locked(catalogue: Catalogue) -> dict[str, str]:
    return released_in(catalogue)[0]


def released_in(catalogue: Catalogue) -> tuple[dict[str, str], Problem | None]:
    """The digests of the lock file; none where there is none, and a Problem where it cannot be read."""
    if catalogue.lock is None:
        return {}, None
    try:
        return read_lock(catalogue.lock), None
    except BadLock as error:
        help = "bring it back from version control, or write it anew: choreo contract lock --rewrite"
        return {}, Problem(Place(catalogue.lock_path), "bad-lock", str(error), help)


def _all_altered(catalogue: Catalogue, ground: Ground, base: str | None, before: Contracts) -> Iterator[Problem]:
    """Against the commit, where one is given, and against the lock for what was not there yet."""
    lock = _locked(catalogue)
    if base is not None:
        known = digests_of(before)
        yield from _altered(catalogue, known, base, before, ground)
        lock = {ref: digest for ref, digest in lock.items() if ref not in known}
    yield from _altered(catalogue, lock, "choreo.lock", {}, ground)


def _altered(
    catalogue: Catalogue, released: Mapping[str, str], by: str, before: Contracts, ground: Ground
) -> Iterator[Problem]:
    """Released versions that are not what they were. `before` has the old texts, where they are known."""
    for contract in changed(catalogue.contracts, released):
        old = next((old for old in before.get(contract.name, ()) if old.version == contract.version), None)
        step = None if old is None else step_between(old, contract)
        needed = f": the change is {step.comparison.bump}, name it {step.least}" if step else ""
        message = f"{contract.ref} is not what was released under this number ({by}){needed}"
        owner = owner_of(contract)
        help = "bring the old text back and add a new version" + (f"; tell {owner}" if owner else "")
        also = audience(ground, catalogue, contract.name, [contract.version]).also
        yield Problem(contract.place, "contract-changed", message, help, also=also)
    if not catalogue.is_inline:  # nobody outside of a spec can refer to what it keeps inside
        yield from _gone(catalogue, released, by)


def _gone(catalogue: Catalogue, released: Mapping[str, str], by: str) -> Iterator[Problem]:
    broken = {problem.place.path for problem in catalogue.problems if problem.severity == "error"}
    for ref in gone(catalogue.contracts, released):
        path = f"{catalogue.folder}/{ref.replace('@', '/')}.json"
        if not any(other.endswith(path.removeprefix("./")) for other in broken):
            message = f"{ref} was released ({by}) and is no longer there"
            yield Problem(Place(path), "contract-gone", message, "bring it back: old versions stay beside new ones")


def _about_lock(catalogue: Catalogue) -> Iterator[Problem]:
    """A lock that cannot be read, that is missing, or that lacks versions. Only files are locked."""
    _, broken = released_in(catalogue)
    if broken is not None:
        yield broken
    elif catalogue.lock is not None:
        yield from _not_in_lock(catalogue)
    elif catalogue.contracts and not catalogue.is_inline:
        yield _unlocked(catalogue)


def _unlocked(catalogue: Catalogue) -> Problem:
    message = "released versions are not protected: there is no choreo.lock"
    return Problem(Place(catalogue.lock_path), "no-lock", message, "write it: choreo contract lock", "advice")


def _not_in_lock(catalogue: Catalogue) -> Iterator[Problem]:
    """Versions that were added and not locked: they could be changed, and nobody would be told."""
    locked = _locked(catalogue)
    for versions in catalogue.contracts.values():
        for contract in versions:
            if contract.ref not in locked:
                message = f"{contract.ref} is not in choreo.lock: a change of it would not be told"
                help = "lock it once it is final: choreo contract lock"
                yield Problem(contract.place, "version-not-locked", message, help, "warning")


def _too_small(step: Step, catalogue: Catalogue, concerned: Audience) -> Problem:
    """Blames the keyword that refuses; the parties that are affected are named with their places."""
    comparison, old, new = step.comparison, step.old, step.new
    direction = comparison.backward if comparison.bump == "major" else comparison.forward
    where = new if comparison.bump == "major" else old
    owner = owner_of(new) or owner_of(old)
    message = (
        f"{new.version} is too small a step from {old.version}: the change is {comparison.bump} ({_why(direction)})"
    )
    told = f"name it {step.least} or later, or take the change back" + (f"; tell {owner}" if owner else "")
    is_here = old in catalogue.contracts.get(old.name, ())  # what an inline version replaced has no line any more
    also = [(_keyword(old, direction, catalogue), "what decides")] if where is old and is_here else []
    place = _keyword(new, direction, catalogue) if where is new else new.place
    return Problem(place, "bump-too-small", message, told, also=(*also, *concerned.also))


def _why(direction: Direction) -> str:
    example = direction.counterexample
    return direction.message if example is None else f"{direction.message}; counterexample {shown(example.value, 120)}"


def _keyword(contract: Contract, direction: Direction, catalogue: Catalogue) -> Place:
    if contract.where is not None:
        return contract.where(direction.pointer, True)
    text = catalogue.texts.get(contract.place.path)
    if text is None:
        return contract.place
    return json_place(text, contract.place.path, direction.pointer, at_key=True)


def _lines(step: Step, concerned: Audience) -> Iterator[str]:
    comparison = step.comparison
    verdict = "enough" if step.enough else f"too small, at least {step.least}"
    moves = concerned.moves(comparison.first)
    yield f"{step.old.ref} -> {step.new.version}: {comparison.bump} change, {verdict}; first: {moves}"
    owner = owner_of(step.new) or owner_of(step.old)
    if comparison.bump in ("minor", "major"):
        if owner:
            yield f"  owner: {owner}"
        yield from (f"  {line}" for line in concerned.lines)


def _data(step: Step, concerned: Audience) -> dict[str, Any]:
    return {
        "contract": step.new.name,
        "old": step.old.version,
        "new": step.new.version,
        "enough": step.enough,
        "least_version": str(step.least),
        "owner": owner_of(step.new) or owner_of(step.old),
        **concerned.data,
        **comparison_data(step.comparison),
    }
