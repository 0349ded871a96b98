"""The type of an expression, and what in it can never work. One walk over its tree."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct, field

from choreo.expression import Call, Comprehension, Const, Ident, ListOf, MapOf, Node, Select
from choreo.lint.bounds import size_of, sized, written_out
from choreo.lint.facts import NOTHING, Facts, Path, facts, path_of, there
from choreo.lint.findings import Findings
from choreo.lint.narrowing import compared, narrowed
from choreo.lint.operators import OPERATORS, function_type, method_type
from choreo.lint.types import ANY, BOOL, DOUBLE, Type, built, either, literal

Names = Callable[[str], Type]


class Inference(Struct, frozen=True):
    """`names` gives the type of each free name, `found` takes the findings."""

    names: Names
    found: Findings
    sides: dict[int, Type] = field(default_factory=dict)
    """What each side of a `? :` gives, by the identity of its node."""

    def type(self, node: Node, known: Facts = NOTHING, bound: Mapping[str, Type] | None = None) -> Type:
        """The type of a part of the expression; `known` holds there, `bound` are the variables of macros."""
        bound = bound or {}
        match node:
            case Const():
                return _of_const(node)
            case Ident():
                return self._ident(node, known, bound)
            case Select():
                return self._select(node, known, bound)
            case ListOf(items=items):
                return written_out([self.type(item, known, bound) for item in items])
            case MapOf():
                return self._map(node, known, bound)
            case Comprehension():
                return self._macro(node, known, bound)
            case Call():
                return self._call(node, known, bound)

    def _ident(self, node: Ident, known: Facts, bound: Mapping[str, Type]) -> Type:
        found = bound[node.name] if node.name in bound else self.names(node.name)
        return found.without_null() if (node.name,) in known else found

    def _select(self, node: Select, known: Facts, bound: Mapping[str, Type]) -> Type:
        owner = self.type(node.operand, known, bound)
        path = path_of(node.operand)
        full = None if path is None else (*path, node.field)
        certain = full is not None and there(full) in known
        found = self.found.field(owner, node.operand, node, node.field, certain or node.test_only)
        if node.test_only:
            return BOOL
        return found.without_null() if full is not None and full in known else found

    def _map(self, node: MapOf, known: Facts, bound: Mapping[str, Type]) -> Type:
        fields: dict[str, Type] = {}
        for key, value in node.entries:
            found = self.type(value, known, bound)
            if not (isinstance(key, Const) and key.kind == "string"):
                self.type(key, known, bound)
                return ANY
            fields[key.value] = found
        return built(fields)

    # -- macros ----------------------------------------------------------------------------------

    def _macro(self, node: Comprehension, known: Facts, bound: Mapping[str, Type]) -> Type:
        over = self.type(node.over, known, bound)
        item = self.found.elements(over, node.over, node.macro)
        parts = _macro_parts(node)
        if parts is None:
            return ANY
        test, body = parts
        inside = frozenset(fact for fact in known if node.variable not in fact[:2])
        names = {**bound, node.variable: item}
        if test is not None:
            self.found.condition(self.type(test, inside, names), test)
            inside |= facts(test, True)
        if node.macro == "filter":
            kept = item if test is None else _left(item, (node.variable,), test, True, inside)
            return sized("list", 0, size_of(over, "list")[1], kept)
        if body is None:
            return BOOL
        least, most = size_of(over, "list")
        return sized("list", 0 if test is not None else least, most, self.type(body, inside, names))

    # -- calls -----------------------------------------------------------------------------------

    def _call(self, node: Call, known: Facts, bound: Mapping[str, Type]) -> Type:
        match node:
            case Call(function="_&&_" | "_||_" as operator, args=(left, right)):
                for one, other in ((left, right), (right, left)):
                    beside = known | facts(other, operator == "_&&_")
                    self.found.condition(self.type(one, beside, bound), one)
                return BOOL
            case Call(function="!_", args=(inner,)):
                self.found.condition(self.type(inner, known, bound), inner)
                return BOOL
            case Call(function="_?_:_", args=(test, yes, no)):
                self.found.condition(self.type(test, known, bound), test)
                sides = ((yes, True), (no, False))
                return either([self._chosen(part, test, truth, known, bound) for part, truth in sides])
            case Call(function="_[_]", args=(operand, key)):
                return self._index(node, operand, key, known, bound)
        target = None if node.target is None else self.type(node.target, known, bound)
        args = [self.type(arg, known, bound) for arg in node.args]
        if node.target is not None and target is not None:
            return method_type(node, target, args, self.found)
        if node.function in OPERATORS:
            return OPERATORS[node.function](node, args, self.found)
        return function_type(node, args, self.found)

    def _chosen(self, part: Node, test: Node, truth: bool, known: Facts, bound: Mapping[str, Type]) -> Type:
        """What one side of `test ? yes : no` gives, where its test came out as it must for it."""
        beside = known | facts(test, truth)
        kind, path = self.type(part, beside, bound), path_of(part)
        self.sides[id(part)] = kind if path is None else _left(kind, path, test, truth, beside)
        return self.sides[id(part)]

    def _index(self, node: Call, operand: Node, key: Node, known: Facts, bound: Mapping[str, Type]) -> Type:
        owner = self.type(operand, known, bound)
        if isinstance(key, Const) and key.kind == "string":
            path = path_of(node)
            found = self.found.field(owner, operand, node, key.value, path is not None and there(path) in known)
            return found.without_null() if path in known else found
        return self.found.index(owner, operand, self.type(key, known, bound), key)


def _left(kind: Type, path: Path, test: Node, truth: bool, known: Facts) -> Type:
    """What is left of a type, known by its path, where a test came out so."""
    left = narrowed(kind, [path], [(test, truth)], known)
    left = left.without_null() if path in known else left
    return left.loosened() if any(compared(test)) else left


def _of_const(node: Const) -> Type:
    if node.kind in ("uint", "bytes"):
        return ANY
    return DOUBLE if node.kind == "double" else literal(node.value)


def _macro_parts(node: Comprehension) -> tuple[Node | None, Node | None] | None:
    """The test and the mapped expression of a macro, out of its expanded form; None where it is not known."""
    match node.macro, node.step:
        case (("exists" | "all"), Call(args=(_, test))):
            return test, None
        case (("exists_one" | "filter"), Call(function="_?_:_", args=(test, _, _))):
            return test, None
        case "map", Call(function="_?_:_", args=(test, Call(args=(_, ListOf(items=(body,)))), _)):
            return test, body
        case "map", Call(function="_+_", args=(_, ListOf(items=(body,)))):
            return None, body
    return None
