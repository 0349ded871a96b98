"""Two versions of a contract, compared: does every value of one still pass under the other?

Compatible is always proved, breaking always has a counterexample that the validator confirms; what is neither is
unknown. The work is counted, so that the same two schemas always give the same answer.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from choreo.compat.alternatives import odd_alternatives
from choreo.compat.anchors import idle, meaning
from choreo.compat.budget import Budget, TooMuch
from choreo.compat.changes import changes
from choreo.compat.checks import CHECKS
from choreo.compat.contradictions import mended, refuses_its_const
from choreo.compat.dialects import AT_ODDS, Rewrite, as_specified, rewritten
from choreo.compat.document import Document, child
from choreo.compat.draft import Unusable, declared, since
from choreo.compat.graph import Graph
from choreo.compat.noun import Comparison, Counterexample, Direction
from choreo.compat.outcome import NOTHING, Doubt, Found, Outcome
from choreo.compat.search import search
from choreo.compat.solver import Solver
from choreo.compat.values import TYPES
from choreo.contract.explain import explain

STEPS = 60_000
"""Work for one direction: at the very most about a second."""
_SEED_STEPS = 5_000


def compare(old: Any, new: Any) -> Comparison:
    """Compare two JSON Schemas. Raises Unusable where one of them is no schema that can be used.

    Formats are checked by some readers and not by others, so what is compatible is so for both. A schema without
    `$schema` is read as draft 2020-12.
    """
    before, after = _documents(old, new)
    return Comparison(
        backward=_every_reading(before, after, "old", "new"),
        forward=_every_reading(after, before, "new", "old"),
        changes=changes(old, new),
    )


def _every_reading(writer: Document, reader: Document, writers: str, readers: str) -> Direction:
    """The answer that holds for readers who check formats and for those who do not, and as patterns were meant."""
    plain = _direction(writer, reader, writers, readers)
    if plain.answer == "breaking":
        return _unless_read_as_specified(plain, writer, reader)
    if plain.breaks or plain.rule == "same":
        return plain
    for reading in (_where_checked, _as_meant, _as_const_says, _by_alternative, _as_specified):
        other = reading(writer, reader, writers, readers)
        if other is not None:
            return other
    return _with_readers_at_odds(plain, writer, reader)


def _where_checked(writer: Document, reader: Document, writers: str, readers: str) -> Direction | None:
    """What breaks for readers who check formats, where anything does."""
    if not any(map(_has_checks, (writer, reader))):
        return None
    checked = _direction(_checked(writer), _checked(reader), writers, readers)
    if not checked.breaks:
        return None
    words = "` and `".join(sorted(CHECKS & (reader.words | writer.words)))
    return replace(checked, message=f"for a reader that checks `{words}`: {checked.message}")


def _as_meant(writer: Document, reader: Document, writers: str, readers: str) -> Direction | None:
    """A doubt, where the answer hangs on a pattern that says nothing by mistake."""
    meant = {**idle(writer), **idle(reader)}
    if not meant:
        return None
    first, second = (Document(meaning(document.schema, meant), document.draft) for document in (writer, reader))
    if not _direction(first, second, writers, readers).breaks:
        return None
    said, whole = (" and ".join(f"`{pattern}`" for pattern in patterns) for patterns in (meant, meant.values()))
    message = f"nothing breaks, since every text fits {said}, which is hardly meant; as {whole} it may break"
    return Direction("unknown", "undecided", "", message)


def _as_const_says(writer: Document, reader: Document, writers: str, readers: str) -> Direction | None:
    """A doubt, where nothing breaks only because a `const` and its `type` leave no value."""
    found = [(document, pointer) for document in (writer, reader) for pointer, part in document.parts.items()
             if document.draft > 4 and refuses_its_const(part)]  # fmt: skip
    if not found:
        return None
    first, second = (Document(mended(document.schema), document.draft) for document in (writer, reader))
    if _direction(first, second, writers, readers).answer != "breaking":
        return None
    side = writers if found[0][0] is writer else readers
    message = (
        f"nothing breaks, since the `type` at #{found[0][1]} of the {side} one refuses the `const` beside it,"
        " which is hardly meant; without it something breaks"
    )
    return Direction("unknown", "undecided", "", message)


def _by_alternative(writer: Document, reader: Document, writers: str, readers: str) -> Direction | None:
    """A doubt, where something changes in alternatives that hardly say what was meant."""

    def breaks(first: Document, second: Document) -> bool:
        return _direction(first, second, writers, readers).answer == "breaking"

    place = next(odd_alternatives(writer, reader, breaks), None)
    if place is None:
        return None
    what = "every value fits one of" if place.endswith("anyOf") else "what fits two is refused among"
    message = f"nothing breaks, since {what} the alternatives at {place}, which is hardly meant; by itself one breaks"
    return Direction("unknown", "undecided", "", message)


def _as_specified(writer: Document, reader: Document, writers: str, readers: str) -> Direction | None:
    """A doubt, where something breaks for those who read patterns as the specification has it, to the letter."""
    found = _as_read(writer, reader, as_specified)
    if found is None or found.counterexample is None:
        return None
    message = (
        f"nothing breaks as this validator reads patterns, but as ECMA 262 does, the {writers} one accepts what the"
        f" {readers} one refuses: {found.counterexample.reason}"
    )
    return Direction("unknown", "undecided", "", message)


def _with_readers_at_odds(plain: Direction, writer: Document, reader: Document) -> Direction:
    """A remark, no more: these readers are at odds with the specification."""
    for name, rewrite in AT_ODDS.items():
        broken = _as_read(writer, reader, rewrite)
        if broken is not None and broken.counterexample is not None:
            return replace(plain, message=f"{plain.message}; but {name}: {broken.counterexample.reason}")
    return plain


def _unless_read_as_specified(plain: Direction, writer: Document, reader: Document) -> Direction:
    """A remark, too: what the validator refuses is refused, also where the specification would have it pass."""
    other = _as_read(writer, reader, as_specified)
    if other is None or other.breaks:
        return plain
    return replace(plain, message=f"{plain.message}; with patterns as ECMA 262 reads them nothing would break")


def _as_read(writer: Document, reader: Document, rewrite: Rewrite) -> Direction | None:
    """The answer where patterns are read in another way; None where that is no other way."""
    texts = [rewritten(document.schema, rewrite) for document in (writer, reader)]
    if texts == [writer.schema, reader.schema]:
        return None
    try:
        first, second = (Document(text, document.draft) for text, document in zip(texts, (writer, reader), strict=True))
    except Unusable:
        return None
    return _direction(first, second, "", "")


def _has_checks(document: Document) -> bool:
    """Whether readers may differ: a schema that names a draft after 7 says that formats are remarks."""
    return not (declared(document.schema) or 0) > 7 and not CHECKS.isdisjoint(document.words)


def _checked(document: Document) -> Document:
    return document.for_checkers if _has_checks(document) else document


def _documents(old: Any, new: Any) -> tuple[Document, Document]:
    """Both versions. One that names no draft is read as the other is, where it can be."""
    before, after = Document(old), Document(new)
    if before.draft == after.draft or (declared(old) and declared(new)):
        return before, after
    if declared(old) or (not declared(new) and before.draft < after.draft):
        return before, _read_as(after, before.draft)
    return _read_as(before, after.draft), after


def _read_as(document: Document, draft: int) -> Document:
    """The same text as another draft; as it was, where that draft does not know all of its keywords."""
    if since(document.words) > draft:
        return document
    try:
        return Document(document.schema, draft)
    except Unusable:
        return document


def includes(wide: Any, narrow: Any, steps: int = STEPS) -> Direction:
    """Whether every value that `narrow` accepts is one that `wide` accepts, with so much work. Raises Unusable."""
    return _direction(Document(narrow), Document(wide), "sender", "receiver", steps)


def _direction(writer: Document, reader: Document, writers: str, readers: str, steps: int = STEPS) -> Direction:
    """Whether the reader accepts all that the writer may write. The names are for the message."""
    if writer.essence("") == reader.essence(""):
        return Direction("compatible", "same", "", "both say the same")
    outcome = _decide(writer, reader, steps)
    if isinstance(outcome, Found):
        return _broken(reader, outcome.value, writers, readers)
    if isinstance(outcome, Doubt):
        return Direction("unknown", "undecided", "", outcome.reason)
    return Direction(
        "compatible", "included", "", f"proved: all that the {writers} one accepts, the {readers} one accepts"
    )


def _decide(writer: Document, reader: Document, steps: int) -> Outcome:
    """A value that the writer's schema accepts and the reader's refuses; a proof that there is none; or a doubt."""

    def breaks(value: Any) -> bool:
        return writer.is_valid(value) is True and reader.is_valid(value) is False

    graph = Graph()
    here, there = graph.add(writer), graph.add(reader)
    try:
        goal = frozenset({(here, True), (there, False)})
        outcome = Solver(graph, Budget(steps)).any_type(goal, breaks)
    except TooMuch:
        outcome = Doubt("it would take too much work to tell")
    except RecursionError:
        outcome = Doubt("nested too deeply")
    except (KeyError, TypeError, AttributeError, ValueError):
        # the validator lets a reference lead into parts of a text that are no well-formed schema
        outcome = Doubt("a reference leads to what is no schema")
    if not isinstance(outcome, Doubt):
        return outcome
    seeds = _seeds(graph, here)
    found = search((writer.schema, reader.schema), seeds, lambda value: writer.is_valid(value) is True, breaks)
    return Found(found[0]) if found else outcome


def _seeds(graph: Graph, number: int) -> list[Any]:
    """A value of each type that a schema accepts."""
    found: list[Any] = []
    for kind in TYPES:
        try:
            outcome = Solver(graph, Budget(_SEED_STEPS)).of_type(frozenset({(number, True)}), kind)
        except (TooMuch, RecursionError, KeyError, TypeError, AttributeError, ValueError):
            outcome = NOTHING
        if isinstance(outcome, Found):
            found.append(outcome.value)
    return found


def _broken(reader: Document, value: Any, writers: str, readers: str) -> Direction:
    error = reader.first_error(value)
    where, reason = explain(error)
    path = [str(part) for part in error.schema_path]
    rule = next((part for part in reversed(path) if not part.isdigit()), "false")
    message = f"the {writers} one accepts what the {readers} one refuses: {reason}"
    return Direction("breaking", rule, child("", *path), message, Counterexample(value, where, reason))
