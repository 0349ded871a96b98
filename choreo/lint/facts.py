"""What is known to have a value once a condition is true, or once it is false."""

from __future__ import annotations

from choreo.expression import Call, Comprehension, Const, Node, Select, chain, children

Path = tuple[str, ...]
Facts = frozenset[Path]
"""Paths (`pay`, `read.order_id`) that are not null; with an empty name first, paths that are there, be they null."""

NOTHING: Facts = frozenset()


def facts(node: Node, truth: bool) -> Facts:
    """The paths that have a value where `node` gave `truth`."""
    match node:
        case Call(function="!_", args=(inner,)):
            return facts(inner, not truth)
        case Call(function="_&&_" | "_||_" as operator, args=(left, right)):
            both = truth is (operator == "_&&_")
            some, others = facts(left, truth), facts(right, truth)
            return some | others if both else some & others
        case Call(function="_==_" | "_!=_" as operator, args=(left, right)):
            same = truth is (operator == "_==_")
            return read(left) | read(right) | _equal(left, right, same) | _equal(right, left, same)
        case Select(test_only=True, operand=operand, field=field):
            path = path_of(operand)
            found = NOTHING if path is None or not truth else frozenset([there((*path, field))])
            return read(operand) | found | _itself(operand)
        case Call(function="@in", args=(element, _)) if truth and not _is_null_list(node):
            return read(node) | _itself(element)
        case _:
            return read(node)


def _equal(one: Node, other: Node, same: bool) -> Facts:
    """What follows for `one` where it is equal, or is not, to `other`."""
    null = isinstance(other, Const) and other.kind == "null"
    constant = isinstance(other, Const) and other.kind != "null"
    return _itself(one) if (null and not same) or (constant and same) else NOTHING


def _itself(node: Node) -> Facts:
    path = path_of(node)
    return NOTHING if path is None else frozenset(_valued(path))


def _is_null_list(node: Call) -> bool:
    return any(isinstance(part, Const) and part.kind == "null" for part in children(node.args[1]))


def read(node: Node) -> Facts:
    """The paths that must have had a value for `node` to give any result at all."""
    found: set[Path] = set()
    ahead = [node]
    while ahead:
        one = ahead.pop()
        path = path_of(one)
        if path is not None:
            found.update((*_valued(path[:-1]), there(path)))
        elif not _skips(one):
            ahead.extend(children(one))
    return frozenset(found)


def _skips(node: Node) -> bool:
    """Whether some of a node's parts may not be evaluated, or are named by a macro's own variable."""
    if isinstance(node, Comprehension):
        return True
    return isinstance(node, Call) and node.function in ("_&&_", "_||_", "_?_:_")


def path_of(node: Node) -> Path | None:
    found = None if isinstance(node, Select) and node.test_only else chain(node)
    return None if found is None else (found[0].name, *found[1])


def there(path: Path) -> Path:
    """The fact that something stands at a path, be it null."""
    return ("", *path)


def _valued(path: Path) -> list[Path]:
    """The facts that a path and everything on the way to it are not null."""
    ways = [path[:size] for size in range(1, len(path) + 1)]
    return [*ways, *(there(way) for way in ways)]
