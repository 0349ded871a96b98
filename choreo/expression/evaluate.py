"""Evaluation: an expression and a scope to plain JSON data, or an ExpressionError."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from choreo.canonical import NotData, Payload, check
from choreo.expression.faults import ExpressionError, read_runtime_error
from choreo.expression.syntax import MAX_KEPT, Node, Select, chain, free_chains, parse, program


class Expression:
    """A compiled expression.

    `names` are the free top-level names; `member_paths` the longest chains from them, such as
    ("visits", "read") for `visits.read`; `path` is set where the whole text is one such chain: it is
    copied from the scope and does not go through CEL.
    """

    __slots__ = ("_asked", "_names", "_program", "member_paths", "names", "path", "text")

    def __init__(self, text: str, tree: Node) -> None:
        chains = [((ident.name, *fields), tested) for ident, fields, tested in free_chains(tree)]
        whole = chain(tree) if chains else None
        self.text = text
        self.member_paths = frozenset(path for path, _ in chains)
        self.names = frozenset(path[0] for path in self.member_paths)
        tested_only = isinstance(tree, Select) and tree.test_only
        self.path = (whole[0].name, *whole[1]) if whole is not None and not tested_only else None
        self._asked = tuple(path for path, tested in chains if not tested)
        self._names = tuple(sorted(self.names))
        self._program = program(text)

    def evaluate(self, scope: Mapping[str, Any]) -> Any:
        """The value as plain JSON data. Only the names that are used are asked of `scope`.

        A value of `scope` is JSON data or a Payload. Raises ExpressionError for unknown names, every
        error of the evaluator, and results that are not JSON data.
        """
        if self.path is not None:
            return follow(self.path, scope)
        data = {name: look_up(name, scope) for name in self._names}
        try:
            result = self._program.eval(data=data)
            plain = result.plain_value()
        except (RuntimeError, ValueError, TypeError, OverflowError) as error:
            raise self._failed(str(error), scope) from None
        if plain is True or plain is False or plain is None:
            return plain
        return self._checked(plain, result.type().name(), scope)

    def seconds(self, scope: Mapping[str, Any]) -> float:
        """The length of a CEL duration. Raises ExpressionError where the value is none."""
        data = {name: look_up(name, scope) for name in self._names}
        try:
            result = self._program.eval(data=data)
            plain, kind = result.plain_value(), result.type().name()
        except (RuntimeError, ValueError, TypeError, OverflowError) as error:
            raise self._failed(str(error), scope) from None
        if kind == "DURATION":
            return float(plain.total_seconds())
        if kind == "ERROR":
            raise self._failed(str(plain), scope)
        raise ExpressionError(f"a duration is needed, this gives {described(plain)}: duration('90s')", self.text)

    def _checked(self, plain: Any, kind: str, scope: Mapping[str, Any]) -> Any:
        if kind == "ERROR":
            raise self._failed(str(plain), scope)
        if kind in ("TIMESTAMP", "DURATION", "BYTES", "TYPE"):
            help = "" if kind in ("BYTES", "TYPE") else ": wrap it in string(...)"
            raise ExpressionError(f"the result is a {kind.lower()}, which is not JSON data{help}", self.text)
        if type(plain) is float and not math.isfinite(plain):
            raise ExpressionError("the result is NaN or infinite, which is not JSON data", self.text)
        try:
            check(plain)
        except NotData as error:
            raise ExpressionError(f"the result is not JSON data: {error}", self.text) from None
        return plain

    def _failed(self, report: str, scope: Mapping[str, Any]) -> ExpressionError:
        message = read_runtime_error(report)
        if "SELECT" in report or "NOT_FOUND" in report:
            for path in self._asked:
                try:
                    follow(path, scope)
                except ExpressionError as error:
                    message = error.message
                    break
        return ExpressionError(message, self.text)

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"


@lru_cache(maxsize=MAX_KEPT)
def compile_expression(text: str) -> Expression:
    """Raises ExpressionSyntax."""
    return Expression(text, parse(text))


@lru_cache(maxsize=1_024)
def pattern_fault(pattern: str) -> str | None:
    """Why `matches` cannot use a pattern; None where it can."""
    try:
        compile_expression("''.matches(pattern)").evaluate({"pattern": pattern})
    except ExpressionError as error:
        return error.message.removeprefix("invalid regular expression: ").removesuffix(f": {pattern}")
    return None


def evaluate_condition(expression: Expression, scope: Mapping[str, Any]) -> bool:
    """True or false. Raises ExpressionError where the value is an error or not a boolean: never false."""
    value = expression.evaluate(scope)
    if value is True or value is False:
        return bool(value)
    raise ExpressionError(f"a condition must give true or false, this gives {described(value)}", expression.text)


def look_up(name: str, scope: Mapping[str, Any], *, whole: bool = False) -> Any:
    """The JSON value of a name. Raises ExpressionError where the scope has none.

    A scope may say in its attribute `absent` (name to field names) which optional fields read as null
    where they were not given; a value that is taken `whole` stays as it is.
    """
    try:
        value = scope[name]
    except KeyError:
        raise ExpressionError(f"there is no `{name}` here", name) from None
    plain = value.value if type(value) is Payload else value
    optional = () if whole else getattr(scope, "absent", {}).get(name, ())
    missing = [field for field in optional if field not in plain] if type(plain) is dict else []
    return {**dict.fromkeys(missing), **plain} if missing else plain


def follow(path: tuple[str, ...], scope: Mapping[str, Any]) -> Any:
    """The value at a plain path. Raises ExpressionError, with what stands there in its place."""
    value = look_up(path[0], scope, whole=len(path) == 1)
    for place, field in enumerate(path[1:], start=1):
        if type(value) is dict and field in value:
            value = value[field]
            continue
        here = ".".join(path[:place])
        if type(value) is dict:
            shown = ", ".join(list(value)[:12]) + (", ..." if len(value) > 12 else "")
            has = f"it has {shown}" if value else "it is empty"
            raise ExpressionError(f"`{here}` has no field `{field}`: {has}", ".".join(path))
        found = "null" if value is None else f"{described(value)}, not an object"
        raise ExpressionError(f"`{here}` is {found}: `{field}` cannot be read from it", ".".join(path))
    return value


def described(value: Any) -> str:
    """A value's kind in words."""
    if value is None:
        return "null"
    kinds = {bool: "a boolean", str: "a text", dict: "an object", list: "a list"}
    return kinds.get(type(value), "a number")
