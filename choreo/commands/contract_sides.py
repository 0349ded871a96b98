"""The contracts that `choreo contract` is asked about by name, whom they concern, and the two sides of a diff."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from choreo.commands.contract_ground import Ground
from choreo.compat.release import Contracts, plain
from choreo.contract import BadVersion, Contract, best, parse_range
from choreo.errors import SpecErrors, UsageError
from choreo.loading.catalogue import Catalogue, catalogue_at, read_schema
from choreo.loading.history import file_at
from choreo.problem import suggestion


@dataclass(frozen=True)
class Side:
    """One side of a diff. `name` and `version` are empty where a file is called otherwise.

    `home` is where the contract is kept; None for a file that was given as one.
    """

    label: str
    name: str
    version: str
    schema: Any
    home: Catalogue | None = None

    @property
    def owner(self) -> str | None:
        found = self.schema.get("x-owner") if isinstance(self.schema, dict) else None
        return found if isinstance(found, str) else None


def owner_of(contract: Contract) -> str | None:
    """Who must hear of a change, as the contract says."""
    owner = contract.schema.get("x-owner")
    return owner if isinstance(owner, str) else None


def pick(catalogues: Sequence[Catalogue], named: str) -> tuple[Catalogue, Contract]:
    """The contract that `name`, `name@1.2.0` or `name@^1` means, and where it is kept: the newest it allows.

    Raises UsageError where there is none, SpecErrors where its text is broken.
    """
    name, _, wanted = named.partition("@")
    for catalogue in catalogues:
        _check_readable(catalogue, name)
    holders = [catalogue for catalogue in catalogues if name in catalogue.contracts]
    if not holders:
        help = suggestion(name, [other for one in catalogues for other in one.contracts], "contract")
        raise UsageError("missing-contract", f"there is no contract `{name}`", help)
    catalogue, versions = holders[0], holders[0].contracts[name]
    if not wanted:
        return catalogue, versions[-1]
    known = [contract.version for contract in versions]
    try:
        chosen = best(parse_range(wanted), known)
    except BadVersion as error:
        raise UsageError("bad-version", error.message, error.help) from error
    if chosen is None:
        raise UsageError("missing-contract", f"there is no `{named}`", f"what exists: {', '.join(known)}")
    return catalogue, versions[known.index(chosen)]


def _check_readable(catalogue: Catalogue, name: str) -> None:
    broken = tuple(
        problem
        for problem in catalogue.problems
        if problem.severity == "error" and os.path.basename(os.path.dirname(problem.place.path)) == name
    )
    if broken:
        raise SpecErrors(broken, catalogue.texts)


# -- the sides of a diff -------------------------------------------------------------------------


def two_sides(ground: Ground, old: str, new: str) -> tuple[Side, Side]:
    """Both given: files or names."""
    return _side(ground, old), _side(ground, new)


def sides_since(ground: Ground, base: str, named: str | None) -> list[tuple[Side, Side]]:
    """(at the commit, now): of one file or contract, or of every contract whose newest version differs."""
    if named is not None and os.path.isfile(named):
        data = file_at(named, base)
        if data is None:
            raise UsageError("missing-file", f"`{named}` was not there at {base}", "name a later commit")
        now = _file(named)
        return [(Side(f"{named} at {base}", now.name, now.version, read_schema(data, f"{base}:{named}")), now)]
    if named is not None:
        catalogue, new = pick(ground.catalogues, named)
        return [(_at(_earlier(catalogue_at(catalogue, base).contracts, new, base), base), _of(new, catalogue))]
    return [pair for catalogue in ground.catalogues for pair in _changed(catalogue, base)]


def _changed(catalogue: Catalogue, base: str) -> Iterator[tuple[Side, Side]]:
    before = catalogue_at(catalogue, base).contracts
    for name, versions in catalogue.contracts.items():
        if name in before:
            old, new = before[name][-1], versions[-1]
            if (old.version, old.digest) != (new.version, new.digest):
                yield _at(old, base), _of(new, catalogue)


def _earlier(contracts: Contracts, new: Contract, base: str) -> Contract:
    """The same version at the commit, else the newest there was."""
    versions = contracts.get(new.name, ())
    if not versions:
        raise UsageError("missing-contract", f"there was no contract `{new.name}` at {base}", "name a later commit")
    return next((contract for contract in versions if contract.version == new.version), versions[-1])


def _at(contract: Contract, base: str) -> Side:
    return Side(f"{contract.ref} at {base}", contract.name, contract.version, plain(contract.schema))


def _of(contract: Contract, home: Catalogue) -> Side:
    label = f"{contract.ref} in {home.folder}" if home.is_inline else contract.ref
    return Side(label, contract.name, contract.version, plain(contract.schema), home)


def _side(ground: Ground, named: str) -> Side:
    if os.path.isfile(named):
        return _file(named)
    if "@" in named or (os.sep not in named and not named.endswith(".json")):
        catalogue, contract = pick(ground.catalogues, named)
        return _of(contract, catalogue)
    raise UsageError("missing-file", f"there is no file `{named}`", "give a schema's file, or name@version")


def _file(path: str) -> Side:
    try:
        with open(path, "rb") as file:
            data = file.read(20_000_001)
    except OSError as error:
        raise UsageError("cannot-read", f"cannot read `{path}`: {error.strerror or error}", "check the file") from error
    schema = read_schema(data, path)
    folder, name = os.path.split(os.path.abspath(path))
    version = name.removesuffix(".json")
    try:
        exact = parse_range(version).exact
    except BadVersion:
        exact = False
    return Side(path, os.path.basename(folder) if exact else "", version if exact else "", schema)
