"""Expressions that cannot be read, and names in them that mean nothing where they stand."""

from __future__ import annotations

import re
from collections.abc import Iterator

from choreo.expression import Call, Const, ExpressionSyntax, Ident, Node, Select, children, free_names
from choreo.lint.scopes import Scope
from choreo.lint.survey import Survey
from choreo.lint.uses import Use, uses
from choreo.lint.wording import field_offset
from choreo.problem import Place, Problem, closest
from choreo.spec import END, TRIGGER, Expr, Spec


def expression_syntax(survey: Survey) -> Iterator[Problem]:
    """`expression-syntax`: an expression cannot be read.

    Expressions are CEL: `a.b == 'x' && c > 2`, `has(a.b)`, `list.exists(x, x.ok)`, `condition ? a : b`. A text in an
    expression stands in quotes.
    """
    for use in uses(survey):
        error = survey.tree(use.expr)
        if isinstance(error, ExpressionSyntax):
            yield Problem(
                _fault(use.expr, error.offset),
                "expression-syntax",
                f"this expression cannot be read: {error.message}",
                error.help,
            )


def _fault(expr: Expr, offset: int) -> Place:
    """The place of an error: within the text, and at a function's name rather than at its bracket."""
    offset = max(0, min(offset, len(expr.text) - 1))
    called = re.search(r"\w+\s*$", expr.text[:offset]) if expr.text[offset : offset + 1] == "(" else None
    return expr.at(offset if called is None else called.start())


def unknown_name(survey: Survey) -> Iterator[Problem]:
    """`unknown-name`: an expression uses a name that means nothing where it stands.

    On handoffs and in the result: `trigger`, each role and touchpoint by its name, `visits.ROLE`, `confidence.ROLE`,
    `run.id`; on a handoff also `out`, what its source gave. At a touchpoint `payload` in place of `out`. Inside a role
    (prompt, `set`, arguments of a command): `input`, `previous`, `feedback`, `run.id` and nothing else: what a role may
    know is what was handed to it.
    """
    for use in uses(survey):
        tree = survey.tree(use.expr)
        if isinstance(tree, ExpressionSyntax):
            continue
        for ident in free_names(tree):
            if not use.scope.sees(ident.name, survey.spec):
                yield _unknown(ident.name, use.expr.at(ident.offset), use.scope, survey.spec)
        if use.scope.outside and ("visits" in use.expr.text or "confidence" in use.expr.text):
            yield from _unknown_counts(tree, use, survey)


def _unknown(name: str, place: Place, scope: Scope, spec: Spec) -> Problem:
    return Problem(place, "unknown-name", f"there is no `{name}` here", _help(name, scope, spec))


def _help(name: str, scope: Scope, spec: Spec) -> str:
    if not scope.outside and (name in spec.roles or name == TRIGGER or name in spec.touchpoints):
        return _handed_over(name, scope, spec)
    if name in _ELSEWHERE.get(scope.where, {}):
        return _ELSEWHERE[scope.where][name]
    if name in ("item", "index", "failures"):
        return {
            "item": "`item` is the element of a lane: it is known in the `pass` of a handoff with `each` and behind it",
            "index": "`index` is the place of a lane: it is known in the `pass` of a handoff with `each` and behind it",
            "failures": "`failures` is known on a handoff with `gather` only",
        }[name]
    known = scope.names(spec)
    near = closest(name, known)
    if near is not None:
        return f"did you mean `{near}`? {_listed(known)}"
    return f"{_listed(known)}; a text stands in quotes: '{name}'"


def _handed_over(name: str, scope: Scope, spec: Spec) -> str:
    role = scope.role.name if scope.role is not None else "ROLE"
    if scope.where == "trigger":
        return "before a run starts there is only `trigger`" if name != TRIGGER else ""
    if scope.tool is not None:
        return f"a tool sees only the arguments of its call (`input`): let the model hand `{name}` over"
    sides = ", ".join(f"`{own}`" for own in scope.own)
    return (
        f"a role sees only what was handed to it ({sides}): write `pass: {{{name}: {name}}}` on the handoff to "
        f"`{role}`, and here `input.{name}`"
    )


_ELSEWHERE = {
    "handoff": {
        "input": "a role's input is known inside the role only; here `out` is what it gave",
        "payload": "`payload` is known at a touchpoint only; here `out` is what the source gave",
        "result": f"the result is made at `{END}`; name the role that gives it",
        "previous": "`previous` is known inside a role only; here a role's name is its latest output",
        "feedback": "`feedback` is known inside a role only",
    },
    "touchpoint": {
        "out": "at a touchpoint it is `payload`: exactly what the receiver will get",
        "input": "at a touchpoint it is `payload`: exactly what the receiver will get",
    },
    "result": {"out": "several handoffs may lead to `end`: name the role whose output is meant"},
    "role": {
        "out": "`out` is what a role gave; inside the role there is only its `input`",
        "payload": "inside a role it is `input`",
    },
}
_ELSEWHERE["prompt"] = {
    **_ELSEWHERE["role"],
    "trigger": "a prompt sees only what its role was handed: here it is `input`",
}


def _listed(known: tuple[str, ...]) -> str:
    return "what exists here: " + ", ".join(known[:16]) + (", ..." if len(known) > 16 else "")


def _unknown_counts(tree: Node, use: Use, survey: Survey) -> Iterator[Problem]:
    """`visits.X` and `confidence.X` where X is no role."""
    for owner, field, node in _counts(tree):
        if field not in survey.spec.roles:
            known = tuple(survey.spec.roles)
            near = closest(field, known)
            help = f"did you mean `{owner}.{near}`?" if near else f"the roles: {', '.join(known[:16])}"
            place = use.expr.at(field_offset(use.expr.text, node))
            yield Problem(place, "unknown-name", f"`{owner}.{field}`: there is no role `{field}`", help)


def _counts(tree: Node) -> Iterator[tuple[str, str, Node]]:
    """Each `visits.X`, `confidence.X` (or with `[]`): the owner, X, and the part of the tree."""
    ahead = [tree]
    while ahead:
        node = ahead.pop()
        ahead.extend(children(node))
        match node:
            case Select(operand=Ident(name="visits" | "confidence" as owner), field=field):
                yield owner, field, node
            case Call(
                function="_[_]", args=(Ident(name="visits" | "confidence" as owner), Const(kind="string") as key)
            ):
                yield owner, key.value, node
