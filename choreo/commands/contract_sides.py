"""What `choreo contract` is called on: schemas folders, the specs beside them, and the two sides of a diff."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from choreo.compat.release import Contracts, plain
from choreo.contract import BadVersion, Contract, best, parse_range
from choreo.errors import SpecErrors, UsageError
from choreo.loading import find_specs, load_spec
from choreo.loading.catalogue import Catalogue, find_schemas, read_catalogue, read_catalogue_at, read_schema
from choreo.loading.history import file_at
from choreo.loading.parties import Party, parties
from choreo.problem import suggestion

_NO_SCHEMAS = "contracts live in schemas/<name>/<version>.json beside or above a spec; name a path, or go there"


@dataclass(frozen=True)
class Side:
    """One side of a diff. `name` and `version` are empty where a file is called otherwise."""

    label: str
    name: str
    version: str
    schema: Any

    @property
    def owner(self) -> str | None:
        found = self.schema.get("x-owner") if isinstance(self.schema, dict) else None
        return found if isinstance(found, str) else None


def catalogues(paths: Sequence[str]) -> list[Catalogue]:
    """The schemas folders that belong to some paths, each once. Raises UsageError where there is none."""
    found: dict[str, str] = {}
    for path in paths or (".",):
        if not os.path.exists(path):
            raise UsageError("missing-file", f"there is no `{path}`", "check the path")
        folder = find_schemas(path)
        if folder is None:
            raise UsageError("no-schemas", f"there is no `schemas` folder for `{path}`", _NO_SCHEMAS)
        found.setdefault(os.path.realpath(folder), folder)
    return [read_catalogue(folder) for folder in found.values()]


def all_parties(paths: Sequence[str]) -> list[Party]:
    """Who emits and accepts contracts in the specs that are, or lie below, some paths."""
    named = [path for path in paths if not _is_schemas(path)]  # a schemas folder alone stands for all beside it
    specs: dict[str, None] = {}
    for path in named or [os.path.dirname(os.path.normpath(path)) or "." for path in paths] or ["."]:
        specs.update(dict.fromkeys(find_specs(path)[0] if os.path.isdir(path) else (path,)))
    return [party for spec in specs for party in parties(load_spec(spec))]


def _is_schemas(path: str) -> bool:
    return os.path.isdir(path) and os.path.basename(os.path.abspath(path)) == "schemas"


def concerned(found: Sequence[Party], name: str, versions: Sequence[str]) -> list[Party]:
    """Those who emit or accept one of these versions of a contract."""
    return [party for party in found if party.contract == name and any(map(party.allows, versions))]


def owner_of(contract: Contract) -> str | None:
    """Who must hear of a change, as the contract says."""
    owner = contract.schema.get("x-owner")
    return owner if isinstance(owner, str) else None


def pick(catalogue: Catalogue, named: str) -> Contract:
    """The contract that `name`, `name@1.2.0` or `name@^1` means: the newest it allows.

    Raises UsageError where there is none, SpecErrors where its text is broken.
    """
    name, _, wanted = named.partition("@")
    _check_readable(catalogue, name)
    versions = catalogue.contracts.get(name)
    if not versions:
        help = suggestion(name, list(catalogue.contracts), "contract")
        raise UsageError("missing-contract", f"there is no contract `{name}`", help)
    if not wanted:
        return versions[-1]
    known = [contract.version for contract in versions]
    try:
        chosen = best(parse_range(wanted), known)
    except BadVersion as error:
        raise UsageError("bad-version", error.message, error.help) from error
    if chosen is None:
        raise UsageError("missing-contract", f"there is no `{named}`", f"what exists: {', '.join(known)}")
    return versions[known.index(chosen)]


def _check_readable(catalogue: Catalogue, name: str) -> None:
    broken = tuple(
        problem
        for problem in catalogue.problems
        if problem.severity == "error" and os.path.basename(os.path.dirname(problem.place.path)) == name
    )
    if broken:
        raise SpecErrors(broken, catalogue.texts)


# -- the sides of a diff -------------------------------------------------------------------------


def two_sides(old: str, new: str) -> tuple[Side, Side]:
    """Both given: files or names."""
    return _side(old), _side(new)


def sides_since(base: str, named: str | None) -> list[tuple[Side, Side]]:
    """(at the commit, now): of one file or contract, or of every contract whose newest version differs."""
    if named is not None and os.path.isfile(named):
        data = file_at(named, base)
        if data is None:
            raise UsageError("missing-file", f"`{named}` was not there at {base}", "name a later commit")
        now = _file(named)
        return [(Side(f"{named} at {base}", now.name, now.version, read_schema(data, f"{base}:{named}")), now)]
    current = catalogues(())[0]
    before = read_catalogue_at(current.folder, base)
    if named is not None:
        new = pick(current, named)
        return [(_at(_earlier(before.contracts, new, base), base), _of(new))]
    pairs = [
        (before.contracts[name][-1], versions[-1])
        for name, versions in current.contracts.items()
        if name in before.contracts
    ]
    return [(_at(old, base), _of(new)) for old, new in pairs if (old.version, old.digest) != (new.version, new.digest)]


def _earlier(contracts: Contracts, new: Contract, base: str) -> Contract:
    """The same version at the commit, else the newest there was."""
    versions = contracts.get(new.name, ())
    if not versions:
        raise UsageError("missing-contract", f"there was no contract `{new.name}` at {base}", "name a later commit")
    return next((contract for contract in versions if contract.version == new.version), versions[-1])


def _at(contract: Contract, base: str) -> Side:
    return Side(f"{contract.ref} at {base}", contract.name, contract.version, plain(contract.schema))


def _of(contract: Contract) -> Side:
    return Side(contract.ref, contract.name, contract.version, plain(contract.schema))


def _side(named: str) -> Side:
    if os.path.isfile(named):
        return _file(named)
    if "@" in named or (os.sep not in named and not named.endswith(".json")):
        return _of(pick(catalogues(())[0], named))
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
