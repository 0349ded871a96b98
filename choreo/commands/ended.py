"""How a run ended, or what it waits for, in the words that all commands use; and the commands that come next."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from choreo.engine.limits import reached_limit, told
from choreo.engine.position import Position
from choreo.render.text import utc
from choreo.store import Store
from choreo.trace import Asked, RunFinished

RunAsked = tuple[str, Asked]
"""An open question with the id of its run."""


def store_flag(db: str | None) -> str:
    """What a printed next command needs so that it finds the same store."""
    return f" --db {shlex.quote(db)}" if db else ""


def end_told(position: Position, end: RunFinished) -> str:
    """The line that a run ends with: `done (paid) - 2 hops, cost 0, 0.1 s`."""
    head = f"{end.status}" + (f" ({end.outcome})" if end.outcome and end.outcome != end.status else "")
    if end.code:
        head += f" [{end.code}]"
    if end.message:
        head += f": {end.message}"
    return f"{head} - {told(position)}"


def next_of_ended(position: Position, end: RunFinished, flag: str) -> Iterator[str]:
    if end.status == "limit":
        limit = (end.code or "limit-cost").removeprefix("limit-")
        yield f"go on with more: choreo resume {position.run}{flag} --limit {limit}=MORE"
    if end.stopped:  # whoever cancels a run stops it first: whether that follows is not known yet
        yield f"go on, unless it was cancelled: choreo resume {position.run}{flag}"
    yield f"look at it: choreo trace {position.run}{flag}"


def waiting_told(position: Position, questions: Sequence[RunAsked]) -> Iterator[str]:
    """A line for each time and each person that a run waits for."""
    for number, delayed in sorted(position.delayed.items()):
        yield f"waiting until {utc(delayed.due)}: handoff {number} -> {delayed.arrival.target}"
    for run, asked in questions:
        what = "its person" if asked.kind == "fill" else "a decision"
        until = f", until {utc(asked.due)}" if asked.due is not None else ""
        which = f"question {asked.question}" + ("" if run == position.run else f" of run {run}")
        yield f"waiting for {what}{until}: `{asked.touchpoint}` ({which}; {asked.why})"
    limit = reached_limit(position)
    if limit is not None:
        yield f"the limit on {limit} is reached ({told(position)}): nothing more starts without `--limit {limit}=MORE`"


def next_of_waiting(position: Position, questions: Sequence[RunAsked], flag: str) -> Iterator[str]:
    if questions:
        yield f"next: choreo review {position.run}{flag}"
    if position.due is not None:
        yield f"from {utc(position.due)} on: choreo resume --due{flag}"


def open_questions(store: Store, position: Position) -> list[RunAsked]:
    """The open questions of the run and of the child runs below it."""
    own = [(position.run, question.asked) for question in position.questions.values()]
    children = store.below(position.run) if position.children else ()
    return own + [(child.id, asked) for child in children for asked in store.open_questions(child.id)]
