"""All contracts of a `schemas` folder or of one spec, now or at a commit, with what is wrong with their texts."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from choreo.canonical import Payload
from choreo.contract import Contract, Version, inspect_schema
from choreo.errors import SpecErrors
from choreo.loading.contracts import inline_contracts
from choreo.loading.files import DiskFiles, Unreadable
from choreo.loading.history import file_at, files_at
from choreo.loading.jsonfile import json_place, read_json
from choreo.loading.text import decode
from choreo.loading.yaml import read_yaml
from choreo.problem import Place, Problem

LOCK = "choreo.lock"
_FILE = re.compile(r"([^/]+)/([^/]+)\.json")
_VERSION = re.compile(r"(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})")
_ABOUT_KEYS = ("unknown-keyword", "old-keyword")


@dataclass(frozen=True)
class Catalogue:
    """`folder` is the schemas folder as the caller sees it, or the spec where `is_inline`.

    Broken contracts are in `problems` only; `count` is how many versions there are, with them. `texts` are all texts
    by the path that a place shows; `lock` is the text of the lock file, if there is one.
    """

    folder: str
    contracts: Mapping[str, tuple[Contract, ...]]
    problems: tuple[Problem, ...]
    texts: Mapping[str, str]
    lock: str | None
    count: int = 0
    is_inline: bool = False

    @property
    def lock_path(self) -> str:
        return os.path.join(self.folder, LOCK)


def find_schemas(path: str) -> str | None:
    """The `schemas` folder that belongs to a path: itself, one inside it, or the nearest one upward."""
    folder = path if os.path.isdir(path) else os.path.dirname(path) or "."
    if os.path.basename(os.path.abspath(folder)) == "schemas":
        return folder
    above = DiskFiles(folder).schemas()
    return None if above is None else os.path.normpath(os.path.join(folder, above))


def read_catalogue(folder: str) -> Catalogue:
    """The contracts on the disk."""
    files: dict[str, bytes] = {}
    problems: list[Problem] = []
    for path in _names(folder):
        try:
            files[path] = DiskFiles(folder).read(path)
        except Unreadable as error:
            place = Place(_shown(folder, path))
            problems.append(Problem(place, "missing-file", f"cannot read the contract: {error}", "check the file"))
    return _catalogue(folder, files, problems)


def read_inline(data: bytes, shown: str) -> Catalogue:
    """The contracts that a spec's text has under `contracts:`."""
    document = read_yaml(data, shown)
    found: dict[str, list[Contract]] = {}
    problems: list[Problem] = list(document.problems) if document.root is None else []
    count = 0
    before = len(problems)
    for contract in inline_contracts(document.root, document, problems) if document.root else ():
        count += 1
        if len(problems) == before:
            found.setdefault(contract.name, []).append(contract)
        before = len(problems)
    texts = {shown: document.text}
    return Catalogue(shown, _by_age(found), tuple(problems), texts, None, count, is_inline=True)


def catalogue_at(catalogue: Catalogue, ref: str) -> Catalogue:
    """The same contracts as they were at a commit. Raises UsageError."""
    if not catalogue.is_inline:
        return _read_catalogue_at(catalogue.folder, ref)
    return read_inline(file_at(catalogue.folder, ref) or b"", catalogue.folder)


def _read_catalogue_at(folder: str, ref: str) -> Catalogue:
    files = {path: data for path, data in files_at(folder, ref).items() if path == LOCK or _FILE.fullmatch(path)}
    return _catalogue(folder, files, [])


def read_schema(data: bytes, shown: str) -> Any:
    """The schema in a JSON file of any name and draft. Raises SpecErrors where it is no JSON text."""
    problems: list[Problem] = []
    text = decode(data, shown, problems)
    schema = None if text is None else read_json(text, shown, problems)
    if not problems and not isinstance(schema, dict | bool):
        message = "a schema is a JSON object, `true` or `false`"
        problems.append(Problem(Place(shown), "wrong-type", message, "write a JSON Schema"))
    if problems:
        raise SpecErrors(tuple(problems), {} if text is None else {shown: text})
    return schema


def _names(folder: str) -> list[str]:
    found = [LOCK] if os.path.isfile(os.path.join(folder, LOCK)) else []
    for name in DiskFiles(folder).names("."):
        found += [
            f"{name}/{file}" for file in DiskFiles(folder).names(name) if file.endswith(".json") and file[0] != "."
        ]
    return found


def _catalogue(folder: str, files: Mapping[str, bytes], problems: list[Problem]) -> Catalogue:
    found: dict[str, list[Contract]] = {}
    texts: dict[str, str] = {}
    count = 0
    for path, data in sorted(files.items()):
        words = _FILE.fullmatch(path)
        shown = _shown(folder, path)
        if words is None:
            continue
        if not _VERSION.fullmatch(words[2]):
            message = f"`{words[2]}.json` is not named after a full version, so it is not read"
            help = "name it after its version, such as 1.0.0.json"
            problems.append(Problem(Place(shown), "contract-file-name", message, help, "warning"))
            continue
        count += 1
        contract = _contract(words[1], words[2], shown, data, problems, texts)
        if contract is not None:
            found.setdefault(words[1], []).append(contract)
    lock = files.get(LOCK)
    lock_text = None if lock is None else lock.decode("utf-8", "replace")
    return Catalogue(folder, _by_age(found), tuple(problems), texts, lock_text, count)


def _by_age(found: Mapping[str, list[Contract]]) -> dict[str, tuple[Contract, ...]]:
    return {name: tuple(sorted(found[name], key=_age)) for name in sorted(found)}


def _age(contract: Contract) -> Version:
    return Version.parse(contract.version)


def _shown(folder: str, path: str) -> str:
    return os.path.normpath(os.path.join(folder, path)).replace(os.sep, "/")


def _contract(
    name: str, version: str, shown: str, data: bytes, problems: list[Problem], texts: dict[str, str]
) -> Contract | None:
    text = decode(data, shown, problems)
    if text is None:
        return None
    texts[shown] = text
    before = len(problems)
    schema = read_json(text, shown, problems)
    if len(problems) == before and not isinstance(schema, dict):
        message = "a contract is a JSON object"
        problems.append(Problem(Place(shown), "wrong-type", message, 'write a JSON Schema: {"type": "object", ...}'))
    if len(problems) > before or not isinstance(schema, dict):
        return None
    for pointer, code, message, help in inspect_schema(schema):
        place = json_place(text, shown, pointer, at_key=code in _ABOUT_KEYS or "/patternProperties/" in pointer)
        problems.append(Problem(place, code, message, help))
    return None if len(problems) > before else Contract(name, version, schema, Payload.of(schema).digest, Place(shown))
