"""What a value can be: a type is a list of alternatives, each of one kind. What is not known gives no finding."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from choreo.contract import Contract

Kind = Literal["null", "bool", "int", "double", "number", "string", "list", "object"]
"""`number` is a JSON number: whole or not, and only the value tells."""

NUMBERS = ("int", "double", "number")
MOST = 24
"""Alternatives of a type; one with more is taken as not known."""


class Part(Struct, frozen=True):
    """A schema and where it stands: JSON pointer in a contract."""

    schema: Mapping[str, Any]
    contract: Contract
    pointer: str


class Alt(Struct, frozen=True):
    """One kind that a value can be of. `values` lists all it can be, None where that is not known.

    An object has `parts` (schemas that all hold) or was built: then `fields` is all that is in it. With both, `fields`
    says more about some of them. `optional` are those of `fields` that it may be without. `loose`: it can be only some
    of the values that the rest allows.
    """

    kind: Kind
    values: tuple[Any, ...] | None = None
    parts: tuple[Part, ...] = ()
    fields: Mapping[str, Type] | None = None
    optional: frozenset[str] = frozenset()
    item: Type | None = None
    loose: bool = False
    items: tuple[Type, ...] = ()
    """The elements of a list that is written out, in their order."""


class Type(Struct, frozen=True, eq=False):
    """`alts` is None where nothing is known."""

    alts: tuple[Alt, ...] | None
    parts: tuple[Part, ...] = ()
    """Where the type was written: two of the same alternatives are equal wherever they are written."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Type) and self.alts == other.alts

    def __hash__(self) -> int:
        return hash(self.alts)

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

    def loosened(self) -> Type:
        """The same where not every value of it can come."""
        return self if self.alts is None else Type(tuple(replace(alt, loose=True) for alt in self.alts), self.parts)

    def without_null(self) -> Type:
        if self.alts is None or not self.nullable or self.only_null:
            return self
        return Type(tuple(alt for alt in self.alts if alt.kind != "null"), self.parts)

    def only(self, kind: Kind) -> Type:
        """What of it is of one kind."""
        return Type(tuple(alt for alt in self.alts or () if alt.kind == kind), self.parts)

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


_ASKED = {"question": STRING, "choices": list_of(STRING)}
QUESTION = Type((Alt("string"), Alt("object", fields=_ASKED, optional=frozenset(("choices",)))))
"""One of the questions that a human role is given as data."""
ANSWERS = built({"answers": list_of(built({"question": STRING, "answer": STRING.or_null()}))})
"""What the role makes of the answers."""


def either(types: Iterable[Type]) -> Type:
    """A value of one of these types."""
    found: dict[tuple[Any, ...], Alt] = {}
    parts: tuple[Part, ...] = ()
    for one in types:
        if one.alts is None:
            return ANY
        parts = parts or one.parts
        for alt in one.alts:
            key = (
                alt.kind,
                repr(alt.values),
                tuple((p.contract.digest, p.pointer) for p in alt.parts),
                id(alt.fields),
                alt.loose,
            )
            found.setdefault((*key, id(alt.item)), alt)
    return Type(tuple(found.values()), parts) if len(found) <= MOST else ANY
