"""Conditions over values that can be listed: tried case by case."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from choreo.expression import Call, Const, ListOf, Node, children
from choreo.lint.facts import Path, path_of
from choreo.lint.types import Type
from choreo.lint.wording import shown

Case = Mapping[Path, Any]
MOST = 1024
"""Cases that are tried; where there are more nothing is said."""


class Within(float):
    """A number that stands for all numbers between two that are named: it is larger or smaller than those as they are,
    and equal to nothing that is named.
    """


OTHER: Any = object()
"""Any value that is not named."""


def subjects(nodes: list[Node], type_of: Callable[[Path], Type]) -> dict[Path, tuple[Any, ...]]:
    """The paths in conditions whose values can all be listed, each with its values."""
    found: dict[Path, tuple[Any, ...]] = {}
    for path in (path for node in nodes for path in paths(node)):
        values = None if path in found else type_of(path).values
        if values:
            found[path] = tuple(dict.fromkeys(values)) if _hashable(values) else values
    return found


def paths(node: Node) -> Iterator[Path]:
    """The paths that a condition reads."""
    path = path_of(node)
    if path is not None:
        yield path
        return
    for part in children(node):
        yield from paths(part)


def cases(domain: Mapping[Path, tuple[Any, ...]]) -> Iterator[Case]:
    """Every combination of values; nothing where they are too many, or where there is nothing to combine."""
    size = 1
    for values in domain.values():
        size *= len(values)
    if domain and size <= MOST:
        for chosen in product(*domain.values()):
            yield dict(zip(domain, chosen, strict=True))


def holds(node: Node, case: Case) -> bool | None:
    """Whether a condition is true in a case; None where the case does not tell."""
    match node:
        case Const(kind="bool", value=value):
            return bool(value)
        case Call(function="!_", args=(inner,)):
            found = holds(inner, case)
            return None if found is None else not found
        case Call(function="_&&_" | "_||_" as sign, args=(left, right)):
            decisive = sign == "_||_"
            sides = (holds(left, case), holds(right, case))
            return decisive if decisive in sides else None if None in sides else not decisive
        case Call(function="_==_" | "_!=_" as sign, args=(left, right)):
            same = _equal(left, right, case)
            return None if same is None else same is (sign == "_==_")
        case Call(function="_<_" | "_<=_" | "_>_" | "_>=_" as sign, args=(left, right)):
            return _ordered(sign, left, right, case)
        case Call(function="@in", args=(element, ListOf(items=items))):
            found_in = [_equal(element, item, case) for item in items]
            return True if True in found_in else None if None in found_in else False
        case _:
            value = _value(node, case)
            return value if isinstance(value, bool) else None


_UNKNOWN = object()


def _value(node: Node, case: Case) -> Any:
    if isinstance(node, Const) and node.kind in ("null", "bool", "int", "double", "string"):
        return node.value
    path = path_of(node)
    return case.get(path, _UNKNOWN) if path is not None else _UNKNOWN


def _equal(left: Node, right: Node, case: Case) -> bool | None:
    one, other = _value(left, case), _value(right, case)
    if one is _UNKNOWN or other is _UNKNOWN:
        return None
    if _is_vague(one) or _is_vague(other):
        return False if isinstance(left, Const) or isinstance(right, Const) else None
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _is_vague(value: Any) -> bool:
    """Whether a value stands for many."""
    return value is OTHER or isinstance(value, Within)


_ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "_<_": operator.lt,
    "_<=_": operator.le,
    "_>_": operator.gt,
    "_>=_": operator.ge,
}


def _ordered(sign: str, left: Node, right: Node, case: Case) -> bool | None:
    one, other = _value(left, case), _value(right, case)
    if (_is_vague(one) or _is_vague(other)) and not (isinstance(left, Const) or isinstance(right, Const)):
        return None
    numbers = all(isinstance(side, int | float) and not isinstance(side, bool) for side in (one, other))
    texts = isinstance(one, str) and isinstance(other, str)
    return _ORDERS[sign](one, other) if numbers or texts else None


def _hashable(values: tuple[Any, ...]) -> bool:
    return all(isinstance(value, str | bool | int | float | None) for value in values)


def told(found: list[Case], most: int = 6) -> str:
    """Cases in words, without what makes no difference to them."""
    told_cases = _essential(found)
    shown_cases = [
        " and ".join(f"{'.'.join(path)} is {shown(value)}" for path, value in one.items()) for one in told_cases
    ]
    return "; ".join(shown_cases[:most]) + (f"; and {len(told_cases) - most} more" if len(told_cases) > most else "")


def _essential(found: Sequence[Case]) -> Sequence[Case]:
    """The cases without the paths that take each of their values in every one of them."""
    for path in list(found[0]) if len(found) > 1 else []:
        rest = [{key: value for key, value in one.items() if key != path} for one in found]
        shorter = [one for place, one in enumerate(rest) if one not in rest[:place]]
        values = {repr(one[path]) for one in found}
        if shorter[0] and len(values) > 1 and len(shorter) * len(values) == len(found):
            return _essential(shorter)
    return found
