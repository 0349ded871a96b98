"""The check of one schemas folder: texts, released versions, and the size of every step between versions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from choreo.commands.contract_sides import concerned, owner_of
from choreo.compat import Direction
from choreo.compat.release import BadLock, Contracts, Step, changed, digests_of, gone, read_lock, step_between, steps
from choreo.contract import Contract
from choreo.loading.catalogue import Catalogue, read_catalogue_at
from choreo.loading.jsonfile import json_place
from choreo.loading.parties import Party
from choreo.problem import Place, Problem
from choreo.render.compat import comparison_data, shown


@dataclass(frozen=True)
class Report:
    """`folder` is the schemas folder. `lines` tell of every step; `steps_data` is the same as JSON data."""

    folder: str
    problems: tuple[Problem, ...]
    texts: Mapping[str, str]
    lines: tuple[str, ...]
    steps_data: tuple[dict[str, Any], ...]
    count: int


def check_catalogue(catalogue: Catalogue, parties: Sequence[Party], base: str | None) -> Report:
    """Everything there is to say about one schemas folder."""
    lock, broken = released_in(catalogue)
    problems = [*catalogue.problems, *([broken] if broken else [])]
    before = {} if base is None else read_catalogue_at(catalogue.folder, base).contracts
    known = lock if base is None else digests_of(before)
    if base is not None:
        problems += _altered(catalogue, known, base, before, parties)
        lock = {ref: digest for ref, digest in lock.items() if ref not in known}
    problems += _altered(catalogue, lock, "choreo.lock", {}, parties)
    found = list(steps(catalogue.contracts, known))
    problems += [_too_small(step, catalogue, parties) for step in found if not step.enough]
    if catalogue.lock is None and catalogue.contracts:
        problems.append(_unlocked(catalogue))
    if catalogue.lock is not None and broken is None:
        problems += _not_in_lock(catalogue)
    return Report(
        folder=catalogue.folder,
        problems=tuple(sorted(set(problems), key=lambda problem: problem.order)),
        texts=catalogue.texts,
        lines=tuple(line for step in found for line in _lines(step, parties)),
        steps_data=tuple(_data(step, parties) for step in found),
        count=sum(map(len, catalogue.contracts.values())),
    )


def released_in(catalogue: Catalogue) -> tuple[dict[str, str], Problem | None]:
    """The digests of the lock file; none where there is none, and a Problem where it cannot be read."""
    if catalogue.lock is None:
        return {}, None
    try:
        return read_lock(catalogue.lock), None
    except BadLock as error:
        help = "bring it back from version control, or write it anew: choreo contract lock --rewrite"
        return {}, Problem(Place(catalogue.lock_path), "bad-lock", str(error), help)


def _altered(
    catalogue: Catalogue, released: Mapping[str, str], by: str, before: Contracts, parties: Sequence[Party]
) -> Iterator[Problem]:
    """Released versions that are not what they were. `before` has the old texts, where they are known."""
    for contract in changed(catalogue.contracts, released):
        old = next((old for old in before.get(contract.name, ()) if old.version == contract.version), None)
        step = None if old is None else step_between(old, contract)
        needed = f": the change is {step.comparison.bump}, name it {step.least}" if step else ""
        message = f"{contract.ref} is not what was released under this number ({by}){needed}"
        owner = owner_of(contract)
        help = "bring the old text back and add a new version" + (f"; tell {owner}" if owner else "")
        yield Problem(contract.place, "contract-changed", message, help, also=_affected(contract, contract, parties))
    broken = {problem.place.path for problem in catalogue.problems if problem.severity == "error"}
    for ref in gone(catalogue.contracts, released):
        path = f"{catalogue.folder}/{ref.replace('@', '/')}.json"
        if not any(other.endswith(path.removeprefix("./")) for other in broken):
            message = f"{ref} was released ({by}) and is no longer there"
            yield Problem(Place(path), "contract-gone", message, "bring it back: old versions stay beside new ones")


def _unlocked(catalogue: Catalogue) -> Problem:
    message = "released versions are not protected: there is no choreo.lock"
    return Problem(Place(catalogue.lock_path), "no-lock", message, "write it: choreo contract lock", "advice")


def _not_in_lock(catalogue: Catalogue) -> Iterator[Problem]:
    """Versions that were added and not locked: they could be changed, and nobody would be told."""
    locked, _ = released_in(catalogue)
    for versions in catalogue.contracts.values():
        for contract in versions:
            if contract.ref not in locked:
                message = f"{contract.ref} is not in choreo.lock: a change of it would not be told"
                help = "lock it once it is final: choreo contract lock"
                yield Problem(contract.place, "version-not-locked", message, help, "warning")


def _too_small(step: Step, catalogue: Catalogue, parties: Sequence[Party]) -> Problem:
    """Blames the keyword that refuses; the parties that are affected are named with their places."""
    comparison, old, new = step.comparison, step.old, step.new
    direction = comparison.backward if comparison.bump == "major" else comparison.forward
    where = new if comparison.bump == "major" else old
    owner = owner_of(new) or owner_of(old)
    message = (
        f"{new.version} is too small a step from {old.version}: the change is {comparison.bump} ({_why(direction)})"
    )
    told = f"name it {step.least} or later, or take the change back" + (f"; tell {owner}" if owner else "")
    also = [(_keyword(where, direction, catalogue), "what decides")] if where is old else []
    place = _keyword(new, direction, catalogue) if where is new else new.place
    return Problem(place, "bump-too-small", message, told, also=(*also, *_affected(old, new, parties)))


def _affected(old: Contract, new: Contract, parties: Sequence[Party]) -> tuple[tuple[Place, str], ...]:
    return tuple(
        (party.place, f"affected: {party}") for party in concerned(parties, new.name, [old.version, new.version])
    )


def _why(direction: Direction) -> str:
    example = direction.counterexample
    return direction.message if example is None else f"{direction.message}; counterexample {shown(example.value, 120)}"


def _keyword(contract: Contract, direction: Direction, catalogue: Catalogue) -> Place:
    text = catalogue.texts.get(contract.place.path)
    if text is None:
        return contract.place
    return json_place(text, contract.place.path, direction.pointer, at_key=True)


def _lines(step: Step, parties: Sequence[Party]) -> Iterator[str]:
    comparison = step.comparison
    verdict = "enough" if step.enough else f"too small, at least {step.least}"
    yield f"{step.old.ref} -> {step.new.version}: {comparison.bump} change, {verdict}; first: {comparison.first}"
    owner = owner_of(step.new) or owner_of(step.old)
    if comparison.bump in ("minor", "major"):
        if owner:
            yield f"  owner: {owner}"
        for party in concerned(parties, step.new.name, [step.old.version, step.new.version]):
            yield f"  concerns {party}"


def _data(step: Step, parties: Sequence[Party]) -> dict[str, Any]:
    affected = concerned(parties, step.new.name, [step.old.version, step.new.version])
    return {
        "contract": step.new.name,
        "old": step.old.version,
        "new": step.new.version,
        "enough": step.enough,
        "least_version": str(step.least),
        "owner": owner_of(step.new) or owner_of(step.old),
        "affected": [
            {"spec": party.spec, "role": party.role, "does": party.does, "range": party.range} for party in affected
        ],
        **comparison_data(step.comparison),
    }
