"""What `choreo contract` looks at: schemas folders, contracts inside specs, and the specs that name either."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property

from choreo.contract import BadVersion, best, parse_range
from choreo.errors import UsageError
from choreo.loading import find_specs, load_spec
from choreo.loading.catalogue import Catalogue, find_schemas, read_catalogue, read_inline
from choreo.loading.loaded import Loaded
from choreo.loading.parties import Party, parties
from choreo.loading.readings import Reading, readings

_NO_SCHEMAS = (
    "contracts live in schemas/<name>/<version>.json beside or above a spec, or in it under `contracts:`; "
    "name a path, or go there"
)


class Ground:
    """Some paths (none: this folder) and all that belongs to them, each part read when it is first asked for."""

    def __init__(self, paths: Sequence[str] = ()) -> None:
        for path in paths:
            if not os.path.exists(path):
                raise UsageError("missing-file", f"there is no `{path}`", "check the path")
        self.paths = tuple(paths)

    @cached_property
    def specs(self) -> tuple[Loaded, ...]:
        return tuple(map(load_spec, _spec_paths(self.paths)))

    @cached_property
    def catalogues(self) -> tuple[Catalogue, ...]:
        """The schemas folders, then the specs with contracts of their own. Raises UsageError where there is neither."""
        inline = tuple(_inline(loaded) for loaded in self.specs if loaded.spec is None or loaded.spec.contracts)
        return (*_folders(self.paths or (".",), inline), *inline)

    @cached_property
    def parties(self) -> tuple[Party, ...]:
        """Who emits and accepts contracts in the specs."""
        return tuple(party for loaded in self.specs for party in parties(loaded))

    @cached_property
    def readings(self) -> tuple[Reading, ...]:
        """The handoffs, touchpoints and results that read by name what a role emits."""
        return tuple(reading for loaded in self.specs for reading in readings(loaded))

    def parties_of(self, catalogue: Catalogue) -> list[Party]:
        """Those that mean the contracts of one catalogue."""
        if catalogue.is_inline:
            return [party for party in self.parties if party.place.path == catalogue.folder]
        return [party for party in self.parties if not self._means_inline(party, catalogue)]

    def _means_inline(self, party: Party, catalogue: Catalogue) -> bool:
        own = next((one for one in self.catalogues if one.is_inline and one.folder == party.place.path), None)
        inline = [] if own is None else [contract.version for contract in own.contracts.get(party.contract, ())]
        if not inline:
            return False
        files = [contract.version for contract in catalogue.contracts.get(party.contract, ())]
        try:
            return best(parse_range(party.range), [*inline, *files]) in inline
        except BadVersion:
            return False


def _folders(paths: Sequence[str], inline: Sequence[Catalogue]) -> list[Catalogue]:
    """The schemas folders of the paths, each once."""
    found: dict[str, str] = {}
    for path in paths:
        folder = find_schemas(path)
        if folder is not None:
            found.setdefault(os.path.realpath(folder), folder)
        elif not any(_is_below(catalogue.folder, path) for catalogue in inline):
            raise UsageError("no-schemas", f"there is no `schemas` folder for `{path}`", _NO_SCHEMAS)
    return [read_catalogue(folder) for folder in found.values()]


def _is_below(file: str, path: str) -> bool:
    file, path = os.path.realpath(file), os.path.realpath(path)
    return file == path or file.startswith(path.rstrip(os.sep) + os.sep)


def _inline(loaded: Loaded) -> Catalogue:
    shown = os.path.normpath(loaded.path).replace(os.sep, "/")
    return read_inline(loaded.sources.get(os.path.basename(loaded.path), "").encode("utf-8"), shown)


def _spec_paths(paths: Sequence[str]) -> list[str]:
    """The specs that are, or lie below, some paths."""
    named = [path for path in paths if not _is_schemas(path)]  # a schemas folder alone stands for all beside it
    found: dict[str, None] = {}
    for path in named or [os.path.dirname(os.path.normpath(path)) or "." for path in paths] or ["."]:
        found.update(dict.fromkeys(find_specs(path)[0] if os.path.isdir(path) else (path,)))
    return list(found)


def _is_schemas(path: str) -> bool:
    return os.path.isdir(path) and os.path.basename(os.path.abspath(path)) == "schemas"
