"""A process that forks children, each of which plays the relay and kills itself at a named point.

Jobs come as JSON lines on stdin, exit codes go back as lines on stdout. The points of death are in
subclasses of the store's writer, the runner and the parts around it; nothing in the package knows of them.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from copy import copy
from pathlib import Path
from typing import Any

from choreo import cli
from choreo.api.begin import Told, begin, started
from choreo.api.checked import check_spec
from choreo.api.parts import exit_code, parts_of, plan_of
from choreo.commands.playing import Options, resumed
from choreo.engine.position import Position
from choreo.gates.base import Answer, Parked, Question, Violations
from choreo.gates.script import ScriptGate
from choreo.players import player_for
from choreo.players.base import Played, Player, Record, Visit, is_quick
from choreo.runners.local import LocalRunner
from choreo.runners.parts import Parts
from choreo.store import Store, driver, place
from choreo.store.commits import Commits
from choreo.store.steps import Step
from choreo.store.writer import RunWriter
from choreo.trace import Decided, Delayed, EffectKey, Event, HopFinished, HopStarted, RunResumed, TimerFired
from choreo.verify import make_checker

TRIGGER = {"path": ["start"]}


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Fuse:
    """Burns through when the child comes to its point (for the first time, at the named role)."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.point = job.get("die", "")
        self.role = job.get("role", "")

    def burns(self, point: str, role: str | None = None) -> bool:
        return point == self.point and role in (None, self.role)

    def at(self, point: str, role: str | None = None) -> None:
        if self.burns(point, role):
            die()


MARKS = (Delayed, TimerFired, EffectKey)


def point_of(event: Any) -> str:
    return event.role if isinstance(event, HopStarted) else type(event).__name__


class DyingCommits(Commits):
    """Dies between two statements of the transaction in which a hop of a named role starts, or before its end."""

    fuse: Fuse
    roles: Sequence[str]

    def _add(self, step: Step) -> None:
        if any(self.fuse.burns("inside the transaction", role) for role in self.roles):
            part = copy(step)
            part.rows, part.claims = step.rows[: (len(step.rows) + 1) // 2], []
            super()._add(part)
            die()
        super()._add(step)
        for role in self.roles:
            self.fuse.at("inside the transaction, at its end", role)


class DyingWriter(RunWriter):
    """Dies before, inside (`DyingCommits`), or after the transaction in which a hop of the named role starts."""

    fuse: Fuse

    def append(self, events: Sequence[Event], attempts: Any = (), **more: Any) -> None:
        roles = [point_of(event) for event in events if isinstance(event, (HopStarted, *MARKS))]
        for role in roles:
            self.fuse.at("before intent", role)
        self._commits = as_dying(DyingCommits, self._commits, self.fuse)
        self._commits.roles = roles
        super().append(events, attempts, **more)
        for role in roles:
            self.fuse.at("after commit, before acknowledging", role)
        if any(isinstance(event, RunResumed) for event in events):
            self.fuse.at("in resume, after it was booked")

    def release(self) -> None:
        self.fuse.at("in close")
        super().release()


class DyingStore(Store):
    """Dies around the moment in which a person's answer is kept."""

    fuse: Fuse

    def record_answer(self, run: str, answer: Decided) -> None:
        self.fuse.at("decision read")
        super().record_answer(run, answer)
        self.fuse.at("decision committed")


class DyingGate(ScriptGate):
    fuse: Fuse

    async def ask(self, question: Question, check: Violations) -> Answer | Parked:
        self.fuse.at("while waiting for a person")
        return await super().ask(question, check)


class DyingPlayer:
    def __init__(self, inner: Player, fuse: Fuse) -> None:
        self._inner, self._fuse = inner, fuse

    def play_if_quick(self, visit: Visit) -> Played | Player:
        self._fuse.at("after intent", visit.role.name)
        played = self._inner.play_if_quick(visit) if is_quick(self._inner) else self._inner
        if not isinstance(played, Played):
            return DyingPlayer(played, self._fuse)
        self._fuse.at("after the reply", visit.role.name)
        return played

    async def play(self, visit: Visit, record: Record) -> Played:
        self._fuse.at("after intent", visit.role.name)
        played = await self._inner.play(visit, record)
        self._fuse.at("after the reply", visit.role.name)
        return played


def as_dying(kind: type, given: Any, fuse: Fuse) -> Any:
    made = object.__new__(kind)
    made.__dict__.update(given.__dict__)
    made.fuse = fuse
    return made


def play(parts: Parts, fuse: Fuse, job: dict[str, Any], *, resuming: bool = False) -> int:
    """Play with parts that may die, and release the run as the command line does."""
    import asyncio

    parts.writer = as_dying(DyingWriter, parts.writer, fuse)
    parts.store = as_dying(DyingStore, parts.store, fuse)
    parts.player = lambda role: DyingPlayer(player_for(role.player), fuse)
    parts.gate = gate_of(job, fuse)
    parts.watch = acknowledge(job["acks"])
    runner = LocalRunner(parts)

    async def all_of_it() -> Any:
        if resuming:
            await runner.resume("a child of the tests")
        return await runner.run()

    end = asyncio.run(all_of_it())
    parts.writer.release()
    return exit_code(end)


def gate_of(job: dict[str, Any], fuse: Fuse) -> DyingGate | None:
    answers = job.get("answers")
    if answers is None:
        return None
    gate = DyingGate(answers)
    gate.fuse = fuse
    return gate


def acknowledge(path: str) -> Any:
    """Shows finished hops as a terminal would: after the commit, where nobody can take it back."""
    handle = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)

    def watch(events: Sequence[Event], position: Position) -> None:
        for event in events:
            if isinstance(event, HopFinished):
                os.write(handle, f"{event.hop}\n".encode())

    return watch


def play_new(job: dict[str, Any]) -> int:
    """What `choreo run` does, with parts that may die."""
    fuse = Fuse(job)
    checked = check_spec(job["spec"])
    fact = started(checked, TRIGGER)
    store = Store.open(Path(job["db"]))
    begun = begin(checked, store, fact, Told(job["spec"]))
    parts = parts_of(checked.plan, begun.position, begun.writer, store, clock=begun.clock)
    return play(parts, fuse, job)


def play_on(job: dict[str, Any]) -> int:
    """What `choreo resume` does, with parts that may die."""
    fuse = Fuse(job)
    store = Store.open(Path(job["db"]))
    record = store.find("last")
    parts = resumed(plan_of(store, record).plan, record, store, Options())
    fuse.at("in resume, when the run was taken")
    return play(parts, fuse, job, resuming=True)


def redo(job: dict[str, Any]) -> int:
    """A person at the terminal who looked: the effect did not happen, do it again."""
    return play_on({**job, "answers": {job["role"]: ["redo"], "gate": ["approve", "approve"]}})


def make_store(job: dict[str, Any]) -> int:
    """Dies in the making of the store, at statement `at` (or at `link`)."""
    at, seen = job["at"], 0

    def count(_: str) -> None:
        nonlocal seen
        seen += 1
        if seen == at:
            die()

    connect, link = driver.connect, os.link

    def traced(path: str, *, read_only: bool = False) -> Any:
        connection = connect(path, read_only=read_only)
        connection.set_trace_callback(count)
        return connection

    def linked(old: Any, new: Any) -> None:
        if at == "before link":
            die()
        link(old, new)
        if at == "after link":
            die()

    place.driver.connect = traced  # type: ignore[assignment]
    place.os.link = linked  # type: ignore[assignment]
    Store.open(Path(job["db"])).close()
    return seen


def command_line(job: dict[str, Any]) -> int:
    sys.argv = ["choreo", *job["args"]]
    try:
        cli.main()
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else 1
    return 0


JOBS = {"play": play_new, "go on": play_on, "redo": redo, "make store": make_store, "choreo": command_line}


def child(job: dict[str, Any]) -> int:
    os.chdir(job["folder"])
    os.environ.update(CALLS=job["calls"], DIE_IN=job.get("die_in", ""))
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    for number, name in ((1, "out"), (2, "err")):
        file = os.open(name, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
        os.dup2(file, number)
    code = JOBS[job["do"]](job)
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def warm_up() -> None:
    """Everything a child would import."""
    for name in ("sqlite_utils", "choreo.lint.rules", "choreo.players.python_service", "choreo.gates.flags"):
        importlib.import_module(name)
    make_checker()


def serve() -> None:
    warm_up()
    answers = os.fdopen(os.dup(1), "w")
    while line := sys.stdin.readline():
        job = json.loads(line)
        pid = os.fork()
        if pid == 0:
            code = 99
            try:
                code = child(job)
            except BaseException:
                import traceback

                traceback.print_exc()
            finally:
                os._exit(code)
        answers.write(f"{wait_for(pid)}\n")
        answers.flush()


def wait_for(pid: int, limit: float = 60.0) -> int:
    """The child's exit code; one that hangs is killed, which no test expects as an answer (-999)."""
    ends = time.monotonic() + limit
    while time.monotonic() < ends:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return -999


if __name__ == "__main__":
    serve()
