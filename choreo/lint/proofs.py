"""Payloads whose types fit: whether the receiver accepts every one of them, and what nobody can tell before a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from choreo.lint.covered import covers, demands_unmet
from choreo.lint.inclusion import Answer, Inclusion
from choreo.lint.schemas import field_of, item_of
from choreo.lint.types import Type
from choreo.lint.wording import origin, receiver, shown
from choreo.problem import Place, Problem
from choreo.spec import Fields, Form

_LONGEST = 60


class Value(Struct, frozen=True):
    """What is given at one place: its type, and what to call it."""

    type: Type
    name: str
    place: Place


class Proofs:
    """The proofs for one payload. `value` says what a form, or a part of one, gives."""

    def __init__(self, inclusion: Inclusion, value: Callable[[Form], Value]) -> None:
        self.inclusion = inclusion
        self.value = value
        self.open: list[tuple[Value, Type, Answer]] = []

    def form(self, form: Form, wanted: Type) -> Iterator[Problem]:
        """What of a form its receiver may refuse, key by key; then, as one advice, what cannot be told."""
        if wanted.alts or wanted.parts:
            yield from self._form(form, wanted)
            yield from self.advice()

    def given(self, value: Value, wanted: Type) -> Iterator[Problem]:
        """The same of a value that is handed over as it is."""
        yield from self._value(value, wanted)
        yield from self.advice()

    def _form(self, form: Form, wanted: Type, called: str = "") -> Iterator[Problem]:
        whole = self.value(form)
        if called and not whole.name.startswith("`"):
            whole = replace(whole, name=f"`{called}`")
        if covers(wanted, whole.type):
            return
        objects = [alt for alt in wanted.alts or () if alt.kind == "object"]
        if not isinstance(form, Fields) or len(objects) != 1:
            yield from self._value(whole, wanted)
            return
        before, found = len(self.open), False
        for key, _, part in form.entries:
            theirs = field_of(objects[0], key)
            for problem in self._form(part, theirs.type, key) if theirs is not None else ():
                found = True
                yield problem
        (mine,) = whole.type.alts or ()
        if not found and len(self.open) == before and demands_unmet(objects[0], mine):
            yield from self._value(whole, wanted)

    def _value(self, value: Value, wanted: Type) -> Iterator[Problem]:
        answer = self.inclusion.of(value.type, wanted)
        if answer.verdict == "refused":
            yield refused(value, wanted, answer)
        elif answer.verdict == "undecided":
            self.open.append((value, wanted, answer))

    def advice(self) -> Iterator[Problem]:
        if not self.open:
            return
        value, wanted, answer = self.open[0]
        told = [f"{value.name}{_why(answer)}" for value, _, answer in self.open[:6]]
        more = f", and {len(self.open) - 6} more" if len(self.open) > 6 else ""
        message = f"it cannot be told before a run whether {receiver(wanted)} accepts {', '.join(told)}{more}"
        help = "the receiver checks it at run time; a narrower sender or a wider receiver is decided here"
        also = origin(wanted, "(what is accepted)", answer.rule)
        yield Problem(value.place, "cannot-be-decided", message, help, "advice", also)


def _why(answer: Answer) -> str:
    rule = f"`{answer.rule}`: " if answer.rule else ""
    return f"{f' at {answer.pointer}' if answer.pointer else ''} ({rule}{answer.reason})"


def refused(value: Value, wanted: Type, answer: Answer) -> Problem:
    """The finding that a receiver refuses a value, or some of those that it can be."""
    theirs, mine = below(wanted, answer.pointer), below(value.type, answer.pointer)
    message = f"{receiver(wanted)} refuses {value.name}: {answer.reason}"
    if not answer.every:
        example = f"such as {_short(answer.value)}: {answer.reason}"
        message = f"{receiver(wanted)} does not take all that {value.name} can be, {example}"
    also = origin(theirs, "(what is accepted)", answer.rule) + origin(mine, "(what is given)", answer.rule)
    help = "narrow it in the sender's contract, or accept it"
    return Problem(value.place, "refused-value", message, help, "error" if answer.every else "warning", also)


def _short(value: Any) -> str:
    text = shown(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]} ..."


def below(kind: Type, pointer: str) -> Type:
    """The type of a part of a value, as far as the type says."""
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        for alt in kind.alts or ():
            field = field_of(alt, name) if alt.kind == "object" else None
            below = field.type if field is not None else item_of(alt) if alt.kind == "list" else None
            if below is not None and below.parts:
                kind = below
                break
        else:
            return kind
    return kind
