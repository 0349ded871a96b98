"""The contracts of a spec: inline ones, and the files `schemas/<name>/<version>.json` that it refers to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from choreo.canonical import NotData, Payload
from choreo.contract import Contract, Where
from choreo.loading.inspected import inspected
from choreo.loading.jsonfile import JsonText, read_json
from choreo.loading.node import Document, Node, plain
from choreo.loading.page import Page
from choreo.problem import Place, Problem

_VERSION = re.compile(r"(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})")


def load_contracts(root: Node, page: Page) -> dict[str, tuple[Contract, ...]]:
    """Every version of every contract that the spec names, oldest first; a name without any is not in it.

    Where one is missing, the names of the others that stand in `schemas` are in it without versions: what else could
    have been meant. A contract whose text is broken (a Problem there) stands in as what it
    was probably meant to be, at worst as one that accepts anything.
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
    told = {name: tuple(sorted(versions.values(), key=_age)) for name, versions in found.items() if versions}
    if any(name not in told for name in page.contracts):
        told |= {name: () for name in _others(page) if name not in found}
    return told


def _others(page: Page) -> list[str]:
    """The names of all contracts in the schemas folder."""
    files, folder = page.shelf.files, page.shelf.files.schemas()
    names = [] if folder is None else files.names(folder)
    return [name for name in names if any(file.endswith(".json") for file in files.names(f"{folder}/{name}"))]


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
            yield _inspected(name, version, schema, document.key(owner, ref), problems, where)


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
        return _stand_in(name, version, {}, Place(shown))
    if not isinstance(schema, dict):
        message = "a contract is a JSON object"
        page.report(Place(shown), "wrong-type", message, 'write a JSON Schema: {"type": "object", ...}')
        return _stand_in(name, version, {}, Place(shown))
    return _inspected(name, version, schema, Place(shown), page.problems, JsonText(text, shown))


def _inspected(
    name: str, version: str, schema: dict[str, Any], place: Place, problems: list[Problem], where: Where
) -> Contract:
    """The contract, or what it was probably meant to be where something is wrong with it, which is told."""
    read, is_broken = inspected(schema, where, problems)
    if is_broken:
        return _stand_in(name, version, read, place, where)
    try:
        return Contract(name, version, schema, Payload.of(schema).digest, place, where)
    except NotData as error:
        problems.append(Problem(place, "bad-json", str(error), "a contract is plain JSON"))
        return _stand_in(name, version, {}, place)


def _stand_in(name: str, version: str, schema: Mapping[str, Any], place: Place, where: Where | None = None) -> Contract:
    try:
        return Contract(name, version, schema, Payload.of(schema).digest, place, where, is_broken=True)
    except NotData:
        return Contract(name, version, {}, Payload.of({}).digest, place, where, is_broken=True)
