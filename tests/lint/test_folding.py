"""What is said never to come out so does not, on many values."""

from __future__ import annotations

import random

from choreo.contract import Contract
from choreo.expression import ExpressionError, compile_expression, parse
from choreo.lint.facts import Path
from choreo.lint.folding import never
from choreo.lint.schemas import field_of, of_contract
from choreo.lint.types import ANY, Type
from choreo.problem import Place

SCHEMA = {
    "type": "object",
    "required": ["n", "x", "s", "e", "b", "o"],
    "properties": {
        "n": {"type": "integer", "minimum": 0},
        "x": {"type": "number", "exclusiveMaximum": 4},
        "s": {"type": "string"},
        "e": {"enum": ["p", "q", None]},
        "b": {"type": "boolean"},
        "m": {"type": "integer"},
    },
}
VALUES = {
    "n": [0, 1, 2, 3, 4, 9],
    "x": [-1, 0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5],
    "s": ["", "p", "q", "r"],
    "e": ["p", "q", None],
    "b": [True, False],
    "o": [1, 2.5, "p", None, True, [], {}],
}
LITERALS = ["1", "2", "2.5", "3", "'p'", "'q'", "'z'", "null", "true"]
SIGNS = ["==", "!=", "<", "<=", ">", ">="]


def type_of(path: Path) -> Type:
    (alt,) = of_contract(Contract("c", "1.0.0", SCHEMA, "sha256:0", Place("c.json"))).alts or ()
    field = field_of(alt, path[1]) if len(path) == 2 else None
    return ANY if field is None or not field.required else field.type


def condition(chance: random.Random, depth: int) -> str:
    if depth and chance.random() < 0.7:
        sign = chance.choice(["&&", "&&", "||"])
        return f"({condition(chance, depth - 1)} {sign} {condition(chance, depth - 1)})"
    left, right = f"i.{chance.choice('nxsebo')}", chance.choice([*LITERALS, *LITERALS, f"i.{chance.choice('nxsebo')}"])
    if chance.random() < 0.15:
        text = f"{left} in [{chance.choice(LITERALS)}, {chance.choice(LITERALS)}]"
    else:
        text = f"{left} {chance.choice(SIGNS)} {right}" if chance.random() < 0.8 else f"{right} == {left}"
    return f"!({text})" if chance.random() < 0.2 else text


def test_what_never_comes_out_so_never_does() -> None:
    chance = random.Random(7)
    found = 0
    for _ in range(1500):
        text, truth = condition(chance, 2), chance.random() < 0.7
        if never([(parse(text), truth)], type_of):
            found += 1
            for _ in range(60):
                given = {name: chance.choice(values) for name, values in VALUES.items()}
                try:
                    assert compile_expression(text).evaluate({"i": given}) is not truth, (text, given)
                except ExpressionError:
                    continue
    assert found > 50
