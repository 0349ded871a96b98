"""The one expression language: CEL, with plain paths copied as they are.

`compile_expression` for one expression, `compile_form` for what `pass`, `show`, `set` and
`result.pass` hold, `render_template` for texts with `{{ }}`, `parse` for the syntax tree.
"""

from choreo.expression.evaluate import Expression, compile_expression, described, evaluate_condition, pattern_fault
from choreo.expression.faults import ExpressionError, ExpressionSyntax
from choreo.expression.forms import CompiledForm, Scope, compile_form, render_template
from choreo.expression.names import reserved_name
from choreo.expression.syntax import (
    Call,
    Comprehension,
    Const,
    Ident,
    ListOf,
    MapOf,
    Node,
    Select,
    chain,
    children,
    free_names,
    parse,
)

__all__ = [
    "Call",
    "CompiledForm",
    "Comprehension",
    "Const",
    "Expression",
    "ExpressionError",
    "ExpressionSyntax",
    "Ident",
    "ListOf",
    "MapOf",
    "Node",
    "Scope",
    "Select",
    "chain",
    "children",
    "compile_expression",
    "compile_form",
    "described",
    "evaluate_condition",
    "free_names",
    "parse",
    "pattern_fault",
    "render_template",
    "reserved_name",
]
