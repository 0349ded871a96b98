"""`service: {python: "module:function"}`: a function of the spec's folder, called in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import inspect
import queue
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from choreo.players.base import Visit
from choreo.players.service import Called, CallError, output_of
from choreo.spec import PythonService

_loaded: dict[tuple[str, str], Callable[..., Any]] = {}


class PythonCall:
    """Calls `function(input)`; with `takes_feedback`, `function(input, previous=..., feedback=...)`.

    A call that overruns its deadline cannot be stopped: its thread is left behind and its result discarded.
    """

    kind = "python"

    def __init__(self, service: PythonService) -> None:
        self._service = service
        self._function: Callable[..., Any] | None = None

    async def __call__(self, visit: Visit, seconds: float) -> Called:
        function = self._function = self._function or load_function(visit.folder, self._service.target)
        arguments = (_fresh(visit.input),)
        named: dict[str, Any] = {}
        if self._service.takes_feedback:
            named = {"previous": _fresh(visit.previous), "feedback": _fresh(visit.feedback)}
        value = await _in_thread(function, arguments, named)
        output = output_of(value)
        return Called(output, visit.input.data, output.data)


def _fresh(payload: Any) -> Any:
    """The service's own copy: what it changes in its input must not reach the record."""
    import json

    return json.loads(payload.data) if payload is not None else None


async def _in_thread(function: Callable[..., Any], arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()

    def deliver(value: Any, error: CallError | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(value)

    def work() -> Callable[[], None]:
        value, error = None, None
        try:
            value = function(*arguments, **named)
            if inspect.iscoroutine(value):
                value = asyncio.run(value)
        except BaseException as raised:  # noqa: BLE001 - whatever a service raises is the failure of its hop
            told = "".join(traceback.format_exception(raised))
            error = CallError("service-error", f"{type(raised).__name__}: {raised}", traceback=told)
        return lambda: _tell(loop, deliver, value, error)

    worker = _idle.pop() if _idle else _Worker()
    worker.jobs.put(work)
    return await future


def _tell(loop: asyncio.AbstractEventLoop, deliver: Callable[..., None], value: Any, error: CallError | None) -> None:
    with contextlib.suppress(RuntimeError):  # the run is over: nobody waits for a late result
        loop.call_soon_threadsafe(deliver, value, error)


class _Worker:
    """A thread that calls one service after another. A call that hangs keeps its worker; others get a new one."""

    def __init__(self) -> None:
        self.jobs: queue.SimpleQueue[Callable[[], Callable[[], None]]] = queue.SimpleQueue()
        # A daemon: a call that hangs past its deadline must not keep the process from ending.
        threading.Thread(target=self._work, daemon=True, name="choreo-service").start()

    def _work(self) -> None:
        while True:
            tell = self.jobs.get()()
            _idle.append(self)
            tell()


_idle: list[_Worker] = []


def load_function(folder: str, target: str) -> Callable[..., Any]:
    """The function a spec names, found from the spec's folder. Raises CallError."""
    key = (str(Path(folder).resolve()), target)
    if key not in _loaded:
        _loaded[key] = _import(*key)
    return _loaded[key]


def _import(folder: str, target: str) -> Callable[..., Any]:
    module_name, _, function_name = target.partition(":")
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
