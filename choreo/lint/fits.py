"""Whether what is handed over is what the receiver accepts, as far as types can tell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from choreo.lint.operators import group
from choreo.lint.schemas import declared_fields, field_of, is_closed, item_of, required_fields
from choreo.lint.types import NUMBERS, Alt, Type
from choreo.lint.wording import KINDS, LISTED, described, listed, receiver, shown
from choreo.problem import closest

_DEEPEST = 8


class Misfit(Struct, frozen=True):
    """What does not fit: `sure` where it never can, else where some values do not. `wanted` refuses `given`."""

    code: str
    message: str
    wanted: Type | Alt
    given: Type | Alt
    sure: bool = True
    help: str = ""
    field: str = ""
    """The field of `given` that it is about."""

    @property
    def refusing(self) -> tuple[str, ...]:
        """The keywords of the receiver's contract that refuse it."""
        return _REFUSING.get(self.code, KINDS)

    @property
    def giving(self) -> tuple[str, ...]:
        """The keywords of the sender's contract that bring it about."""
        return _GIVING.get(self.code, KINDS)


_REFUSING = {
    "missing-field": ("required",),
    "extra-field": ("additionalProperties", "properties"),
    "unknown-value": LISTED,
}
_GIVING = {"missing-field": ("properties", "type"), "extra-field": ("properties",), "unknown-value": LISTED}


def misfits(given: Type, wanted: Type, what: str, depth: int = 0) -> Iterator[Misfit]:
    """`what` names the value in messages. Nothing where a side is not known, or where both are one and the same."""
    if not given.alts or not wanted.alts or depth > _DEEPEST or _same(given, wanted):
        return
    accepted = {group(alt.kind) for alt in wanted.alts}
    alien = [alt for alt in given.alts if group(alt.kind) not in accepted]
    if len(alien) == len(given.alts):
        code = "maybe-null" if given.only_null else "type-clash"
        yield Misfit(
            code, f"{what} is {described(given)}, and {receiver(wanted)} wants {described(wanted)}", wanted, given
        )
        return
    for alt in alien:
        kind = described(Type((alt,)))
        code = "maybe-null" if alt.kind == "null" else "type-clash"
        message = f"{what} may be {kind}, and {receiver(wanted)} does not take {kind}"
        yield Misfit(code, message, wanted, given, sure=False)
    yield from _fractions(given, wanted, what)
    yield from _values(given, wanted, what)
    yield from _inside(given, wanted, what, depth)


def _same(given: Type, wanted: Type) -> bool:
    own = [(part.contract.digest, part.pointer) for part in given.parts]
    return bool(own) and own == [(part.contract.digest, part.pointer) for part in wanted.parts] and given == wanted


def _fractions(given: Type, wanted: Type, what: str) -> Iterator[Misfit]:
    numbers = {alt.kind for alt in wanted.alts or () if alt.kind in NUMBERS and alt.values is None}
    mine = {alt.kind for alt in given.alts or () if alt.kind in NUMBERS and alt.values is None}
    if numbers == {"int"} and mine & {"number", "double"}:
        message = f"{what} may have decimals, and {receiver(wanted)} wants a whole number"
        yield Misfit(
            "type-clash", message, wanted, given, sure=False, help="make it whole: `int(x)`, or accept a number"
        )


def _values(given: Type, wanted: Type, what: str) -> Iterator[Misfit]:
    """Values that the receiver does not list, among those that the sender lists."""
    accepted = {group(alt.kind) for alt in wanted.alts or ()}
    alts = [alt for alt in given.alts or () if group(alt.kind) in accepted]
    listing = {group(alt.kind): _listing(wanted, group(alt.kind)) for alt in alts}
    mine = [(alt, value) for alt in alts for value in alt.values or ()]
    outside = [value for alt, value in mine if not _allowed(value, listing[group(alt.kind)])]
    if not outside or any(group(alt.kind) == "null" for alt, value in mine if value in outside):
        outside = [value for value in outside if value is not None]
    if not outside:
        return
    takes = tuple(value for values in listing.values() for value in values or ())
    every = given.values is not None and len(outside) == len([value for _, value in mine if value is not None])
    refused = listed(tuple(outside), 6)
    which = "" if refused == what else f", which {what} {'is' if every else 'can be'}"
    message = f"{receiver(wanted)} does not take {refused}{which}"
    yield Misfit("unknown-value", message, wanted, given, sure=every, help=_proposed(outside, takes))


def _proposed(outside: list[Any], takes: tuple[Any, ...]) -> str:
    """What was perhaps meant by the one value that is refused, and all that is taken."""
    texts = [one for one in takes if isinstance(one, str)]
    near = closest(outside[0], texts) if len(outside) == 1 and isinstance(outside[0], str) else None
    return (f"did you mean {shown(near)}? " if near else "") + f"it takes: {listed(takes)}"


def _listing(kind: Type, wanted: str) -> tuple[Any, ...] | None:
    """All values of one group that a type lists; None where it takes any."""
    alts = [alt for alt in kind.alts or () if group(alt.kind) == wanted]
    if any(alt.values is None for alt in alts):
        return None
    return tuple(value for alt in alts for value in alt.values or ())


def _allowed(value: Any, listing: tuple[Any, ...] | None) -> bool:
    return listing is None or any(value == one and isinstance(value, bool) == isinstance(one, bool) for one in listing)


def _inside(given: Type, wanted: Type, what: str, depth: int) -> Iterator[Misfit]:
    for kind in ("object", "list"):
        mine = [alt for alt in given.alts or () if alt.kind == kind]
        theirs = [alt for alt in wanted.alts or () if alt.kind == kind]
        if len(mine) != 1 or len(theirs) != 1:
            continue
        if kind == "list":
            inner = f"an element of {what}" if depth == 0 else what
            yield from misfits(item_of(mine[0]), item_of(theirs[0]), inner, depth + 1)
        else:
            yield from object_misfits(mine[0], theirs[0], what, depth)


def object_misfits(given: Alt, wanted: Alt, what: str, depth: int = 0) -> Iterator[Misfit]:
    known = declared_fields(given)
    if not known and not is_closed(given):
        return
    for name in required_fields(wanted):
        if name not in known:
            if field_of(given, name) is None:
                yield missing(name, wanted, given, what)
        else:
            mine = field_of(given, name)
            if mine is not None and not mine.required:
                message = f"`{name}` may be missing in {what}, and {receiver(wanted)} requires it"
                yield Misfit("missing-field", message, wanted, given, sure=False, field=name)
    for name in known:
        mine, theirs = field_of(given, name), field_of(wanted, name)
        if mine is None:
            continue
        if theirs is not None:
            yield from misfits(
                mine.type, theirs.type, f"{what[:-1]}.{name}`" if what.endswith("`") else f"`{name}`", depth + 1
            )
        elif is_closed(wanted) and mine.required:
            yield extra(name, wanted, given)


def missing(name: str, wanted: Alt, given: Alt, what: str, near: str | None = None) -> Misfit:
    """`near` is a field that was perhaps meant to be it."""
    message = f"{receiver(wanted)} requires `{name}`, and {what} does not have it"
    help = f"did you mean `{name}` where it says `{near}`?" if near else f"add `{name}`"
    return Misfit("missing-field", message, wanted, given, help=help, field=near or "")


def extra(name: str, wanted: Alt, given: Alt) -> Misfit:
    fields = ", ".join(declared_fields(wanted)[:16])
    message = f"{receiver(wanted)} takes no field `{name}`"
    help = f"its fields: {fields}" if fields else "it has no fields"
    return Misfit("extra-field", message, wanted, given, help=help, field=name)
