"""How a run ended, or what it waits for, in the words that all commands use; and the commands that come next."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence

from choreo.engine.limits import limit_told, reached_limit, told
from choreo.engine.position import Position
from choreo.render.text import utc
from choreo.store import Store
from choreo.trace import Asked, RunFinished

MOST = 6
"""So many roles are named of those that still have something to play."""

RunAsked = tuple[str, Asked]
"""An open question with the id of its run."""


def store_flag(db: str | None) -> str:
    """What a printed next command needs so that it finds the same store."""
    return f" --db {shlex.quote(db)}" if db else ""


def end_told(position: Position, end: RunFinished) -> Iterator[str]:
    """What a run ends with: `done (paid) - 2 hops, cost 0, 0.1 s`; at a limit a line more, on what is missing."""
    head = f"{end.status}" + (f" ({end.outcome})" if end.outcome and end.outcome != end.status else "")
    if end.code:
        head += f" [{end.code}]"
    message = f"{limit_told(position, _limit_of(end))} is reached" if end.status == "limit" else end.message
    if message:
        head += f": {message}"
    yield f"{head} - {told(position)}"
    if end.status == "limit":
        yield from still_to_play(position)


def still_to_play(position: Position) -> Iterator[str]:
    """`still to play: draft, 3 lanes of work`: what a limit keeps from starting, or from going on in a child run."""
    visits = Counter(position.playing[number].role for number in position.used_up if number in position.playing)
    for (role, _), queue in position.queues.items():
        visits[role] += len(queue)
    lanes: Counter[str] = Counter()
    for one in position.unstarted.values():
        lanes[one.name.rpartition("/")[2].partition("~")[0]] += len(one.items) - one.started
    left = [role if number == 1 else f"{number} visits of {role}" for role, number in visits.items() if number]
    left += [f"{number} {'lane' if number == 1 else 'lanes'} of {role}" for role, number in lanes.items() if number]
    more = [f"and {len(left) - MOST} more"] if len(left) > MOST else []
    if left:
        yield f"still to play: {', '.join(left[:MOST] + more)}"


def _limit_of(end: RunFinished) -> str:
    return (end.code or "limit-cost").removeprefix("limit-")


def next_of_ended(position: Position, end: RunFinished, flag: str) -> Iterator[str]:
    if end.status == "limit":
        yield f"go on with more: choreo resume {position.run}{flag} --limit {_limit_of(end)}=MORE"
    if end.stopped:  # whoever cancels a run stops it first: whether that follows is not known yet
        yield f"go on, unless it was cancelled: choreo resume {position.run}{flag}"
    yield f"look at it: choreo trace {position.run}{flag}"


def waiting_told(position: Position, questions: Sequence[RunAsked]) -> Iterator[str]:
    """A line for each time and each person that a run waits for."""
    for number, delayed in sorted(position.delayed.items()):
        yield f"waiting until {utc(delayed.due)}: handoff {number} -> {delayed.arrival.target}"
    yield from _below_told(position, questions)
    for run, asked in questions:
        what = "its person" if asked.kind == "fill" else "a decision"
        until = f", until {utc(asked.due)}" if asked.due is not None else ""
        which = f"question {asked.question}" + ("" if run == position.run else f" of run {run}")
        yield f"waiting for {what}{until}: `{asked.touchpoint}` ({which}; {asked.why})"
    limit = reached_limit(position)
    if limit is not None:
        reached = f"{limit_told(position, limit)} is reached ({told(position)})"
        yield f"{reached}: nothing more starts without `--limit {limit}=MORE`"


def _below_told(position: Position, questions: Sequence[RunAsked]) -> Iterator[str]:
    """A line for each child run that waits for a time; one that comes because a question runs out is told with it."""
    asked = {question.due for run, question in questions if run != position.run}
    for number, child in sorted(position.children.items()):
        if child.state == "waiting" and child.due is not None and child.due not in asked:
            yield f"waiting until {utc(child.due)}: child run {child.run} of `{position.hops[number].role}`"


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
