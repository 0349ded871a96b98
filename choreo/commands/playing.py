"""Playing a run to its end, to a person, or to an interruption: what `run`, `resume` and `review` share."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shlex
import signal
import sys
import time
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from choreo import errors
from choreo.commands.speech import is_terminal, out, say, say_safe, wants_colour
from choreo.engine.advance import rebuild
from choreo.engine.limits import told
from choreo.engine.position import Position
from choreo.gates.base import Gate
from choreo.gates.console import restore_terminal, terminal_modes
from choreo.gates.terminal import TerminalGate
from choreo.plan import Plan
from choreo.players import player_for, stop_commands
from choreo.render.live import Live
from choreo.runners.local import LocalRunner, Parts, is_priced
from choreo.store import RunRecord, Store
from choreo.store.writer import RunWriter
from choreo.trace import RunFinished
from choreo.verify import the_checker

SIGNALS = {signal.SIGINT: errors.INTERRUPTED, signal.SIGTERM: errors.TERMINATED, signal.SIGHUP: 129}


@dataclass(frozen=True)
class Options:
    """What all playing commands take. `db` is as the caller named it (None: found by itself)."""

    db: str | None = None
    as_json: bool = False
    quiet: bool = False
    verbose: bool = False
    yes: bool = False
    by: str = ""

    @property
    def store_flag(self) -> str:
        """What a printed next command needs so that it finds the same store."""
        return f" --db {shlex.quote(self.db)}" if self.db else ""


def parts_for(plan: Plan, position: Position, writer: RunWriter, store: Store, options: Options) -> Parts:
    """The runner's parts at this terminal: a gate where a person can be asked, live lines where they can be seen."""
    live = Live(sys.stderr, quiet=options.quiet, verbose=options.verbose, colour=wants_colour(sys.stderr))
    gate: Gate | None = None
    if is_terminal(sys.stdin) and is_terminal(sys.stderr):
        gate = TerminalGate(options.by, busy=live.hold)
    return Parts(
        plan=plan,
        position=position,
        writer=writer,
        store=store,
        check=the_checker(),
        player=lambda role: player_for(role.player),
        gate=gate,
        watch=live.show,
    )


def play(parts: Parts, options: Options, *, first: Coroutine[Any, Any, None] | None = None) -> int:
    """Play the run and say how it ended. `first` is awaited before. Returns the exit code."""
    runner = LocalRunner(parts)
    interrupted: list[int] = []
    end: RunFinished | None = None
    try:
        with contextlib.redirect_stdout(sys.stderr):
            end = asyncio.run(_play(runner, interrupted, first, options))
    finally:
        if parts.writer.owned:
            with contextlib.suppress(errors.ChoreoError):
                parts.writer.release()
    if interrupted and end is None:
        _say_interrupted(parts.position, options)
        return SIGNALS.get(signal.Signals(interrupted[0]), errors.INTERRUPTED)
    return report(parts, end, options)


def _say_interrupted(position: Position, options: Options) -> None:
    next_command = f"choreo resume {position.run}{options.store_flag}"
    say(f"\ninterrupted; everything finished is on record. Go on: {next_command}")


async def _play(
    runner: LocalRunner, interrupted: list[int], first: Coroutine[Any, Any, None] | None, options: Options
) -> RunFinished | None:
    loop = asyncio.get_running_loop()
    modes = terminal_modes(sys.stdin)

    def stop(number: int) -> None:
        if interrupted:  # the second time nothing is waited for: everything acknowledged is on disk already
            stop_commands()
            restore_terminal(sys.stdin, modes)
            _say_interrupted(runner.position, options)
            os._exit(128 + number)
        interrupted.append(number)
        awaited = [hop.role for hop in runner.position.in_play if hop.effect]
        if awaited:
            say(f"\nwaiting until it is on record how `{awaited[0]}` went; once more leaves it in doubt")
        runner.interrupt()

    for number in SIGNALS:
        with contextlib.suppress(NotImplementedError, ValueError):
            loop.add_signal_handler(number, stop, number)
    watching = runner.parts.watch
    live = getattr(watching, "__self__", None)
    ticking = asyncio.create_task(live.tick()) if isinstance(live, Live) else None
    try:
        if first is not None:
            await first
        return await runner.run()
    finally:
        if ticking is not None:
            ticking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ticking
        if isinstance(live, Live):
            live.close()


def resumed(plan: Plan, record: RunRecord, store: Store, options: Options) -> Parts:
    """Take a run up where its rows say it stands. Raises HeldError where another process plays it."""
    writer = store.acquire(record, time.time())
    position = rebuild(plan, record.id, store.history(record))
    parts = parts_for(plan, position, writer, store, options)
    before: dict[int, tuple[float, bool]] = {}
    for hop, attempt in store.attempts(record):
        if hop in position.playing:
            cost, priced = before.get(hop, (0.0, True))
            before[hop] = (cost + (attempt.cost or 0.0), priced and is_priced(attempt))
    parts.spent_before = before
    return parts


# -- how it ended --------------------------------------------------------------------------------


def exit_code(end: RunFinished | None) -> int:
    """The exit code of a run that ended so (None: it waits)."""
    if end is None:
        return errors.WAITING
    if end.status == "failed" and end.code == "exhausted":
        return errors.LIMIT
    return {"done": errors.DONE, "rejected": errors.REJECTED, "limit": errors.LIMIT}.get(end.status, errors.FAILED)


def report(parts: Parts, end: RunFinished | None, options: Options) -> int:
    """The result on stdout, the rest on stderr."""
    position, flag = parts.position, options.store_flag
    code = exit_code(end)
    if options.as_json:
        out(json.dumps(_as_json(parts, end, code), ensure_ascii=False))
    elif end is not None and end.status == "done" and end.payload is not None:
        indent = 2 if is_terminal(sys.stdout) else None
        out(json.dumps(end.payload.value, ensure_ascii=False, indent=indent))
    if end is None:
        _say_waiting(position, flag)
    elif not options.quiet or code:
        _say_end(position, end, flag)
    return code


def _say_end(position: Position, end: RunFinished, flag: str) -> None:
    head = f"{end.status}" + (f" ({end.outcome})" if end.outcome and end.outcome != end.status else "")
    if end.code:
        head += f" [{end.code}]"
    if end.message:
        head += f": {end.message}"
    say_safe(f"{head} - {told(position)}")
    if end.status == "limit":
        limit = (end.code or "limit-cost").removeprefix("limit-")
        say(f"go on with more: choreo resume {position.run}{flag} --limit {limit}=MORE")
    say(f"look at it: choreo trace {position.run}{flag}")


def _say_waiting(position: Position, flag: str) -> None:
    for question in position.questions.values():
        asked = question.asked
        what = "its person" if asked.kind == "fill" else "a decision"
        say_safe(f"waiting for {what}: `{asked.touchpoint}` (question {asked.question}; {asked.why})")
    say(f"next: choreo review {position.run}{flag}")


def _as_json(parts: Parts, end: RunFinished | None, code: int) -> Mapping[str, Any]:
    position = parts.position
    return {
        "run": position.run,
        "status": end.status if end else "waiting",
        "exit": code,
        "outcome": end.outcome if end else None,
        "result": end.payload.value if end and end.payload else None,
        "code": end.code if end else None,
        "message": end.message if end else "",
        "hops": position.spent.hops,
        "cost": position.spent.cost if position.spent.priced else None,
        "waiting_for": [question.asked.touchpoint for question in position.questions.values()],
    }
