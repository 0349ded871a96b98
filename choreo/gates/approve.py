"""May this exact payload go to its receiver? The conversation of a touchpoint."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from choreo.canonical import Payload
from choreo.gates.base import Answer, Parked, Question
from choreo.gates.diff import diff_rows
from choreo.gates.editor import GivenUp, edit
from choreo.gates.fields import contract_notes
from choreo.gates.layout import amount_of, cut
from choreo.gates.screen import Part, draw, draw_part, payload_part, view_all, warnings
from choreo.gates.sitting import LABELS, WORDS, Sitting

_DIFF_ROWS = 60


@dataclass(frozen=True)
class _Shown:
    """What stands on the screen: the payload an approval would send, and what of it is hidden."""

    payload: Payload
    parts: tuple[Part, ...]
    hidden: tuple[str, ...]
    edited: bool = False


def approve(sitting: Sitting) -> Answer | Parked:
    """Ask until a choice that ends the conversation was made."""
    drawn = draw(sitting.console, sitting.question, sitting.by)
    shown = _Shown(sitting.question.payload, drawn.parts, drawn.hidden)
    while True:
        _warn(sitting, shown)
        word = sitting.choose(tuple(_choices(sitting.question, shown)), _confirm(sitting.question))
        if word == "approve":
            if _may_go(sitting, shown):
                return _approved(sitting, shown)
        elif word == "reject":
            reason = _reason(sitting)
            if reason:
                return sitting.answer("reject", reason=reason)
        elif word == "edit":
            shown = _edited(sitting, shown)
        elif word == "view":
            shown = _viewed(sitting, shown)
        else:
            return sitting.parked(word)


def _choices(question: Question, shown: _Shown) -> Iterator[str]:
    if "approve" in question.may or shown.edited:
        yield "approve"
    if "reject" in question.may:
        yield "reject"
    if "edit" in question.may:
        yield "edit"
    yield from ("view", "skip", "quit")


def _confirm(question: Question) -> str | None:
    """What must be typed to approve where the stakes are high; never a word that means something else."""
    if question.stakes != "high":
        return None
    taken = question.name in WORDS or question.name in LABELS
    return f"approve {question.name}" if taken else question.name


def _warn(sitting: Sitting, shown: _Shown) -> None:
    sitting.console.say()
    mark = "!! " if sitting.question.stakes == "high" else "! "
    for sentence in warnings(sitting.question, shown.payload, shown.hidden):
        sitting.console.say(sentence, "danger" if sitting.question.stakes == "high" else "warn", mark)


def _may_go(sitting: Sitting, shown: _Shown) -> bool:
    if sitting.question.stakes == "high" and shown.hidden:
        sitting.console.say("Not approved: part of it was not shown yet. Type v to see all of it.", "danger")
        return False
    return True


def _approved(sitting: Sitting, shown: _Shown) -> Answer:
    if shown.edited:
        return sitting.answer("edit", shown.payload)
    return sitting.answer("approve")


def _reason(sitting: Sitting) -> str:
    reason = (sitting.console.ask("Reason (one line):") or "").strip()
    if not reason:
        sitting.console.say("A rejection needs a reason: nothing was decided.", "warn")
    return reason


def _viewed(sitting: Sitting, shown: _Shown) -> _Shown:
    if view_all(sitting.console, shown.parts):
        return _Shown(shown.payload, shown.parts, (), shown.edited)
    sitting.console.say("Not shown to the end.", "warn")
    return shown


def _edited(sitting: Sitting, shown: _Shown) -> _Shown:
    """Edit what is on the screen; the difference to the original is drawn, then it is asked again."""
    console, question = sitting.console, sitting.question
    found = edit(console, shown.payload.value, _notes(question), sitting.check, question.name)
    if isinstance(found, GivenUp):
        kept = "your earlier edit is" if shown.edited else "the payload is"
        console.say(f"Edit given up: {found.why}; {kept} as it was.", "warn")
        return shown
    if found == question.payload:
        console.say("Edited back to the original.")
        return _Shown(found, shown.parts, shown.hidden)
    # What was hidden before the edit is still unseen: an edit is no way around looking.
    hidden = [
        *shown.hidden,
        *_draw_diff(sitting, found),
        *draw_part(console, payload_part(question, found, edited=True)),
    ]
    parts = (*shown.parts, payload_part(question, found, edited=True))
    return _Shown(found, parts, tuple(hidden), edited=True)


def _draw_diff(sitting: Sitting, edited: Payload) -> Iterator[str]:
    page = sitting.console.look.page
    found = cut(diff_rows(sitting.question.payload.value, edited.value, page), _DIFF_ROWS, page)
    sitting.console.head("What you changed")
    sitting.console.rows(found.rows)
    if found.hidden:
        yield f"What you changed: showing {found.total - found.hidden:,} of {found.total:,} lines. [v]iew all"


def _notes(question: Question) -> list[str]:
    """The header above the payload in the editor."""
    size = amount_of(len(question.payload.data))
    return [
        f"{question.name}: the payload for {question.receiver or 'the receiver'} ({size}), as JSON.",
        "Save and close to go on; it is checked, shown again, and only then can be approved.",
        "To give up: leave it unchanged, or empty. Lines that begin with # are ignored.",
        *contract_notes(question.contract, question.schema),
    ]
