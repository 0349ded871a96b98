"""`service: {python: "module:function"}`: a function of the spec's folder, called in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import inspect
import os
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NoReturn

from choreo.canonical import digest_of, read
from choreo.loading.modules import hides_pythons_own
from choreo.players.base import Played, Player, Soon, Visit
from choreo.players.service import Called, CallError, ServicePlayer, output_of
from choreo.players.workers import Begun, Hand, Line
from choreo.spec import PythonService

MOMENT = 0.001
"""Seconds for which a function that has been quick holds everything else up: a way through the event loop and back
costs more than most functions do."""
NO_HURRY = 1.0
"""Seconds that a call must have to stand in a line, which may have to be broken up first."""
_loaded: dict[tuple[str, str], tuple[Callable[..., Any], dict[str, str]]] = {}


class PythonCall:
    """Calls `function(input)`; with `takes_feedback`, `function(input, previous=..., feedback=...)`.

    A call that overruns its deadline cannot be stopped: its thread is left behind and its result discarded.
    """

    kind = "python"
    ends_in_time = False

    def __init__(self, service: PythonService) -> None:
        self._service = service
        self._loaded: tuple[Callable[..., Any], dict[str, str]] | None = None
        self._is_quick = True

    async def __call__(self, visit: Visit, seconds: float) -> Called:
        return await self.awaited(visit, self.begin(visit))

    async def awaited(self, visit: Visit, begun: Begun[Any]) -> Called:
        """What a call gives that was begun."""
        value = await begun.awaited()
        self._is_quick = begun.seconds < MOMENT
        return self._called(visit, value)

    def may_be_quick(self, visit: Visit) -> bool:
        """Whether a call may be over within a moment: not where the last one was not, or the function is not there."""
        if not self._is_quick or visit.deadline < MOMENT:
            return False
        with contextlib.suppress(CallError):
            self._function(visit)
        return self._loaded is not None

    def at_once(self, visit: Visit, begun: Begun[Any], within: float) -> Called | None:
        """What a call gave, if it is over within some seconds. Where it raised, so does `awaited`."""
        over = begun.is_over(within)
        self._is_quick = over and begun.seconds < MOMENT
        if over:
            with contextlib.suppress(CallError):
                return self._called(visit, begun.result())
        return None

    def begin(self, visit: Visit, hand: Hand | None = None) -> Begun[Any]:
        """Begin a call. Raises CallError where the function is not there."""
        function = self._function(visit)
        arguments = (_fresh(visit.input),)
        named: dict[str, Any] = {}
        if self._service.takes_feedback:
            named = {"previous": _fresh(visit.previous), "feedback": _fresh(visit.feedback)}
        return Begun(lambda: _call(function, arguments, named), hand)

    def _function(self, visit: Visit) -> Callable[..., Any]:
        self._loaded = self._loaded or load_function(visit.folder, self._service.target)
        return self._loaded[0]

    def _called(self, visit: Visit, value: Any) -> Called:
        output = output_of(value)
        return Called(output, visit.input.data, output.data, self._loaded[1] if self._loaded else {})


class PythonPlayer(ServicePlayer):
    """A service that may have its output within a moment: it is then waited for on the spot, or (`line`) with others
    of its kind."""

    def __init__(self, call: PythonCall, line: Line | None = None) -> None:
        super().__init__(call)
        self._python, self._line = call, line

    def play_if_quick(self, visit: Visit) -> Played | Player | Soon:
        start = time.time(), time.monotonic()
        if not self._python.may_be_quick(visit):
            return self
        if self._line is not None:
            return self if visit.deadline < NO_HURRY else _InLine(self, visit, self._line, start)
        return self.played(visit, self._python.begin(visit), start, MOMENT)

    def begin(self, visit: Visit, hand: Hand) -> None:
        """Have a call made by what `hand` gives it to."""
        self._python.begin(visit, hand)

    def played(
        self, visit: Visit, begun: Begun[Any], start: tuple[float, float], within: float = 0.0
    ) -> Played | Player:
        """The output of a call that was begun at `start`; where it is not there within some seconds, who goes on."""
        called = self._python.at_once(visit, begun, within)
        if called is None:
            return _GoesOn(self._python, begun, start)
        return self._done(called, start[0], begun.seconds)


class _InLine:
    """A call that takes its turn with other quick ones."""

    def __init__(self, player: PythonPlayer, visit: Visit, line: Line, start: tuple[float, float]) -> None:
        self._player, self._visit, self._line, self._start = player, visit, line, start

    def then(self, tell: Callable[[Callable[[], Played | Player]], None]) -> None:
        def over(begun: Begun[Any]) -> None:
            tell(lambda: self._player.played(self._visit, begun, self._start))

        self._player.begin(self._visit, lambda begun: self._line.add(begun, over))


class _GoesOn(ServicePlayer):
    """Plays a visit whose first call was begun at `start`: the function is not called anew for it."""

    def __init__(self, call: PythonCall, begun: Begun[Any], start: tuple[float, float]) -> None:
        super().__init__(call)
        self._python, self._start = call, start
        self._begun: Begun[Any] | None = begun

    def _starts(self) -> tuple[float, float]:
        return self._start if self._begun is not None else super()._starts()

    def _make(self, visit: Visit, seconds: float) -> Awaitable[Called]:
        begun, self._begun = self._begun, None
        return self._python.awaited(visit, begun) if begun is not None else super()._make(visit, seconds)


def _fresh(payload: Any) -> Any:
    """The service's own copy: what it changes in its input must not reach the record."""
    return read(payload.data) if payload is not None else None


def _call(function: Callable[..., Any], arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
    process = os.getpid()
    try:
        value = function(*arguments, **named)
        value = asyncio.run(value) if inspect.iscoroutine(value) else value
        if os.getpid() != process:
            sys.exit()
        return value
    except BaseException as raised:  # noqa: BLE001 - whatever a service raises is the failure of its hop
        if os.getpid() != process:
            _end_child(raised)
        try:
            told, said = "".join(traceback.format_exception(raised)), str(raised)
        except BaseException:  # noqa: BLE001 - an exception of somebody's own may fail at telling what it is
            told, said = "", "what it says of itself cannot be told"
        raise CallError("service-error", f"{type(raised).__name__}: {said}", traceback=told) from None


def _end_child(raised: BaseException) -> NoReturn:
    """A process that a function forked comes back from it: it must not go on as if it were the one that called."""
    code = raised.code if isinstance(raised, SystemExit) else 1
    with contextlib.suppress(BaseException):
        if not isinstance(raised, SystemExit):
            traceback.print_exception(raised)
        elif code is not None and not isinstance(code, int):
            print(code, file=sys.stderr)  # noqa: T201 - as Python does with the words of an exit
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    os._exit(code if isinstance(code, int) else code is not None)


def load_function(folder: str, target: str) -> tuple[Callable[..., Any], dict[str, str]]:
    """The function a spec names, found from the spec's folder, and facts for the trace: `code`, where it is known
    (see `code_of`). Raises CallError."""
    key = (os.path.abspath(folder), target)
    if key not in _loaded:
        code = code_of(*key)
        _loaded[key] = _import(*key), {"code": code} if code is not None else {}
    return _loaded[key]


def code_of(folder: str, target: str) -> str | None:
    """The digest (12 hex digits) of the module that a spec names, as it is on disk; None where it is not the folder's.

    What the module imports is not looked at.
    """
    path = Path(folder, *target.partition(":")[0].split("."))
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        with contextlib.suppress(OSError):
            return digest_of(file.read_bytes()).removeprefix("sha256:")[:12]
    return None


def _import(folder: str, target: str) -> Callable[..., Any]:
    module_name, _, function_name = target.partition(":")
    hidden = hides_pythons_own(Path(folder), module_name)
    if hidden is not None:
        raise CallError("service-missing", hidden, retriable=False)
    _make_room(folder, module_name)
    sys.path.insert(0, folder)
    try:
        module = importlib.import_module(module_name)
        function = getattr(module, function_name)
    except Exception as error:
        message = f"`{target}` cannot be loaded from {folder}: {type(error).__name__}: {error}"
        raise CallError("service-missing", message, retriable=False) from error
    finally:
        sys.path.remove(folder)
    if not callable(function):
        raise CallError("service-missing", f"`{target}` is not a function", retriable=False)
    return function  # type: ignore[no-any-return]


def _make_room(folder: str, module_name: str) -> None:
    """Two specs may each have a `services.py`: forget one that was loaded from another folder."""
    first = module_name.partition(".")[0]
    found = sys.modules.get(first)
    places = [*getattr(found, "__path__", ()), getattr(found, "__file__", None) or ""] if found else []
    here = Path(folder)
    own = (here / first).exists() or (here / f"{first}.py").exists()
    if not found or not own or any(Path(place).is_relative_to(here) for place in places if place):
        return
    for name in [name for name in sys.modules if name == first or name.startswith(f"{first}.")]:
        del sys.modules[name]
