"""What a value can be: a type is a list of alternatives, each of one kind. What is not known gives no finding."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from choreo.contract import Contract

Kind = Literal["null", "bool", "int", "double", "number", "string", "list", "object"]
"""`number` is a JSON number: whole or not, and only the value tells."""

NUMBERS = ("int", "double", "number")
MOST = 24
"""Alternatives of a type; one with more is taken as not known."""


@dataclass(frozen=True, slots=True)
class Part:
    """A schema and where it stands: JSON pointer in a contract."""

    schema: Mapping[str, Any]
    contract: Contract
    pointer: str


@dataclass(frozen=True, slots=True)
class Alt:
    """One kind that a value can be of. `values` lists all it can be, None where that is not known.

    An object has `parts` (schemas that all hold) or was built: then `fields` is all that is in it. With both, `fields`
    says more about some of them. `optional` are those of `fields` that it may be without.
    """

    kind: Kind
    values: tuple[Any, ...] | None = None
    parts: tuple[Part, ...] = ()
    fields: Mapping[str, Type] | None = None
    optional: frozenset[str] = frozenset()
    item: Type | None = None


@dataclass(frozen=True, slots=True)
class Type:
    """`alts` is None where nothing is known."""

    alts: tuple[Alt, ...] | None
    parts: tuple[Part, ...] = field(default=(), compare=False)
    """Where the type was written."""

    @property
    def kinds(self) -> frozenset[Kind]:
        return frozenset(alt.kind for alt in self.alts or ())

    @property
    def known(self) -> bool:
        return self.alts is not None

    @property
    def nullable(self) -> bool:
        return "null" in self.kinds

    @property
    def only_null(self) -> bool:
        return self.kinds == {"null"}

    @property
    def values(self) -> tuple[Any, ...] | None:
        """Everything it can be, None where that is not known."""
        if self.alts is None or any(alt.values is None for alt in self.alts):
            return None
        return tuple(value for alt in self.alts for value in alt.values or ())

    def without_null(self) -> Type:
        if self.alts is None or not self.nullable or self.only_null:
            return self
        return Type(tuple(alt for alt in self.alts if alt.kind != "null"), self.parts)

    def or_null(self) -> Type:
        return self if self.alts is None or self.nullable else Type((*self.alts, _NULL_ALT), self.parts)


_NULL_ALT = Alt("null", (None,))
ANY = Type(None)
NULL = Type((_NULL_ALT,))
BOOL = Type((Alt("bool", (True, False)),))
INT = Type((Alt("int"),))
DOUBLE = Type((Alt("double"),))
NUMBER = Type((Alt("number"),))
STRING = Type((Alt("string"),))
ANYTHING = Type(
    (_NULL_ALT, Alt("bool", (True, False)), Alt("number"), Alt("string"), Alt("list", item=ANY), Alt("object"))
)
"""Of any kind, null among them: to be guarded."""


def literal(value: Any) -> Type:
    return Type((Alt(kind_of(value), (value,)),))


def kind_of(value: Any) -> Kind:
    """The kind of a JSON value."""
    if value is None:
        return "null"
    kinds: dict[type, Kind] = {bool: "bool", int: "int", float: "double", str: "string", list: "list"}
    return kinds.get(type(value), "object")


def one_of(values: Iterable[str]) -> Type:
    return Type((Alt("string", tuple(values)),))


def list_of(item: Type) -> Type:
    return Type((Alt("list", item=item),))


def built(fields: Mapping[str, Type]) -> Type:
    return Type((Alt("object", fields=fields),))


def either(types: Iterable[Type]) -> Type:
    """A value of one of these types."""
    found: dict[tuple[Any, ...], Alt] = {}
    parts: tuple[Part, ...] = ()
    for one in types:
        if one.alts is None:
            return ANY
        parts = parts or one.parts
        for alt in one.alts:
            key = (alt.kind, repr(alt.values), tuple((p.contract.digest, p.pointer) for p in alt.parts), id(alt.fields))
            found.setdefault((*key, id(alt.item)), alt)
    return Type(tuple(found.values()), parts) if len(found) <= MOST else ANY
