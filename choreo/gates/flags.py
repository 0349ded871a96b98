"""An answer from the command line: `choreo review RUN --approve | --reject | --edit FILE`."""

from __future__ import annotations

from choreo.canonical import NotData, Payload, decode
from choreo.errors import UsageError
from choreo.gates.base import Answer, Question, Violations


def answer_from_flags(
    question: Question,
    check: Violations,
    *,
    by: str,
    approve: bool = False,
    reject: bool = False,
    edit: bytes | None = None,
    note: str = "",
) -> Answer:
    """The one answer the flags give; `edit` holds the bytes of the file. Raises UsageError.

    `--edit` also fills in a human role's form, and for an effect in doubt says that it took place and
    what it gave back; there `--reject` stops the run. Doing an effect again needs a terminal.
    """
    _exactly_one(approve, reject, edit is not None)
    if approve:
        return _approved(question, by, note)
    if reject:
        return _rejected(question, by, note)
    return _edited(question, check, edit or b"", by, note)


def _exactly_one(approve: bool, reject: bool, edit: bool) -> None:
    given = [flag for flag, on in (("--approve", approve), ("--reject", reject), ("--edit", edit)) if on]
    if len(given) != 1:
        found = " and ".join(given) or "none of them"
        raise UsageError(
            "one-decision", f"expected one of --approve, --reject and --edit; found {found}", "give exactly one"
        )


def _approved(question: Question, by: str, note: str) -> Answer:
    if question.kind != "approve":
        asks = "its form is to be filled in" if question.kind == "fill" else "its effect is in doubt"
        raise UsageError(
            "not-allowed",
            f"`{question.name}` cannot be approved: {asks}",
            "give the answer with --edit FILE, or leave the flags out to be asked at the terminal",
        )
    _allowed(question, "approve")
    return Answer("approve", question.payload.digest, by, reason=note)


def _rejected(question: Question, by: str, note: str) -> Answer:
    if question.kind == "fill":
        raise UsageError(
            "not-allowed", f"`{question.name}` is a form: there is nothing to reject", "fill it in with --edit FILE"
        )
    if question.kind == "approve":
        _allowed(question, "reject")
    if not note.strip():
        raise UsageError("reason-needed", "a rejection needs a reason", "add --note TEXT")
    decision = "reject" if question.kind == "approve" else "stop"
    return Answer(decision, question.payload.digest, by, reason=note)  # type: ignore[arg-type]


def _edited(question: Question, check: Violations, data: bytes, by: str, note: str) -> Answer:
    if question.kind == "approve":
        _allowed(question, "edit")
    try:
        payload = Payload.of(decode(data))
    except NotData as error:
        raise UsageError("bad-edit", f"the edited payload cannot be read: {error}", "give one JSON value") from error
    if question.kind == "approve" and payload == question.payload:
        raise UsageError("bad-edit", "nothing was changed", "to let it go as it is: --approve")
    violations = check(payload.value)
    if violations:
        contract = question.contract or "the contract"
        raise UsageError("bad-edit", f"the edited payload breaks {contract}: {'; '.join(violations)}", "change it")
    decision = {"approve": "edit", "fill": "fill", "in_doubt": "done"}[question.kind]
    return Answer(decision, question.payload.digest, by, payload, note)  # type: ignore[arg-type]


def _allowed(question: Question, choice: str) -> None:
    if choice not in question.may:
        raise UsageError(
            "not-allowed",
            f"`{question.name}` may not be answered with --{choice}",
            f"what the spec allows: {', '.join('--' + word for word in question.may)}",
        )
