"""Playing a run to its end, to a person, or to an interruption: what `run`, `resume` and `review` share."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from choreo import errors
from choreo.api.checked import Checked
from choreo.api.parts import exit_code, parts_of, take_up
from choreo.commands.ended import (
    end_told,
    next_of_ended,
    next_of_waiting,
    open_questions,
    store_flag,
    waiting_told,
)
from choreo.commands.speech import is_terminal, out, say, say_safe, wants_colour
from choreo.engine.position import Position
from choreo.gates.base import Gate
from choreo.gates.console import restore_terminal, terminal_modes
from choreo.gates.terminal import TerminalGate
from choreo.plan import Plan, SubSpec
from choreo.players import stop_commands
from choreo.render.live import Live
from choreo.runners.clock import Clock
from choreo.runners.local import LocalRunner
from choreo.runners.loop import to_the_end
from choreo.runners.parts import Parts
from choreo.store import RunRecord, Store
from choreo.store.writer import RunWriter
from choreo.trace import RunFinished

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
    ask: bool = True
    """Whether a person at this terminal may be asked."""
    effects: bool = False
    """Whether a replay may do effects that it cannot take from the record."""

    @property
    def store_flag(self) -> str:
        """What a printed next command needs so that it finds the same store."""
        return store_flag(self.db)


def parts_for(
    checked: Checked,
    position: Position,
    writer: RunWriter,
    store: Store,
    options: Options,
    clock: Clock,
    *,
    title: str,
) -> Parts:
    """The runner's parts at this terminal: a gate where a person can be asked, live lines where they can be seen."""
    live, gate = _live_and_gate(options, title)
    return parts_of(
        checked.plan, position, writer, store, family=checked.family, gate=gate, watch=live.show, clock=clock
    )


def _live_and_gate(options: Options, title: str = "") -> tuple[Live, Gate | None]:
    live = Live(sys.stderr, title=title, quiet=options.quiet, verbose=options.verbose, colour=wants_colour(sys.stderr))
    asks = options.ask and is_terminal(sys.stdin) and is_terminal(sys.stderr)
    return live, TerminalGate(options.by, busy=live.hold) if asks else None


def play(parts: Parts, options: Options, *, first: Coroutine[Any, Any, None] | None = None) -> int:
    """Play the run and say how it ended. `first` is awaited before. Returns the exit code."""
    runner = LocalRunner(parts)
    interrupted: list[int] = []
    end: RunFinished | None = None
    try:
        with contextlib.redirect_stdout(sys.stderr):
            end = to_the_end(lambda: _play(runner, interrupted, first, options))
    except errors.StoreError as error:  # whoever looked for room does not know for which run
        this = f"choreo resume {parts.position.run}{options.store_flag}"
        error.help = error.help.replace("choreo resume last", this)
        raise
    finally:
        if first is not None:
            first.close()  # where it did not come to it
        if parts.writer.owned:
            with contextlib.suppress(errors.ChoreoError):
                parts.writer.release()
    if interrupted and end is None:
        _say_interrupted(parts.position, options)
        return SIGNALS.get(signal.Signals(interrupted[0]), errors.INTERRUPTED)
    return report(parts.store, parts.position, end, options)


def _say_interrupted(position: Position, options: Options) -> None:
    next_command = f"choreo resume {position.run}{options.store_flag}"
    say(f"\ninterrupted; everything finished is on record. Go on: {next_command}")


async def _play(
    runner: LocalRunner, interrupted: list[int], first: Coroutine[Any, Any, None] | None, options: Options
) -> RunFinished | None:
    loop = asyncio.get_running_loop()
    modes = terminal_modes(sys.stdin)
    leaving: list[asyncio.Task[None]] = []

    async def leave(number: int) -> None:
        await stop_commands()
        restore_terminal(sys.stdin, modes)
        _say_interrupted(runner.position, options)
        os._exit(128 + number)

    def stop(number: int) -> None:
        if interrupted:  # the second time nothing is waited for: everything acknowledged is on disk already
            if not leaving:
                leaving.append(loop.create_task(leave(number)))
            return
        interrupted.append(number)
        awaited = [hop.role for hop in runner.position.in_play if hop.intent]
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


def resumed(
    plan: Plan, record: RunRecord, store: Store, options: Options, family: Mapping[str, SubSpec] | None = None
) -> Parts:
    """Take a run up where its rows say it stands. Raises HeldError where another process plays it."""
    live, gate = _live_and_gate(options)
    return take_up(store, record, plan, family=family, gate=gate, watch=live.show)


# -- how it ended --------------------------------------------------------------------------------


def report(store: Store, position: Position, end: RunFinished | None, options: Options) -> int:
    """The result on stdout, the rest on stderr."""
    flag, code = options.store_flag, exit_code(end)
    tell_result(store, position, end, options)
    if end is None:
        asked = open_questions(store, position)
        for line in (*waiting_told(position, asked), *next_of_waiting(position, asked, flag)):
            say_safe(line)
    elif not options.quiet or code:
        for line in (*end_told(position, end), *next_of_ended(position, end, flag)):
            say_safe(line)
    return code


def tell_result(store: Store, position: Position, end: RunFinished | None, options: Options) -> None:
    """What came of a run, on stdout."""
    if options.as_json:
        out(json.dumps(_as_json(store, position, end), ensure_ascii=False))
    elif end is not None and end.status == "done" and end.payload is not None:
        indent = 2 if is_terminal(sys.stdout) else None
        out(json.dumps(end.payload.value, ensure_ascii=False, indent=indent))


def _as_json(store: Store, position: Position, end: RunFinished | None) -> Mapping[str, Any]:
    return {
        "run": position.run,
        "status": end.status if end else "waiting",
        "exit": exit_code(end),
        "outcome": end.outcome if end else None,
        "result": end.payload.value if end and end.payload else None,
        "code": end.code if end else None,
        "message": end.message if end else "",
        "hops": position.spent.hops,
        "cost": position.spent.cost if position.spent.priced else None,
        "due": position.due,
        "waiting_for": [asked.touchpoint for _, asked in open_questions(store, position)],
    }
