"""The syntax tree of an expression, decoded from the parser's own serialised form.

`compile(..., disable_check=True).serialize()` is `Any{cel.expr.ParsedExpr}`, the public tree of the
CEL specification (`syntax.proto`), with the code-point offset of every part. A test decodes a fixed
set of expressions, so that a changed encoding is noticed.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from typing import Any, Literal

from msgspec import Struct

from choreo.expression.faults import ExpressionSyntax, read_syntax_error
from choreo.expression.names import TYPES
from choreo.problem import suggestion

MAX_LENGTH = 10_000
"""Characters of an expression; a longer one is refused."""
MAX_KEPT = 16_384
"""Expressions kept in their read form (some 6 kB each): more than any one spec has, so that none is read twice."""


class Const(Struct, frozen=True):
    """A literal. 1 and 1.0 are different kinds."""

    kind: Literal["null", "bool", "int", "uint", "double", "string", "bytes"]
    value: Any
    offset: int


class Ident(Struct, frozen=True):
    name: str
    offset: int


class Select(Struct, frozen=True):
    """`operand.field`; with `test_only` it is `has(operand.field)`. `offset` is that of the dot."""

    operand: Node
    field: str
    test_only: bool
    offset: int


class Call(Struct, frozen=True):
    """A function, a method (`target` set) or an operator (`_==_`, `_&&_`, `_[_]`, `_?_:_`, `@in`, `!_`)."""

    function: str
    target: Node | None
    args: tuple[Node, ...]
    offset: int


class ListOf(Struct, frozen=True):
    items: tuple[Node, ...]
    offset: int


class MapOf(Struct, frozen=True):
    entries: tuple[tuple[Node, Node], ...]
    offset: int


class Comprehension(Struct, frozen=True):
    """A macro over a list or the keys of an object: `all`, `exists`, `exists_one`, `map`, `filter`.

    `variable` is bound to each element inside `condition` and `step`, `accumulator` inside
    `condition`, `step` and `result`. `macro` is the word that was written.
    """

    macro: str
    variable: str
    over: Node
    accumulator: str
    start: Node
    condition: Node
    step: Node
    result: Node
    offset: int


Node = Const | Ident | Select | Call | ListOf | MapOf | Comprehension

METHODS: Mapping[str, tuple[int, int]] = {
    **dict.fromkeys(("size", "lowerAscii", "upperAscii", "trim", "reverse"), (0, 0)),
    **dict.fromkeys(("contains", "startsWith", "endsWith", "matches", "charAt", "format"), (1, 1)),
    **dict.fromkeys(("indexOf", "lastIndexOf", "split", "substring"), (1, 2)),
    "replace": (2, 3),
    "join": (0, 1),
    **dict.fromkeys(("getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear"), (0, 1)),
    **dict.fromkeys(("getHours", "getMinutes", "getSeconds", "getMilliseconds"), (0, 1)),
}
"""Each with the least and the most arguments that it takes."""
FUNCTIONS: Mapping[str, tuple[int, int]] = {
    **dict.fromkeys(("merge", "matches"), (2, 2)),
    **dict.fromkeys(("size", "type", "dyn"), (1, 1)),
    **dict.fromkeys(("int", "uint", "double", "string", "bytes", "bool", "timestamp", "duration"), (1, 1)),
}
MACROS = ("has", "all", "exists", "exists_one", "map", "filter")


@lru_cache(maxsize=MAX_KEPT)
def parse(text: str) -> Node:
    """The syntax tree of an expression. Raises ExpressionSyntax."""
    return decode(serialized(text), text)


def serialized(text: str) -> bytes:
    """The parser's own form of the tree. Raises ExpressionSyntax."""
    return bytes(program(text).serialize())


@lru_cache(maxsize=MAX_KEPT)
def program(text: str) -> Any:
    """The compiled expression of the CEL library. Raises ExpressionSyntax."""
    if len(text) > MAX_LENGTH:
        raise ExpressionSyntax(
            f"longer than {MAX_LENGTH} characters", 0, text, "split it: compute a part in a `set` role"
        )
    if "\0" in text or not _encodes(text):
        raise ExpressionSyntax("a character that no text may hold (NUL or a lone surrogate)", 0, text)
    try:
        return environment().compile(text, disable_check=True)
    except RuntimeError as error:
        raise read_syntax_error(str(error), text) from None


def _encodes(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


@cache
def environment() -> Any:
    """The one CEL environment: standard functions, text functions and `merge`. Imported on first use."""
    from cel_expr_python import cel
    from cel_expr_python.ext import ext_strings

    objects = cel.Type.Map(cel.Type.DYN, cel.Type.DYN)
    overload = cel.Overload(
        "merge_objects", return_type=objects, parameters=[objects, objects], is_member=False, impl=_merge
    )
    return cel.NewEnv(extensions=[ext_strings.ExtStrings()], functions=[cel.FunctionDecl("merge", [overload])])


def _merge(left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
    return {**left, **right}


# -- decoding ------------------------------------------------------------------------------------


def decode(data: bytes, text: str) -> Node:
    """The tree in `Any{cel.expr.ParsedExpr}`. Raises ExpressionSyntax for what we do not speak."""
    parsed = _message(_one(_message(data), 2))
    positions = dict(_position(entry) for entry in _message(_one(parsed, 3)).get(4, ()))
    try:
        return _Decoder(positions, text).node(_one(parsed, 2))
    except RecursionError:
        raise ExpressionSyntax("nested too deeply to be read", 0, text) from None


def _position(entry: bytes) -> tuple[int, int]:
    """(id of a part, its offset): nearly always two numbers below 128."""
    if len(entry) == 4 and entry[0] == 0x08 and entry[2] == 0x10 and entry[1] < 0x80 and entry[3] < 0x80:
        return entry[1], entry[3]
    fields = _message(entry)
    return _one(fields, 1, 0), _one(fields, 2, 0)


def _message(data: bytes) -> dict[int, list[Any]]:
    """The fields of a protobuf message: number to values in order (int, or bytes)."""
    fields: dict[int, list[Any]] = {}
    at, end = 0, len(data)
    while at < end:
        key, at = data[at], at + 1
        if key > 0x7F:
            key, at = _varint(data, at - 1)
        value: Any
        match key & 7:
            case 2:
                size, at = data[at], at + 1
                if size > 0x7F:
                    size, at = _varint(data, at - 1)
                value, at = data[at : at + size], at + size
            case 0:
                value, at = data[at], at + 1
                if value > 0x7F:
                    value, at = _varint(data, at - 1)
            case 1:
                value, at = data[at : at + 8], at + 8
            case _:
                raise ExpressionSyntax("the CEL library writes a form that is not known here", 0)
        number = key >> 3
        if number in fields:
            fields[number].append(value)
        else:
            fields[number] = [value]
    return fields


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _one(fields: dict[int, list[Any]], number: int, default: Any = b"") -> Any:
    return fields[number][-1] if number in fields else default


def _const(fields: dict[int, list[Any]], offset: int) -> Const:
    number, (value,) = next(iter(fields.items()))
    match number:
        case 1:
            return Const("null", None, offset)
        case 2:
            return Const("bool", bool(value), offset)
        case 3:
            return Const("int", value - (1 << 64) if value >= 1 << 63 else value, offset)
        case 4:
            return Const("uint", value, offset)
        case 5:
            return Const("double", struct.unpack("<d", value)[0], offset)
        case 6:
            return Const("string", value.decode("utf-8"), offset)
        case _:
            return Const("bytes", value, offset)


class _Decoder:
    """Expr messages to nodes. Field numbers are those of `cel/expr/syntax.proto`."""

    def __init__(self, positions: dict[int, int], text: str) -> None:
        self.positions = positions
        self.text = text

    def node(self, data: bytes) -> Node:
        fields = _message(data)
        offset = self.positions.get(_one(fields, 2, 0), 0)
        for number in range(3, 10):
            if number in fields:
                return self.kind(number, _message(fields[number][-1]), offset)
        raise ExpressionSyntax("an empty expression", offset, self.text)

    def kind(self, number: int, fields: dict[int, list[Any]], offset: int) -> Node:
        match number:
            case 3:
                return _const(fields, offset)
            case 4:
                return Ident(_one(fields, 1).decode("utf-8").removeprefix("."), offset)
            case 5:
                field = _one(fields, 2).decode("utf-8")
                return Select(self.node(_one(fields, 1)), field, bool(_one(fields, 3, 0)), offset)
            case 6:
                return self.call(fields, offset)
            case 7:
                return ListOf(tuple(self.node(item) for item in fields.get(1, ())), offset)
            case 8:
                return self.map(fields, offset)
            case _:
                return self.comprehension(fields, offset)

    def call(self, fields: dict[int, list[Any]], offset: int) -> Call:
        function = _one(fields, 2).decode("utf-8")
        target = self.node(_one(fields, 1)) if 1 in fields else None
        args = tuple(self.node(arg) for arg in fields.get(3, ()))
        if function.isidentifier():
            self.check_function(function, target is not None, len(args), offset)
        return Call(function, target, args, offset)

    def check_function(self, function: str, method: bool, size: int, offset: int) -> None:
        known, noun = (METHODS, "method") if method else (FUNCTIONS, "function")
        if function in known:
            self.check_size(f"the {noun} `{function}`", known[function], size, offset)
            return
        help = f"write it as a method: `x.{function}(...)`" if function in METHODS and not method else ""
        if function in FUNCTIONS and method:
            help = f"write it as a function: `{function}(x)`"
        if function in MACROS:
            help = f"`{function}` takes other arguments: `list.{function}(item, expression)`, `has(object.field)`"
        help = help or suggestion(function, (*known, *MACROS), noun)
        raise ExpressionSyntax(f"there is no {noun} `{function}` with these arguments", offset, self.text, help)

    def check_size(self, called: str, takes: tuple[int, int], size: int, offset: int) -> None:
        least, most = takes
        if not least <= size <= most:
            wanted = str(least) if least == most else f"{least} or {most}"
            plural = "" if wanted == "1" else "s"
            raise ExpressionSyntax(f"{called} takes {wanted} argument{plural}, here it has {size}", offset, self.text)

    def map(self, fields: dict[int, list[Any]], offset: int) -> MapOf:
        if _one(fields, 1):
            raise ExpressionSyntax(
                "message literals are not allowed",
                offset,
                self.text,
                "write a plain object: {'field': value}, with quoted keys",
            )
        entries = [_message(entry) for entry in fields.get(2, ())]
        return MapOf(tuple((self.node(_one(e, 3)), self.node(_one(e, 4))) for e in entries), offset)

    def comprehension(self, fields: dict[int, list[Any]], offset: int) -> Comprehension:
        written = re.search(r"(\w+)\s*$", self.text[:offset])
        over, start, condition, step, result = (self.node(_one(fields, number)) for number in (2, 4, 5, 6, 7))
        return Comprehension(
            macro=written[1] if written else "",
            variable=_one(fields, 1).decode("utf-8"),
            over=over,
            accumulator=_one(fields, 3).decode("utf-8"),
            start=start,
            condition=condition,
            step=step,
            result=result,
            offset=offset,
        )


# -- walking -------------------------------------------------------------------------------------


def children(node: Node) -> tuple[Node, ...]:
    """The direct parts of a node, in the order in which they are written (macros: as expanded)."""
    match node:
        case Select(operand=operand):
            return (operand,)
        case Call(target=target, args=args):
            return args if target is None else (target, *args)
        case ListOf(items=items):
            return items
        case MapOf(entries=entries):
            return tuple(part for entry in entries for part in entry)
        case Comprehension():
            return (node.over, node.start, node.condition, node.step, node.result)
        case _:
            return ()


def free_names(node: Node, bound: frozenset[str] = frozenset()) -> Iterator[Ident]:
    """Every use of a name that is neither a macro's own variable nor a type."""
    for path in free_chains(node, bound):
        yield path[0]


def free_chains(node: Node, bound: frozenset[str] = frozenset()) -> Iterator[tuple[Ident, tuple[str, ...], bool]]:
    """Every longest chain `name.field...` from a free name: (the name, the fields, whether `has()` asks for it)."""
    found = chain(node)
    if found is not None:
        if found[0].name not in bound and found[0].name not in TYPES:
            yield (*found, isinstance(node, Select) and node.test_only)
        return
    if isinstance(node, Comprehension):
        yield from free_chains(node.over, bound)
        yield from free_chains(node.start, bound)
        inner = bound | {node.accumulator}
        for part in (node.condition, node.step):
            yield from free_chains(part, inner | {node.variable})
        yield from free_chains(node.result, inner)
        return
    for part in children(node):
        yield from free_chains(part, bound)


def chain(node: Node) -> tuple[Ident, tuple[str, ...]] | None:
    """`a.b["c-d"]` as (a, (b, c-d)), or None where the node is something else."""
    match node:
        case Ident():
            return node, ()
        case Select(operand=operand, field=field):
            step, inner = field, chain(operand)
        case Call(function="_[_]", target=None, args=(operand, Const(kind="string", value=key))):
            step, inner = key, chain(operand)
        case _:
            return None
    return None if inner is None else (inner[0], (*inner[1], step))
