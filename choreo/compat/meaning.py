"""What a schema says about values of one type, as a formula; and the opposite of each demand.

Demands by type of value:
  number   ("min", bound, strict) ("max", bound, strict) ("mult", m) ("nmult", m)
  string   ("minLength", n) ("maxLength", n) ("pattern", p) ("npattern", p) ("check", what) ("uncheck", what)
  array    ("minItems", n) ("maxItems", n) ("items", first ones, rest) ("item", i, lit) ("later", i, lit)
           ("atleast", n, lit) ("atmost", n, lit) ("unique",) ("twins",)
  object   ("minProperties", n) ("maxProperties", n) ("need", name) ("absent", name)
           ("fields", names, patterns, rest) ("at", name, lit) ("matching", pattern, lit)
           ("other", names, patterns, lit) ("names", lit) ("badname", lit)
  any      ("in", values) ("ne", value) ("opaque", what, wanted)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from choreo.compat.formula import FALSE, TRUE, Formula, conj, disj, negated
from choreo.compat.graph import Either, Graph
from choreo.compat.unevaluated import unevaluated
from choreo.compat.values import exact, key, type_of


class Meaning:
    """Formulas of the schemas of a graph, each made once."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._formulas: dict[tuple[int, str], Formula] = {}
        self._opposites: dict[tuple[int, str], Formula] = {}

    def of(self, number: int, wanted: bool, kind: str) -> Formula:
        """What it means for a value of this type that a schema holds, or does not.

        One that judges the value by itself again is read once, with its own answer for itself: what that refuses
        is refused in any case, and about what it allows the validator is asked.
        """
        place = (number, kind)
        if place not in self._formulas:
            self._formulas[place] = self._formula(number, kind)
        formula = self._formulas[place]
        if not wanted:
            if place not in self._opposites:
                self._opposites[place] = self.opposite(formula, kind)
            formula = self._opposites[place]
        return conj((("opaque", self.graph.name(number), wanted), formula)) if self.graph.is_loop(number) else formula

    def opposite(self, formula: Formula, kind: str) -> Formula:
        """The opposite of a formula about values of this type."""
        return negated(formula, lambda demand: _OPPOSITES[demand[0]](self, demand, kind))

    # -- formulas ------------------------------------------------------------------------------------

    def _formula(self, number: int, kind: str) -> Formula:
        node = self.graph.nodes[number]
        schema = node.schema
        if isinstance(schema, bool):
            return TRUE if schema else FALSE
        if isinstance(schema, Either):
            return disj(map(self.graph.lit, schema))
        if (node.document is not None and node.document.is_dynamic) or self.graph.is_paradox(number):
            return ("opaque", self.graph.name(number), True)
        if "$ref" in schema and node.draft < 19:
            return self._ref(number, "$ref")
        return conj(self._parts(number, schema, kind))

    def _parts(self, number: int, schema: Mapping[str, Any], kind: str) -> Iterator[Formula]:
        draft = self.graph.nodes[number].draft
        yield self._types(schema, kind)
        yield from self._values(schema, kind, draft)
        for keyword in ("$ref", "$dynamicRef", "$recursiveRef"):
            if keyword in schema and (keyword == "$ref" or draft == {"$dynamicRef": 20, "$recursiveRef": 19}[keyword]):
                yield self._ref(number, keyword)
        yield from self._combined(number, schema, draft)
        yield from _OWN[kind](self, number, schema, draft)

    def _ref(self, number: int, keyword: str) -> Formula:
        target = self.graph.target(number, keyword)
        if target is None:
            return ("opaque", self.graph.name(number, keyword), True)
        return self.graph.lit(target)

    def _types(self, schema: Mapping[str, Any], kind: str) -> Formula:
        types = schema.get("type")
        if types is None:
            return TRUE
        listed = [types] if isinstance(types, str) else types
        if kind in listed:
            return TRUE
        if kind == "number" and "integer" in listed:
            return ("mult", exact(1))
        return FALSE

    def _values(self, schema: Mapping[str, Any], kind: str, draft: int) -> Iterator[Formula]:
        lists = [schema["enum"]] if isinstance(schema.get("enum"), list) else []
        if "const" in schema and draft > 4:
            lists.append([schema["const"]])
        for values in lists:
            kept = tuple({key(value): value for value in values if type_of(value) == kind}.items())
            yield ("in", Values(kept)) if kept else FALSE

    def _combined(self, number: int, schema: Mapping[str, Any], draft: int) -> Iterator[Formula]:
        graph = self.graph

        def lits(keyword: str) -> list[Formula]:
            return [graph.lit(graph.below(number, keyword, place)) for place in range(len(schema[keyword]))]

        if "allOf" in schema:
            yield from lits("allOf")
        if "anyOf" in schema:
            yield disj(lits("anyOf"))
        if "oneOf" in schema:
            parts = lits("oneOf")
            yield disj(
                conj((part, *(negated(other, _kept) for place, other in enumerate(parts) if place != here)))
                for here, part in enumerate(parts)
            )
        if "not" in schema:
            yield graph.lit(graph.below(number, "not"), False)
        if "if" in schema and draft >= 7:
            test = graph.below(number, "if")
            for keyword, wanted in (("then", True), ("else", False)):
                if keyword in schema:
                    yield disj((graph.lit(test, not wanted), graph.lit(graph.below(number, keyword))))

    # -- one type of value ---------------------------------------------------------------------------

    def _nothing(self, number: int, schema: Mapping[str, Any], draft: int) -> Iterator[Formula]:
        yield TRUE

    def _number(self, number: int, schema: Mapping[str, Any], draft: int) -> Iterator[Formula]:
        for side, other in (("min", "exclusiveMinimum"), ("max", "exclusiveMaximum")):
            plain = "minimum" if side == "min" else "maximum"
            strict = schema.get(other)
            if plain in schema:
                yield (side, exact(schema[plain]), draft == 4 and strict is True)
            if draft > 4 and strict is not None:
                yield (side, exact(strict), True)
        if "multipleOf" in schema:
            yield ("mult", exact(schema["multipleOf"]))

    def _string(self, number: int, schema: Mapping[str, Any], draft: int) -> Iterator[Formula]:
        yield from _counts(schema, "minLength", "maxLength")
        if "pattern" in schema:
            yield ("pattern", schema["pattern"])
        yield from (("check", check) for check in self.graph.checks(number))

    def _array(self, number: int, schema: Mapping[str, Any], draft: int) -> Iterator[Formula]:
        yield from _counts(schema, "minItems", "maxItems")
        first, rest = self._items(number, schema, draft)
        if rest is not None or first:
            yield ("items", first, rest)
        if "contains" in schema and draft > 4:
            wanted = self.graph.below(number, "contains")
            least = int(schema.get("minContains", 1)) if draft >= 19 else 1
            if least > 0:
                yield ("atleast", least, (wanted, True))
            if draft >= 19 and "maxContains" in schema:
                yield ("atmost", int(schema["maxContains"]), (wanted, True))
        if schema.get("uniqueItems") is True:
            yield ("unique",)
        if draft >= 19 and "unevaluatedItems" in schema:
            yield from unevaluated(self.graph, number, "unevaluatedItems")

    def _items(self, number: int, schema: Mapping[str, Any], draft: int) -> tuple[tuple[int, ...], int | None]:
        """The schemas of the first items, and that of the rest."""
        below = self.graph.below
        keyword, others = ("prefixItems", "items") if draft == 20 else ("items", "additionalItems")
        listed = schema.get(keyword)
        if not isinstance(listed, list):
            return (), below(number, "items") if "items" in schema else None
        first = tuple(below(number, keyword, place) for place in range(len(listed)))
        return first, below(number, others) if others in schema else None

    def _object(self, number: int, schema: Mapping[str, Any], draft: int) -> Iterator[Formula]:
        graph = self.graph
        yield from _counts(schema, "minProperties", "maxProperties")
        yield from (("need", name) for name in schema.get("required", ()))
        if any(word in schema for word in ("properties", "patternProperties", "additionalProperties")):
            names, patterns = (
                tuple((name, graph.below(number, word, name)) for name in schema.get(word, {}))
                for word in ("properties", "patternProperties")
            )
            rest = graph.below(number, "additionalProperties") if "additionalProperties" in schema else None
            yield ("fields", names, patterns, rest)
        if "propertyNames" in schema and draft > 4:
            yield ("names", (graph.below(number, "propertyNames"), True))
        yield from self._dependent(number, schema, draft)
        if draft >= 19 and "unevaluatedProperties" in schema:
            yield from unevaluated(graph, number, "unevaluatedProperties")

    def _dependent(self, number: int, schema: Mapping[str, Any], draft: int) -> Iterator[Formula]:
        keywords = ["dependencies", *(("dependentRequired", "dependentSchemas") if draft >= 19 else ())]
        for keyword in keywords:
            for name, part in schema.get(keyword, {}).items():
                if isinstance(part, list):
                    needs = conj(("need", other) for other in part)
                else:
                    needs = self.graph.lit(self.graph.below(number, keyword, name))
                yield disj((("absent", name), conj((("need", name), needs)) if needs != TRUE else TRUE))

    # -- opposites -----------------------------------------------------------------------------------

    def _not_in(self, demand: Formula, kind: str) -> Formula:
        return conj(self.differs(value, kind) for _, value in demand[1].pairs)

    def differs(self, value: Any, kind: str) -> Formula:
        """The demand that a value of this type is not this one."""
        if kind == "null":
            return FALSE
        if kind == "array":
            length = len(value)
            parts = [("maxItems", length - 1)] if length else []
            here = (("item", place, (self.graph.constant(part), False)) for place, part in enumerate(value))
            return disj((*parts, ("minItems", length + 1), *here))
        if kind == "object":
            nothing = self.graph.constant(None)
            either = (nothing, True), (nothing, False)
            more = (("other", tuple(sorted(value)), (), lit) for lit in either)
            here = (("at", name, (self.graph.constant(part), False)) for name, part in value.items())
            return disj((*(("absent", name) for name in value), *more, *here))
        return ("ne", Values(((key(value), value),)))

    def _not_items(self, demand: Formula, kind: str) -> Formula:
        _, first, rest = demand
        parts: list[Formula] = []
        for place, number in enumerate(first):
            if self.graph.lit(number) != TRUE:
                parts.append(("item", place, (number, False)))
        if rest is not None and self.graph.lit(rest) != TRUE:
            parts.append(("later", len(first), (rest, False)))
        return disj(parts)

    def _not_fields(self, demand: Formula, kind: str) -> Formula:
        _, names, patterns, rest = demand
        parts: list[Formula] = [("at", name, (number, False)) for name, number in names if self._says(number)]
        parts += [("matching", pattern, (number, False)) for pattern, number in patterns if self._says(number)]
        if rest is not None and self._says(rest):
            known = tuple(name for name, _ in names), tuple(pattern for pattern, _ in patterns)
            parts.append(("other", *known, (rest, False)))
        return disj(parts)

    def _says(self, number: int) -> bool:
        return self.graph.lit(number) != TRUE


class Values:
    """Values in a demand, compared as JSON Schema compares them."""

    __slots__ = ("keys", "pairs")

    def __init__(self, pairs: tuple[tuple[Any, Any], ...]) -> None:
        self.pairs = pairs
        self.keys = tuple(name for name, _ in pairs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Values) and other.keys == self.keys

    def __hash__(self) -> int:
        return hash(self.keys)


def _kept(demand: Formula) -> Formula:
    raise TypeError(f"not the formula of a schema: {demand[0]}")


def _counts(schema: Mapping[str, Any], least: str, most: str) -> Iterator[Formula]:
    if schema.get(least, 0) > 0:
        yield (least, int(schema[least]))
    if most in schema:
        yield (most, int(schema[most]))


def _fewer(kind: str) -> Callable[[Meaning, Formula, str], Formula]:
    """The opposite of at least n: at most n - 1."""
    return lambda _, demand, __: (kind, demand[1] - 1, *demand[2:]) if demand[1] > 0 else FALSE


def _more(kind: str) -> Callable[[Meaning, Formula, str], Formula]:
    return lambda _, demand, __: (kind, demand[1] + 1, *demand[2:])


def _renamed(kind: str) -> Callable[[Meaning, Formula, str], Formula]:
    return lambda _, demand, __: (kind, *demand[1:])


_OWN: dict[str, Callable[[Meaning, int, Mapping[str, Any], int], Iterator[Formula]]] = {
    "null": Meaning._nothing,
    "boolean": Meaning._nothing,
    "number": Meaning._number,
    "string": Meaning._string,
    "array": Meaning._array,
    "object": Meaning._object,
}
_OPPOSITES: dict[str, Callable[[Meaning, Formula, str], Formula]] = {
    "min": lambda _, demand, __: ("max", demand[1], not demand[2]),
    "max": lambda _, demand, __: ("min", demand[1], not demand[2]),
    "mult": _renamed("nmult"),
    "nmult": _renamed("mult"),
    "in": Meaning._not_in,
    "ne": _renamed("in"),
    "opaque": lambda _, demand, __: ("opaque", demand[1], not demand[2]),
    "minLength": _fewer("maxLength"),
    "maxLength": _more("minLength"),
    "pattern": _renamed("npattern"),
    "npattern": _renamed("pattern"),
    "check": _renamed("uncheck"),
    "uncheck": _renamed("check"),
    "minItems": _fewer("maxItems"),
    "maxItems": _more("minItems"),
    "items": Meaning._not_items,
    "unique": _renamed("twins"),
    "twins": _renamed("unique"),
    "atleast": _fewer("atmost"),
    "atmost": _more("atleast"),
    "minProperties": _fewer("maxProperties"),
    "maxProperties": _more("minProperties"),
    "need": _renamed("absent"),
    "absent": _renamed("need"),
    "fields": Meaning._not_fields,
    "names": lambda _, demand, __: ("badname", (demand[1][0], not demand[1][1])),
}
