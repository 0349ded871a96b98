"""A question on the screen: why, facts, what is shown, the sender's input, the payload, warnings.

Everything that is cut is cut openly, and `Drawn` says what a person has not seen yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from choreo.canonical import Payload
from choreo.gates.base import Question
from choreo.gates.console import Console
from choreo.gates.layout import Cut, Row, amount_of, cut, exact_rows, reading_rows
from choreo.render.text import columns, is_hidden, one_line, wrap

_SIDE_ROWS = 14
_PAYLOAD_ROWS = 40


@dataclass(frozen=True, slots=True)
class Part:
    """One payload on the screen, cut at `rows`. `exact`: `v` shows its bytes too; `main`: the answer is about it.

    `by_form`: on the screen of a form, whose commands begin with a colon.
    """

    title: str
    payload: Payload
    rows: int
    exact: bool = False
    main: bool = False
    by_form: bool = False


@dataclass(frozen=True, slots=True)
class Drawn:
    """What was drawn: the parts, and a sentence for each that was cut."""

    parts: tuple[Part, ...]
    hidden: tuple[str, ...] = ()


def draw(console: Console, question: Question, by: str) -> Drawn:
    """Draw the whole question, as `by` is asked it, but not its warnings and prompt."""
    console.rule(f"{question.name}: a person decides" if question.kind == "approve" else question.name)
    console.quote(question.ask, "bold")
    whom = f" for {question.who}" if question.who else ""
    console.say(f"run {question.run}, question {question.number}{whom}; you answer as {by}", "dim")
    if question.why:
        console.head("Why you are asked")
        for sentence in question.why:
            console.say(sentence, mark="  - ")
    if question.facts:
        console.head("Facts")
        _facts(console, question.facts)
    parts = tuple(parts_of(question))
    return Drawn(parts, tuple(sentence for part in _once(console, parts) for sentence in draw_part(console, part)))


def _once(console: Console, parts: tuple[Part, ...]) -> Iterator[Part]:
    """The parts to lay out: one whose bytes stand above already is named, not repeated."""
    above: dict[bytes, str] = {}
    for part in parts[:-1]:
        if part.payload.data in above:
            console.head(part.title, _stamp(part))
            console.say(f"the same bytes as `{above[part.payload.data]}` above", mark="  ")
            continue
        above[part.payload.data] = part.title
        yield part
    yield from parts[-1:]


def parts_of(question: Question) -> Iterator[Part]:
    """The payloads of a question in screen order; the one that the answer is about comes last."""
    for label, shown in question.shows:
        yield Part(f"{label}", shown, _SIDE_ROWS)
    if question.sender_input is not None:
        sender = question.sender or "the sender"
        yield Part(f"What {sender} was given (its stored input)", question.sender_input, _SIDE_ROWS, exact=True)
    yield payload_part(question, question.payload)


def payload_part(question: Question, payload: Payload, edited: bool = False) -> Part:
    """The payload that the answer is about."""
    under = f" ({question.contract})" if question.contract else ""
    titles = {
        "approve": f"What {question.receiver or 'the receiver'} gets if you approve{under}",
        "fill": f"What {question.name} was given",
        "in_doubt": f"What {question.name} was given; whether it took effect is unknown",
    }
    title = titles[question.kind] + (", as you edited it" if edited else "")
    return Part(title, payload, _PAYLOAD_ROWS, exact=True, main=True, by_form=question.kind == "fill")


def draw_part(console: Console, part: Part) -> list[str]:
    """Draw one payload; a sentence if some of it is hidden."""
    found = cut(reading_rows(_read(part.payload), console.look.page), part.rows, console.look.page)
    console.head(part.title, "" if part.main else _stamp(part))
    console.rows(found.rows)
    if part.main:
        size = amount_of(len(part.payload.data))
        key = ":v" if part.by_form else "v"
        console.say(f"{size}, laid out for reading; {key} shows the exact bytes as well", "dim")
        console.say(part.payload.digest, "dim")
    if not found.hidden:
        return []
    return [f"{part.title}: {_cut_sentence(found, part.payload)}"]


def _cut_sentence(found: Cut, payload: Payload) -> str:
    total = f"more than {found.total - 1:,}" if found.more else f"{found.total:,}"
    fields = f", cut: {', '.join(found.fields[:8])}" if found.fields else ""
    fields += ", ..." if len(found.fields) > 8 else ""
    shown = found.total - found.hidden
    return f"showing {shown:,} of {total} lines, {amount_of(len(payload.data))}{fields}. [v]iew all"


def _stamp(part: Part) -> str:
    return f"{amount_of(len(part.payload.data))}, {part.payload.digest[:19]}"


def _read(payload: Payload) -> Any:
    """The value read from the very bytes that are hashed, not the one they were made from."""
    return Payload(payload.data).value


def _facts(console: Console, facts: tuple[tuple[str, str], ...]) -> None:
    plain = console.look.ascii_only
    widest = min(max(columns(one_line(label, ascii_only=plain)) for label, _ in facts), console.look.width // 3)
    for label, value in facts:
        safe = one_line(label, ascii_only=plain)
        console.say(value, mark=f"  {safe}{' ' * max(0, widest - columns(safe))}  ")


# -- what is said just above the prompt ----------------------------------------------------------


def warnings(question: Question, payload: Payload, hidden: tuple[str, ...]) -> Iterator[str]:
    """What a person must know last: what is hidden, and what does not print."""
    yield from hidden
    odd = sum(1 for text in _texts(payload.value) if _is_odd(text))
    if odd:
        texts = "1 text in it holds" if odd == 1 else f"{odd:,} texts in it hold"
        yield texts + r" characters that do not print; they are shown as \x.. or \u...."
    if question.stakes == "high" and question.kind == "approve":
        yield "High stakes" + (": approve is refused until you saw all of it with v." if hidden else ".")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)


def _is_odd(text: str) -> bool:
    plain = text.isascii() and text.isprintable()
    return not plain and any(is_hidden(char) and char not in "\r\ufe0f" for char in text)


# -- all of it -----------------------------------------------------------------------------------


def view_all(console: Console, parts: tuple[Part, ...]) -> bool:
    """Show everything, page by page, with the exact bytes. True when it was shown to the end."""
    left = console.look.height - 2
    for row in _everything(console, parts):
        if left <= 0:
            word = _turn(console)
            if word == "q":
                return False
            left = 1_000_000_000 if word == "all" else console.look.height - 2
        if isinstance(row, str):
            console.head(row)
            left -= 2
        else:
            console.rows([row])
            left -= 1
    return True


def _everything(console: Console, parts: tuple[Part, ...]) -> Iterator[Row | str]:
    page = console.look.page
    for part in parts:
        yield part.title
        yield from reading_rows(_read(part.payload), page)
        stamp = f"{amount_of(len(part.payload.data))}, {part.payload.digest}"
        if part.exact:
            yield f"The exact bytes: {stamp}"
            yield from exact_rows(part.payload.data, page)
        else:
            yield from (Row(row) for row in wrap(stamp, page.width))


def _turn(console: Console) -> str:
    while True:
        word = console.line("-- Enter: more, all: the rest, q: back --").decode("utf-8", "replace").strip().lower()
        if word in ("", "all", "q"):
            return word
