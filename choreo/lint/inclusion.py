"""Whether every value that a payload can be is one that its receiver accepts, by proof (`choreo.compat`).

Asked only where types are not enough; the proof loads a validator, a good spec seldom needs one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from msgspec import Struct

from choreo.contract.tree import NAMED, ONE, SEVERAL
from choreo.lint.covered import SIMPLE, covers
from choreo.lint.schemas import sends_no_more
from choreo.lint.types import Alt, Kind, Part, Type

STEPS = 4_000
"""Work for one proof: some hundredths of a second."""
MOST = 100
"""Proofs for one spec; what is beyond them counts as not decided."""

_TYPES: Mapping[Kind, str] = {
    "null": "null",
    "bool": "boolean",
    "int": "integer",
    "double": "number",
    "number": "number",
    "string": "string",
    "list": "array",
    "object": "object",
}


class Answer(Struct, frozen=True):
    """`refused`: `value` (and perhaps `every` value) of what is given is refused, its part at `pointer`. `undecided`:
    nobody can tell.

    `rule` is the keyword of the receiver's schema, `reason` why it refuses, or why it cannot be told.
    """

    verdict: Literal["accepted", "refused", "undecided"]
    rule: str = ""
    reason: str = ""
    value: Any = None
    pointer: str = ""
    every: bool = False


ACCEPTED = Answer("accepted")


class Inclusion:
    """Proofs of one check, each made once."""

    def __init__(self) -> None:
        self._known: dict[str, Answer] = {}

    def of(self, given: Type, wanted: Type) -> Answer:
        """Whether the receiver accepts all that is given."""
        unmet: list[str] = []
        if covers(wanted, given, unmet):
            return ACCEPTED
        sender, receiver = _Texts(closed=True), _Texts(closed=False)
        narrow, wide = sender.of(given), receiver.all_of(wanted.parts)
        if narrow is None or not wide:
            return Answer("undecided", "", "nothing is known of it") if wide else ACCEPTED
        if not sender.exact and unmet and all(keyword in SIMPLE for keyword in unmet):
            return Answer("undecided", unmet[0], "it is computed")
        schemas = sender.whole(narrow), receiver.whole(wide)
        key = json.dumps(schemas, sort_keys=True, default=str)
        if key not in self._known:
            if len(self._known) >= MOST:
                return Answer("undecided", "", f"more than {MOST} payloads would have to be looked into")
            self._known[key] = _proved(*schemas)
        answer = self._known[key]
        computed = answer.verdict == "refused" and not (sender.exact or answer.every)
        return Answer("undecided", answer.rule, "it is computed", pointer=answer.pointer) if computed else answer


def schemas_of(given: Type, wanted: Type) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two known types as JSON Schemas: what is given, and what is accepted."""
    sender, receiver = _Texts(closed=True), _Texts(closed=False)
    return sender.whole(sender.of(given) or {}), receiver.whole(receiver.all_of(wanted.parts))


def _proved(narrow: dict[str, Any], wide: dict[str, Any]) -> Answer:
    from choreo.compat import Unusable, includes

    try:
        found = includes(wide, narrow, STEPS)
        if found.answer == "compatible":
            return ACCEPTED
        if found.counterexample is None:
            return Answer("undecided", "", found.message)
        every = includes({"not": {"allOf": wide["allOf"]}, "$defs": wide["$defs"]}, narrow, STEPS)
    except Unusable as error:
        return Answer("undecided", "", f"a contract cannot be used: {error}")
    example = found.counterexample
    return Answer("refused", found.rule, example.reason, example.value, example.pointer, every.answer == "compatible")


class _Texts:
    """Types as JSON Schemas that stand alone: the contracts they come from are put under `$defs`.

    `exact` is False once a type that was computed allows more than the value can be. `closed`: an object has no
    field that is not declared, as a sender's has not unless its contract says so (`additionalProperties: true`).
    """

    def __init__(self, *, closed: bool) -> None:
        self.closed = closed
        self.contracts: dict[str, tuple[str, dict[str, Any]]] = {}
        self.exact = True

    def whole(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {**schema, "$defs": dict(self.contracts.values())}

    def of(self, kind: Type) -> dict[str, Any] | None:
        """The schema of a type; None where nothing is known of it."""
        if not kind.alts:
            return {"not": {}} if kind.alts is not None else self.all_of(kind.parts) or None
        found = [self._alt(alt) for alt in kind.alts]
        known = [schema for schema in found if schema is not None]
        return {"anyOf": known} if len(known) == len(found) else None

    def all_of(self, parts: Iterable[Part]) -> dict[str, Any]:
        refs = [{"$ref": self._ref(part)} for part in parts]
        return {"allOf": refs} if refs else {}

    def _alt(self, alt: Alt) -> dict[str, Any] | None:
        schema: dict[str, Any] = {"type": _TYPES[alt.kind], **self.all_of(alt.parts)}
        if alt.values is not None:
            return {**schema, "enum": list(alt.values)}
        self.exact = self.exact and not alt.loose
        if alt.fields is not None:
            return self._fields(schema, alt)
        if alt.kind == "object" and alt.parts and self.closed and sends_no_more(alt):
            return {**schema, "unevaluatedProperties": False}
        self.exact = self.exact and bool(alt.parts)
        if alt.items:
            places = [self.of(place) for place in alt.items]
            self.exact = self.exact and None not in places
            return {**schema, "prefixItems": [True if place is None else place for place in places]}
        item = None if alt.item is None else self.of(alt.item)
        return schema if item is None else {**schema, "items": item}

    def _fields(self, schema: dict[str, Any], alt: Alt) -> dict[str, Any] | None:
        fields = {name: self.of(kind) for name, kind in (alt.fields or {}).items()}
        if any(part is None for part in fields.values()):
            return schema if alt.parts else None
        required = [name for name in fields if name not in alt.optional and not alt.parts]
        rest: dict[str, Any] = {} if alt.parts and not sends_no_more(alt) else {"unevaluatedProperties": False}
        return {**schema, "properties": fields, "required": required, **rest}

    def _ref(self, part: Part) -> str:
        digest = part.contract.digest
        if digest not in self.contracts:
            name = f"c{len(self.contracts)}"
            schema = _moved(part.contract.schema, f"#/$defs/{name}", self.closed)
            self.contracts[digest] = (name, schema)
        return f"#/$defs/{self.contracts[digest][0]}{part.pointer}"


_CHILDREN = ("properties", "items", "prefixItems", "additionalProperties", "patternProperties")
"""Keywords whose schemas judge a part of the value."""


def _moved(schema: Any, home: str, closed: bool, child: bool = False) -> Any:
    """A schema with its references leading to the place it was put; where wanted, the objects inside are `closed`."""
    if not isinstance(schema, Mapping):
        return schema
    found: dict[str, Any] = {}
    if closed and child and "properties" in schema and "additionalProperties" not in schema:
        found["unevaluatedProperties"] = False
    for key, value in schema.items():
        if key in ("$ref", "$dynamicRef") and isinstance(value, str) and (value == "#" or value.startswith("#/")):
            found[key] = home + value[1:]
        elif key in ONE:
            found[key] = _moved(value, home, closed, key in _CHILDREN)
        elif key in SEVERAL and isinstance(value, list):
            found[key] = [_moved(part, home, closed, key in _CHILDREN) for part in value]
        elif key in NAMED and isinstance(value, Mapping):
            found[key] = {name: _moved(part, home, closed, key in _CHILDREN) for name, part in value.items()}
        elif key not in ("$id", "$schema"):
            found[key] = value
    return found
