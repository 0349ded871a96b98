"""Literals that stand in an expression: each is held against what its receiver takes, at its own place."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from choreo.expression import Call, Const, ListOf, MapOf, Node
from choreo.lint.fits import Misfit, misfits
from choreo.lint.inclusion import Answer, Inclusion
from choreo.lint.schemas import field_of, item_of
from choreo.lint.types import Alt, Kind, Type, literal
from choreo.lint.wording import named

Test = tuple[Node, bool]


class Misplaced(Struct, frozen=True):
    """A literal that its receiver never takes, as a type or a proof says."""

    node: Const
    kind: Type
    wanted: Type
    why: Misfit | Answer


def ends(node: Node, tests: tuple[Test, ...] = ()) -> Iterator[tuple[Node, tuple[Test, ...]]]:
    """What an expression may give: the ends of its `? :`, each with the tests that lead to it."""
    if isinstance(node, Call) and node.function == "_?_:_":
        test, yes, no = node.args
        yield from ends(yes, (*tests, (test, True)))
        yield from ends(no, (*tests, (test, False)))
    else:
        yield node, tests


def misplaced(node: Node, wanted: Type, inclusion: Inclusion) -> Iterator[Misplaced]:
    """The literals in what one end gives, a list or an object that is written out included."""
    match node:
        case Const(kind="bool" | "int" | "double" | "string", value=value):
            kind = literal(value)
            why = next(misfits(kind, wanted, named(node)), None) or _refused(kind, wanted, inclusion)
            if why is not None:
                yield Misplaced(node, kind, wanted, why)
        case MapOf(entries=entries):
            alt = _only(wanted, "object")
            for key, value in entries if alt is not None else ():
                theirs = field_of(alt, key.value) if isinstance(key, Const) and key.kind == "string" and alt else None
                if theirs is not None:
                    yield from _inside(value, theirs.type, inclusion)
        case ListOf(items=items):
            alt = _only(wanted, "list")
            for item in items if alt is not None else ():
                yield from _inside(item, item_of(alt) if alt else wanted, inclusion)


def _inside(node: Node, wanted: Type, inclusion: Inclusion) -> Iterator[Misplaced]:
    for end, _ in ends(node):
        yield from misplaced(end, wanted, inclusion)


def _only(wanted: Type, kind: Kind) -> Alt | None:
    found = [alt for alt in wanted.alts or () if alt.kind == kind]
    return found[0] if len(found) == 1 else None


def _refused(kind: Type, wanted: Type, inclusion: Inclusion) -> Answer | None:
    answer = inclusion.of(kind, wanted) if wanted.alts or wanted.parts else None
    return answer if answer is not None and answer.verdict == "refused" else None
