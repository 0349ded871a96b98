"""Released versions of contracts: they never change, and a new one is named by how much it changes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from choreo.compat.bump import is_enough, least
from choreo.compat.compare import compare
from choreo.compat.draft import Unusable
from choreo.compat.noun import Comparison
from choreo.contract import Contract, Version

Contracts = Mapping[str, tuple[Contract, ...]]
"""By name, every version, oldest first."""
Digests = Mapping[str, str]
"""`name@version` to the digest that was released."""


class BadLock(ValueError):
    """A lock file that is not one."""


@dataclass(frozen=True, slots=True)
class Step:
    """A version and the one before it. `least` is the smallest version that tells of the change."""

    old: Contract
    new: Contract
    comparison: Comparison
    enough: bool
    least: Version


def read_lock(text: str) -> dict[str, str]:
    """The digests of a lock file. Raises BadLock."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadLock("it is not JSON") from error
    digests = found.get("contracts") if isinstance(found, dict) else None
    if not isinstance(digests, dict) or found.get("choreo_lock") != 1:
        raise BadLock("it is no lock file of this version of choreo")
    if not all(isinstance(digest, str) for digest in digests.values()):
        raise BadLock("a digest in it is no text")
    return digests


def write_lock(digests: Digests) -> str:
    """The text of a lock file, one contract a line, so that two branches merge by lines."""
    told = {"choreo_lock": 1, "contracts": {ref: digests[ref] for ref in sorted(digests)}}
    return json.dumps(told, indent=2) + "\n"


def digests_of(contracts: Contracts) -> dict[str, str]:
    """`name@version` to digest of all of them."""
    return {contract.ref: contract.digest for versions in contracts.values() for contract in versions}


def changed(contracts: Contracts, released: Digests) -> Iterator[Contract]:
    """Versions whose text is not what was released under that number."""
    for versions in contracts.values():
        for contract in versions:
            if released.get(contract.ref, contract.digest) != contract.digest:
                yield contract


def gone(contracts: Contracts, released: Digests) -> list[str]:
    """Released versions that are no longer there."""
    here = digests_of(contracts)
    return [ref for ref in sorted(released) if ref not in here]


def steps(contracts: Contracts, released: Digests) -> Iterator[Step]:
    """Every version that was not released yet, beside the newest older one."""
    for versions in contracts.values():
        for place, new in enumerate(versions):
            if place and new.ref not in released:
                step = step_between(versions[place - 1], new)
                if step is not None:
                    yield step


def step_between(old: Contract, new: Contract) -> Step | None:
    """The two compared, or None where one of them is no schema that can be used."""
    try:
        comparison = compare(plain(old.schema), plain(new.schema))
    except Unusable:
        return None
    before, after = Version.parse(old.version), Version.parse(new.version)
    needed = comparison.bump
    return Step(old, new, comparison, is_enough(before, after, needed), least(before, needed))


def plain(schema: Mapping[str, Any]) -> Any:
    """A contract's schema as it is compared: read as the draft of contracts, whatever it says."""
    return {key: part for key, part in schema.items() if key not in ("$id", "$schema")}
