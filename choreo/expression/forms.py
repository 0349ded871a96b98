"""Forms (`pass`, `show`, `set`, `result.pass`) and templates (texts with `{{ }}`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from choreo.canonical import NotData, Payload, encode
from choreo.expression.evaluate import compile_expression
from choreo.expression.faults import ExpressionError, ExpressionSyntax
from choreo.spec import Expr, Fields, Fixed, Form, Items, Template

Scope = Mapping[str, Any]
"""Names to JSON data or Payloads. It may be lazy: only the names that are used are asked for."""

_Build = Callable[[Scope], Any]


class CompiledForm(Struct, frozen=True):
    """A form, ready to be built many times. `names` and `member_paths` are those of all its expressions."""

    form: Form
    names: frozenset[str]
    member_paths: frozenset[tuple[str, ...]]
    _value: _Build
    _name: str | None
    """Set where the form is one plain name: its payload is delivered byte for byte."""

    def build(self, scope: Scope) -> Payload:
        """The payload. A form that is one plain name gives the very Payload the scope holds.

        Raises ExpressionError, with the place of the expression that failed.
        """
        if self._name is not None and type(held := scope.get(self._name)) is Payload:
            return held
        value = self._value(scope)
        try:
            return Payload.of(value)
        except NotData as error:
            raise _placed(ExpressionError(f"the payload is not JSON data: {error}"), self.form) from None


def compile_form(form: Form) -> CompiledForm:
    """Raises ExpressionSyntax, with the place of the expression that is at fault."""
    paths: set[tuple[str, ...]] = set()
    value = _compile(form, paths)
    path = compile_expression(form.text).path if isinstance(form, Expr) else None
    name = path[0] if path is not None and len(path) == 1 else None
    return CompiledForm(form, frozenset(path[0] for path in paths), frozenset(paths), value, name)


def _compile(form: Form, paths: set[tuple[str, ...]]) -> _Build:
    match form:
        case Expr():
            return _expression(form, paths)
        case Fixed(value=fixed):
            return lambda _scope: fixed
        case Fields(entries=entries):
            fields = [(key, _compile(part, paths)) for key, _, part in entries]
            return lambda scope: {key: build(scope) for key, build in fields}
        case Items(entries=parts):
            items = [_compile(part, paths) for part in parts]
            return lambda scope: [build(scope) for build in items]


def _expression(expr: Expr, paths: set[tuple[str, ...]]) -> _Build:
    try:
        compiled = compile_expression(expr.text)
    except ExpressionSyntax as error:
        error.place = expr.place
        raise
    paths |= compiled.member_paths

    def build(scope: Scope) -> Any:
        try:
            return compiled.evaluate(scope)
        except ExpressionError as error:
            raise _placed(error, expr) from None

    return build


def _placed(error: ExpressionError, form: Form) -> ExpressionError:
    error.place = form.place
    if isinstance(form, Expr):
        error.text = form.text
    return error


def render_template(template: Template, scope: Scope, around: Callable[[str], str] = str) -> str:
    """The text, with `around` each inserted one. What an expression inserts is never scanned again: texts as they are,
    the rest as canonical JSON.

    Raises ExpressionError; its code is `null-in-template` where an expression gives null.
    """
    return "".join(part if isinstance(part, str) else around(_inserted(part, scope)) for part in template.parts)


def _inserted(expr: Expr, scope: Scope) -> str:
    try:
        value = compile_expression(expr.text).evaluate(scope)
        if value is None:
            raise ExpressionError("null cannot be put into a text", expr.text, "null-in-template")
        return value if isinstance(value, str) else encode(value).decode("utf-8")
    except NotData as error:
        raise _placed(ExpressionError(f"not JSON data: {error}"), expr) from None
    except ExpressionError as error:
        raise _placed(error, expr) from None
