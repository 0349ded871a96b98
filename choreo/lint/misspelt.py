"""Words in contracts that check nothing as they stand: formats and fields that are probably misspelt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from choreo.contract import Contract
from choreo.contract.tree import IN_PLACE, Tree, grow
from choreo.lint.survey import Survey
from choreo.problem import Place, Problem, near_miss
from choreo.spec import ModelPlayer

FORMATS = (
    *("date", "date-time", "time", "duration", "email", "idn-email", "hostname", "idn-hostname", "ipv4", "ipv6"),
    *("uri", "uri-reference", "uri-template", "iri", "iri-reference", "json-pointer", "relative-json-pointer"),
    *("regex", "uuid"),
)
_DESCRIBED_ELSEWHERE = ("$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "if", "dependentSchemas", "patternProperties")


def unknown_format(survey: Survey) -> Iterator[Problem]:
    """`unknown-format` (warning): a `format` of a contract is nearly one of JSON Schema, and as it stands it is none.

    Nobody checks it then, and it tells nobody what is meant. A word of your own that is not near one of them is fine.
    """
    for contract in _contracts(survey):
        for pointer, schema in grow(contract.schema).schemas.items():
            written = schema.get("format") if isinstance(schema, Mapping) else None
            near = near_miss(written, FORMATS, 1) if isinstance(written, str) and written not in FORMATS else None
            if near is not None:
                message = f"`{written}` is not a format of JSON Schema, so nobody checks it"
                place = _at(contract, f"{pointer}/format")
                yield Problem(place, "unknown-format", message, f"did you mean `{near}`?", "warning")


def required_not_described(survey: Survey) -> Iterator[Problem]:
    """`required-not-described` (warning): a field of a contract is required and is not among its `properties`.

    It must be there and may hold anything: often the one or the other name is misspelt. Describe it under
    `properties`, be it as `true` where anything is meant.
    """
    for contract in _contracts(survey):
        tree = grow(contract.schema)
        apart = _judged_with_others(tree)
        for pointer, schema in tree.schemas.items():
            if isinstance(schema, Mapping) and pointer not in apart:
                yield from _undescribed(contract, pointer, schema)


def _undescribed(contract: Contract, pointer: str, schema: Mapping[str, Any]) -> Iterator[Problem]:
    required, described = schema.get("required"), schema.get("properties")
    if not isinstance(required, list) or not isinstance(described, Mapping) or not described:
        return
    others = any(isinstance(schema.get(f"{word}Properties"), Mapping) for word in ("additional", "unevaluated"))
    if others or schema.get("additionalProperties") is False or any(key in schema for key in _DESCRIBED_ELSEWHERE):
        return
    for index, name in enumerate(required):
        if isinstance(name, str) and name not in described:
            spare = [one for one in described if one not in required]
            near = near_miss(name, spare) or near_miss(name, list(described))
            help = f"did you mean `{near}`, which is described?" if near else f"describe `{name}` under `properties`"
            message = f"`{name}` is required and not described: it may hold anything"
            place = _at(contract, f"{pointer}/required/{index}")
            yield Problem(place, "required-not-described", message, help, "warning")


def _judged_with_others(tree: Tree) -> frozenset[str]:
    """The schemas that judge a value which another one of the text may describe."""
    inside = {part.pointer for parts in tree.parts.values() for part in parts if part.keyword in IN_PLACE}
    describing = {pointer for pointer, schema in tree.schemas.items() if _describes(schema)} | inside
    referred = {target for pointer in describing for target in tree.refs.get(pointer, ()) if target is not None}
    return frozenset(inside | referred)


def _describes(schema: Any) -> bool:
    words = ("properties", "patternProperties", "additionalProperties", "unevaluatedProperties", *IN_PLACE)
    return isinstance(schema, Mapping) and any(word in schema for word in words)


def _contracts(survey: Survey) -> Iterator[Contract]:
    """The contracts of the spec's own text, and the versions in files that it uses."""
    spec = survey.spec
    used = [survey.trigger, survey.result, *survey.emits.values(), *survey.accepts.values()]
    players = (role.player for role in spec.roles.values())
    tools = (tool for player in players if isinstance(player, ModelPlayer) for tool in player.tools)
    used += [survey.resolved(tool.accepts, tool.name) for tool in tools]
    own = (one for every in survey.contracts.values() for one in every if one.place.path == spec.place.path)
    once = {contract.place: contract for contract in (*own, *used) if contract is not None}
    yield from once.values()


def _at(contract: Contract, pointer: str) -> Place:
    return contract.place if contract.where is None else contract.where(pointer, False)
