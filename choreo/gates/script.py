"""Answers written down beforehand: for dry runs and for tests of everything around a gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from choreo.canonical import NotData, Payload
from choreo.errors import UsageError
from choreo.gates.base import Answer, Parked, Question, Violations

Scripted = str | tuple[str, Any] | Answer
"""`approve`, `redo`, `stop`, `later`, `quit`; (`reject`, reason); (`edit` | `fill` | `done`, value); or an Answer."""


class ScriptGate:
    """Answers each question from a list under its name, in order (`gates.base.Gate`).

    A name without an answer left is put off (`later`): silence never approves. Raises UsageError for
    an answer that the question does not allow or that breaks its contract.
    """

    def __init__(self, answers: Mapping[str, Scripted | Sequence[Scripted]], by: str = "script") -> None:
        self._left = {name: _listed(given) for name, given in answers.items()}
        self._by = by
        self.asked: list[Question] = []
        """Every question so far, for tests to look at."""

    async def ask(self, question: Question, check: Violations) -> Answer | Parked:
        """The next answer written for this question's name."""
        self.asked.append(question)
        left = self._left.get(question.name)
        if not left:
            return "later"
        given = left.pop(0)
        if isinstance(given, Answer):
            return given
        word, extra = given if isinstance(given, tuple) else (given, None)
        parked = _PARKED.get(word)
        if parked is not None:
            return parked
        return _answer(question, check, word, extra, self._by)


def _listed(given: Scripted | Sequence[Scripted]) -> list[Scripted]:
    return [given] if isinstance(given, str | tuple | Answer) else list(given)


_PARKED: Mapping[str, Parked] = {"later": "later", "quit": "quit"}
_ALLOWED = {"fill": ("fill",), "in_doubt": ("done", "redo", "stop")}


def _answer(question: Question, check: Violations, word: str, extra: Any, by: str) -> Answer:
    allowed = question.may if question.kind == "approve" else _ALLOWED[question.kind]
    if word not in allowed:
        raise _refused(question, f"`{word}` is not one of its answers", f"what it takes: {', '.join(allowed)}")
    digest = question.payload.digest
    if word == "reject":
        if not isinstance(extra, str) or not extra.strip():
            raise _refused(question, "a rejection needs a reason", 'write it as ["reject", "the reason"]')
        return Answer("reject", digest, by, reason=extra)
    if word in ("edit", "fill", "done"):
        return Answer(word, digest, by, _valid(question, check, extra))  # type: ignore[arg-type]
    return Answer(word, digest, by)  # type: ignore[arg-type]


def _valid(question: Question, check: Violations, value: Any) -> Payload:
    try:
        payload = Payload.of(value)
    except NotData as error:
        raise _refused(question, f"its value is not data: {error}", "write it as JSON") from error
    violations = check(value)
    if violations:
        raise _refused(question, "; ".join(violations), "change the scripted value so that it meets the contract")
    return payload


def _refused(question: Question, message: str, help: str) -> UsageError:
    return UsageError("bad-script", f"the scripted answer to `{question.name}` cannot be used: {message}", help)
