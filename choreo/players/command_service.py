"""`service: {command: [...]}`: a program without a shell, JSON on stdin, one JSON value on stdout."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path
from typing import Any

from choreo.canonical import NotData, decode, encode
from choreo.expression import ExpressionError
from choreo.players import redact
from choreo.players.base import RoleNames, Visit
from choreo.players.clients import resolve_env
from choreo.players.filled import filled
from choreo.players.service import Called, CallError, output_of
from choreo.spec import CommandService

_STDERR_KEPT = 64_000
_PATIENCE = 5.0
"""Seconds to wait for a killed program to be gone."""
_starting: set[asyncio.Task[asyncio.subprocess.Process]] = set()
"""Commands that run or soon will, whose process group is not known yet."""
_running: set[int] = set()
"""Process groups of the commands that are being called."""


class CommandCall:
    """The input (with `takes_feedback`: `{input, previous, feedback}`) goes to stdin as canonical JSON.

    The program runs in the caller's working directory, in a session of its own, so that the whole
    process group can be stopped at the deadline.
    """

    kind = "command"
    ends_in_time = False

    def __init__(self, service: CommandService) -> None:
        self._service = service

    async def __call__(self, visit: Visit, seconds: float) -> Called:
        argv = self._argv(visit)
        given = self._given(visit)
        process = await self._start(argv)
        try:
            out, err = await self._talk(process, given)
            code = await process.wait()
        finally:
            _running.discard(process.pid)
            await _end(process)
        facts: dict[str, Any] = {"argv": [redact.text(word) for word in argv], "exit": code}
        errors = err.decode("utf-8", "replace")
        if err:
            facts["stderr"] = redact.text(errors)
        if code != 0:
            told = errors.strip().splitlines()
            message = f"`{argv[0]}` ended with {code}" + (f": {told[-1]}" if told else "")
            killed = code < 0  # it has not said that it failed
            raise CallError("command-failed", message, response=out, unsure=killed, **facts)
        try:
            value = decode(redact.output(out))
        except NotData as error:
            message = f"`{argv[0]}` did not print one JSON value: {error}"
            raise CallError("not-data", message, retriable=False, response=out, unsure=True, **facts) from error
        return Called(output_of(value), given, out, facts)

    def _given(self, visit: Visit) -> bytes:
        if not self._service.takes_feedback:
            return visit.input.data
        parts = {"input": visit.input, "previous": visit.previous, "feedback": visit.feedback}
        return encode({name: part.value if part is not None else None for name, part in parts.items()})

    def _argv(self, visit: Visit) -> list[str]:
        scope = RoleNames(visit)
        try:
            argv = [filled(word, scope) for word in self._service.argv]
        except ExpressionError as error:
            raise CallError("argument-error", str(error), retriable=False) from error
        program = Path(argv[0])
        if not program.is_absolute() and ("/" in argv[0] or os.sep in argv[0]):  # `./check.sh`, too
            argv[0] = str(Path(visit.folder).resolve() / program)
        return argv

    async def _start(self, argv: list[str]) -> asyncio.subprocess.Process:
        starting = asyncio.create_task(self._spawn(argv))
        _starting.add(starting)
        starting.add_done_callback(_starting.discard)
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            # The program may run already, with children that nobody else would end.
            with contextlib.suppress(OSError, ValueError):
                process = await starting
                _running.discard(process.pid)
                await _end(process)
            raise
        except (OSError, ValueError) as error:
            message = f"`{argv[0]}` cannot be started: {getattr(error, 'strerror', None) or error}"
            raise CallError("command-missing", message, retriable=False) from error

    async def _spawn(self, argv: list[str]) -> asyncio.subprocess.Process:
        more = {name: resolve_env(value) for name, value in self._service.env.items()}
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=pipe, stdout=pipe, stderr=pipe, env={**os.environ, **more}, start_new_session=True
        )
        _running.add(process.pid)
        return process

    async def _talk(self, process: asyncio.subprocess.Process, given: bytes) -> tuple[bytes, bytes]:
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise CallError("command-failed", "the program has no pipes")
        reading = asyncio.gather(self._read_out(process.stdout), _read_tail(process.stderr))
        try:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                process.stdin.write(given)
                await process.stdin.drain()
            process.stdin.close()
            return await reading
        finally:
            reading.cancel()

    async def _read_out(self, stream: asyncio.StreamReader) -> bytes:
        found = bytearray()
        while part := await stream.read(65536):
            found += part
            if len(found) > self._service.max_output:
                message = f"more than {self._service.max_output} bytes of output"
                kept = bytes(found[:_STDERR_KEPT])
                raise CallError("output-too-large", message, retriable=False, response=kept, unsure=True)
        return bytes(found)


async def _read_tail(stream: asyncio.StreamReader) -> bytes:
    kept = b""
    while part := await stream.read(65536):
        kept = (kept + part)[-_STDERR_KEPT:]
    return kept


async def _end(process: asyncio.subprocess.Process) -> None:
    """Stop what is left, wait until it is gone, and let go of its pipes while the loop still runs."""
    _stop(process.pid)
    # asyncio gives no public way to close the pipes of a program that somebody else may hold open, and waits for the
    # end of what it has stopped to read.
    transport = getattr(process, "_transport", None)
    if transport is not None:
        transport.close()
    with contextlib.suppress(asyncio.CancelledError, TimeoutError):
        await asyncio.wait_for(process.wait(), _PATIENCE)
    await asyncio.sleep(0)


async def stop_all() -> None:
    """End every command that is being called, and wait for one that is about to run: nobody else would end it."""
    if _starting:
        await asyncio.wait(_starting, timeout=_PATIENCE)
    for group in tuple(_running):
        _stop(group)


def _stop(group: int) -> None:
    """End what is left of the program and its children."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
