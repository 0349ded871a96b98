"""A person fills in a contract: field by field, or as a whole in the editor."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Literal

from choreo.canonical import NotData, Payload
from choreo.gates.base import Answer, Parked
from choreo.gates.editor import GivenUp, edit
from choreo.gates.fields import Field, Unreadable, concerns, contract_notes, fields_asked, fields_of, parse
from choreo.gates.screen import Part, draw, view_all
from choreo.gates.sitting import Sitting

_Command = Literal["edit", "skip", "quit", "back", "rest"]
_COMMANDS: dict[str, _Command] = {":e": "edit", ":s": "skip", ":q": "quit", ":b": "back", ":r": "rest"}
_COMMANDS_TEXT = (
    ":b goes back, :r leaves the rest as it is, :e opens the whole form in your editor, :v shows everything above in "
    "full, :s skips for later, :q quits."
)


class _Said(Exception):
    """A command was typed in place of a value."""

    def __init__(self, command: _Command) -> None:
        super().__init__(command)
        self.command = command


@dataclass
class _Form:
    """The answer so far. `value` is None until a field, or the editor, gave one.

    With `asked` the fields are questions, and the answer is a list with an entry for each.
    """

    fields: tuple[Field, ...]
    parts: tuple[Part, ...]
    values: dict[str, Any] = field(default_factory=dict)
    whole: Any = None
    asked: bool = False

    @property
    def by_field(self) -> bool:
        return self.asked or not self.fields[0].whole

    @property
    def value(self) -> Any:
        return self.with_values(self.values) if self.by_field else self.whole

    def with_values(self, values: dict[str, Any]) -> Any:
        """The answer that these values of the fields make."""
        if not self.asked:
            return values
        return {"answers": [{"question": part.text, "answer": values.get(part.name) or None} for part in self.fields]}

    def taking(self, part: Field, value: Any) -> Any:
        """The answer with a new value for one field."""
        return value if part.whole else self.with_values({**self.values, part.name: value})

    def take(self, part: Field, value: Any) -> None:
        if part.whole:
            self.whole = value
        else:
            self.values[part.name] = value

    def put(self, value: Any) -> None:
        """Take a whole value over, from the editor. The texts of questions that were asked stay as they are."""
        if self.asked:
            given = zip(self.fields, value["answers"], strict=False)
            self.values = {part.name: entry["answer"] for part, entry in given if entry["answer"]}
        elif self.by_field and isinstance(value, dict):
            self.values = dict(value)
        else:
            self.whole = value

    def draft(self) -> Any:
        """What the editor starts from: null where an answer is still owed, so that it cannot be sent by mistake."""
        if self.asked or not self.by_field:
            return self.value
        owed = {part.name: None for part in self.fields if part.required}
        return {**owed, **self.values}


def fill(sitting: Sitting) -> Answer | Parked:
    """A human role: show what it was given, then the form."""
    drawn = draw(sitting.console, sitting.question, sitting.by)
    sitting.console.say()
    for sentence in drawn.hidden:
        sitting.console.say(sentence.replace("[v]iew all", ":v shows all of it"), "warn", "! ")
    return ask_form(sitting, "fill", drawn.parts)


def ask_form(sitting: Sitting, decision: Literal["fill", "done"], parts: tuple[Part, ...]) -> Answer | Parked:
    """Ask for a value that meets the contract, and for a typed `y` before it counts. `parts` is what `:v` shows."""
    question, console = sitting.question, sitting.console
    if question.asks is None:
        form = _Form(fields_of(question.schema, question.questions), parts)
        console.head(f"Fill in {question.contract or 'the answer'}")
    else:
        form = _Form(fields_asked(question.asks), parts, asked=True)
        console.head(f"{len(question.asks)} question{'' if len(question.asks) == 1 else 's'}")
    console.say(_COMMANDS_TEXT, "dim")
    word = _ask_fields(sitting, form)
    while True:
        if word == "edit":
            _edit(sitting, form)
        elif word == "again":
            word = _ask_fields(sitting, form)
            continue
        elif word in ("skip", "quit"):
            return sitting.parked(word)
        elif word == "send":
            return sitting.answer(decision, Payload.of(form.value))
        word = _confirm(sitting, form)


def _ask_fields(sitting: Sitting, form: _Form) -> str:
    """Ask every field once more; `confirm`, or the command that was typed in between."""
    place = 0
    while place < len(form.fields):
        try:
            _ask_field(sitting, form, form.fields[place], place)
        except _Said as said:
            if said.command == "rest":
                break
            if said.command != "back":
                return said.command
            place -= 2 if place else 1
        place += 1
    return "confirm"


def _ask_field(sitting: Sitting, form: _Form, part: Field, place: int) -> None:
    console = sitting.console
    needed = "" if part.required else "; optional, Enter leaves it out"
    if form.asked:
        needed = "; Enter skips it"
    if part.name in form.values:
        needed = f"; Enter keeps {json.dumps(form.values[part.name], ensure_ascii=False)[:200]}"
    console.head(f"{place + 1} of {len(form.fields)}: {part.name}", f"{part.kind}{needed}")
    if part.text != part.name:
        console.quote(part.text)
    for number, choice in enumerate(part.choices or part.suggested, 1):
        written = choice if isinstance(choice, str) else json.dumps(choice, ensure_ascii=False)
        console.say(written, mark=f"  {number}) ")
    while True:
        # What is typed ahead here decides nothing: the whole form is confirmed at its end.
        line = console.ask(f"{part.name}:", ahead=place > 0)
        if line is not None and _take(sitting, form, part, line):
            return


def _take(sitting: Sitting, form: _Form, part: Field, line: str) -> bool:
    """Put one typed line into the form; False where the field must be asked again."""
    said = line.strip()
    if said == ":v":
        view_all(sitting.console, form.parts)
        return False
    if said in _COMMANDS:
        raise _Said(_COMMANDS[said])
    if not said:
        return _may_stay(sitting, form, part)
    try:
        value = parse(part, line)
        Payload.of(value)
    except (Unreadable, NotData) as error:
        sitting.console.say(f"Not taken: {error}.", "warn")
        return False
    violations = sitting.check(form.taking(part, value))
    wrong = [sentence for sentence in violations if concerns(part, sentence)]
    for sentence in wrong:
        sitting.console.say(sentence, "warn", "  - ")
    if not wrong:
        form.take(part, value)
    return not wrong


def _may_stay(sitting: Sitting, form: _Form, part: Field) -> bool:
    """Bare Enter keeps what is there, and leaves an optional field out."""
    if part.name in form.values or not part.required:
        return True
    hint = ' (for an empty text type "")' if "string" in part.types else ""
    sitting.console.say(f"`{part.name}` is required{hint}.", "warn")
    return False


def _confirm(sitting: Sitting, form: _Form) -> str:
    """Show the whole form; `send` only for a typed `y`, and only where it meets the contract."""
    console = sitting.console
    console.head("Your answer")
    # Shown as it would be edited: in full, nothing cut, what does not print as escapes.
    console.quote(json.dumps(form.value, ensure_ascii=False, indent=2))
    violations = sitting.check(form.value)
    for sentence in violations:
        console.say(sentence, "warn", "  - ")
    words = {"e": "edit", "edit": "edit", "again": "again", "s": "skip", "skip": "skip", "q": "quit", "quit": "quit"}
    words |= {":e": "edit", ":s": "skip", ":q": "quit"}
    if not violations:
        words |= {"y": "send", "yes": "send"}
    start = "It does not meet the contract yet." if violations else "Type y to send it."
    while True:
        console.labels([start, "[e]dit", "again (field by field)", "[s]kip for later", "[q]uit"])
        line = console.ask(f"{sitting.question.name}>")
        word = words.get((line or "").strip().lower())
        if word is not None:
            return word


def _edit(sitting: Sitting, form: _Form) -> None:
    question = sitting.question
    notes = [
        f"{question.name}: your answer, as JSON.",
        "Save and close to go on; it is checked and shown again before it is sent.",
        "To give up: leave it unchanged, or empty. Lines that begin with # are ignored.",
        *contract_notes(question.contract, question.schema),
    ]
    found = edit(sitting.console, form.draft(), notes, sitting.check, question.name)
    if isinstance(found, GivenUp):
        sitting.console.say(f"Edit given up: {found.why}; your answers are as they were.", "warn")
    else:
        form.put(found.value)
