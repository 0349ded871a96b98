"""The contracts of a spec: inline ones, and the files `schemas/<name>/<version>.json` that it refers to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from choreo.canonical import NotData, Payload
from choreo.contract import Contract, Where, inspect_schema
from choreo.loading.jsonfile import JsonText, read_json
from choreo.loading.node import Document, Node, plain
from choreo.loading.page import Page
from choreo.problem import Place, Problem

_VERSION = re.compile(r"(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})")
_ABOUT_KEYS = ("unknown-keyword", "old-keyword")
"""Findings about a key; the others are about its value."""


def load_contracts(root: Node, page: Page) -> dict[str, tuple[Contract, ...]]:
    """Every version of every contract that the spec names, oldest first; a name without any is not in it.

    A contract whose text is broken (a Problem there) stands in as one that accepts anything.
    """
    found: dict[str, dict[str, Contract]] = {}
    for contract in inline_contracts(root, page.document, page.problems):
        found.setdefault(contract.name, {})[contract.version] = contract
    for name in page.contracts:
        for contract in _files(name, page):
            twin = found.setdefault(name, {}).setdefault(contract.version, contract)
            if twin is not contract:
                message = f"`{contract.ref}` is defined inline and in a file"
                also = (contract.place, "the file")
                page.report(twin.place, "duplicate-contract", message, "keep one of the two", also)
    for node, schema in page.schemas:
        _inspect(schema, page.document.places(node), page.problems)
    return {name: tuple(sorted(versions.values(), key=_age)) for name, versions in found.items() if versions}


def _age(contract: Contract) -> tuple[int, ...]:
    return tuple(int(part) for part in contract.version.split("."))


def inline_contracts(root: Node, document: Document, problems: list[Problem]) -> Iterator[Contract]:
    """The contracts under `contracts:`, each after what is wrong with it was added to `problems`."""
    owner = root.get("contracts")
    if owner is None:
        return
    for ref, node in owner.entries():
        name, _, version = ref.partition("@")
        if _VERSION.fullmatch(version) and node.kind == "map":
            schema, where = plain(node), document.places(node)
            _inspect(schema, where, problems)
            yield _contract(name, version, schema, document.key(owner, ref), problems, where)


def _files(name: str, page: Page) -> Iterable[Contract]:
    folder = page.shelf.files.schemas()
    if folder is None:
        return
    for file in page.shelf.files.names(f"{folder}/{name}"):
        version = file.removesuffix(".json")
        if not file.endswith(".json") or file.startswith("."):
            continue
        path = f"{folder}/{name}/{file}"
        if _VERSION.fullmatch(version):
            yield _file(name, version, path, page)
        else:
            place = Place(page.shelf.display(path))
            message = f"`{file}` is not named after a full version, so it is not read"
            help = "name it after its version, such as 1.0.0.json"
            page.problems.append(Problem(place, "contract-file-name", message, help, "warning"))


def _file(name: str, version: str, path: str, page: Page) -> Contract:
    shown, before = page.shelf.display(path), len(page.problems)
    text = page.shelf.text(path, page.contracts[name], "contract")
    schema = None if text is None else read_json(text, shown, page.problems)
    if text is None or len(page.problems) > before:
        return _contract(name, version, {}, Place(shown), page.problems)
    if not isinstance(schema, dict):
        message = "a contract is a JSON object"
        page.report(Place(shown), "wrong-type", message, 'write a JSON Schema: {"type": "object", ...}')
        return _contract(name, version, {}, Place(shown), page.problems)
    where = JsonText(text, shown)
    _inspect(schema, where, page.problems)
    return _contract(name, version, schema, Place(shown), page.problems, where)


def _contract(
    name: str, version: str, schema: dict[str, Any], place: Place, problems: list[Problem], where: Where | None = None
) -> Contract:
    try:
        digest = Payload.of(schema).digest
    except NotData as error:
        problems.append(Problem(place, "bad-json", str(error), "a contract is plain JSON"))
        schema, digest = {}, Payload.of({}).digest
    return Contract(name, version, schema, digest, place, where)


def _inspect(schema: Mapping[str, Any], where: Where, problems: list[Problem]) -> None:
    """What is wrong with a schema in itself, at its places in the file."""
    for pointer, code, message, help in inspect_schema(schema):
        at_key = code in _ABOUT_KEYS or "/patternProperties/" in pointer
        problems.append(Problem(where(pointer, at_key), code, message, help))
