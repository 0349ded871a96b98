"""The embedded runtime: one loaded model in this process, one inference at a time, stoppable.

Everything here blocks and runs in worker threads of `choreo.players.local`. The runtime ignores
signals while it works and can only be stopped from the callback it gives each piece to; it reads
prompts in batches of `BATCH` tokens and calls back after each one.
"""

from __future__ import annotations

import atexit
import functools
import os
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from choreo.errors import ChoreoError

BATCH = 64
"""Prompt tokens between two chances to stop: about a second for a 1.5B model on two cores, at no loss of speed."""

_LOOK = 0.25
"""Seconds to look how busy the machine is."""

Piece = Callable[[Mapping[str, Any]], None]


class Stopped(Exception):
    """The caller no longer wants the answer."""


class CannotLoad(ChoreoError):
    """The runtime is not installed, or does not take the file."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a model is loaded with: the file, tokens of context, threads."""

    path: Path
    ctx: int
    threads: int


@dataclass(slots=True)
class _Loaded:
    setting: Setting
    server: Any


_turn = threading.Lock()
_stops: set[threading.Event] = set()
_loaded: _Loaded | None = None


def version() -> str:
    """`xllamacpp 2026.10.11549`. Raises CannotLoad where the runtime is missing."""
    return f"xllamacpp {_runtime().__version__}"


def cores() -> int:
    """The cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@functools.cache
def threads_to_use() -> int:
    """The cores that are not busy when the first model of this process is loaded, at least one.

    The runtime's threads wait for each other at every step, spinning: on two cores of which a neighbour holds one,
    two threads were measured ten to twenty times slower than one.
    """
    before = _idle_seconds()
    time.sleep(_LOOK)
    after = _idle_seconds()
    if before is None or after is None:
        return cores()
    return max(1, min(cores(), round((after - before) / _LOOK)))


def _idle_seconds() -> float | None:
    """Seconds all cores together have been idle; None where the system does not say."""
    try:
        *_, idle, wait = Path("/proc/stat").read_text("ascii").split(maxsplit=6)[1:6]
        return (int(idle) + int(wait)) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, AttributeError):
        return None


def infer(setting: Setting, request: Mapping[str, Any], piece: Piece, stop: threading.Event) -> float:
    """Play one chat completion, giving each streamed piece to `piece`; seconds spent loading (0.0 if loaded).

    Waits for its turn. Raises Stopped soon after `stop` is set, CannotLoad.
    """
    _take_turn(stop)
    _stops.add(stop)
    try:
        began = time.monotonic()
        server, fresh = _load(setting)
        seconds = time.monotonic() - began if fresh else 0.0
        _check(stop)

        def on_piece(chunk: Mapping[str, Any]) -> bool:
            piece(chunk)
            return stop.is_set()  # True ends the inference

        server.handle_chat_completions(dict(request), on_piece)
        _check(stop)
        return seconds
    finally:
        _stops.discard(stop)
        _turn.release()


def _take_turn(stop: threading.Event) -> None:
    while not _turn.acquire(timeout=0.05):
        _check(stop)
    if stop.is_set():
        _turn.release()
        raise Stopped


def _check(stop: threading.Event) -> None:
    if stop.is_set():
        raise Stopped


def _load(setting: Setting) -> tuple[Any, bool]:
    """(the server for this setting, was it loaded just now). Only one is ever in memory."""
    global _loaded  # noqa: PLW0603  the process has one model
    if _loaded is not None and _loaded.setting == setting:
        return _loaded.server, False
    runtime = _runtime()
    _loaded = None  # free the old model before the new one comes
    try:
        server = runtime.Server(_params(runtime, setting))
    except (RuntimeError, ValueError) as error:
        raise CannotLoad(
            "model-unusable",
            f"the runtime cannot load {setting.path}",
            "remove it with `choreo models rm` and pull it again, or try a smaller ctx",
        ) from error
    _loaded = _Loaded(setting, server)
    return server, True


def _params(runtime: Any, setting: Setting) -> Any:
    params = runtime.CommonParams()
    params.model.path = str(setting.path)
    params.n_ctx = setting.ctx
    params.n_batch = params.n_ubatch = BATCH
    params.n_parallel = 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = setting.threads
    params.no_extra_bufts = True  # no second, repacked copy of the weights: loads faster, a third less memory
    params.warmup = params.fit_params = False
    params.cache_ram_mib = 0  # the prompt of the last call is kept, older ones are not
    params.verbosity = 0  # nothing on the terminal
    # The runtime always opens a port on 127.0.0.1; nobody but this process can know the key.
    params.hostnames = ["127.0.0.1"]
    params.api_keys = [secrets.token_hex(32)]
    params.ui = params.endpoint_slots = False
    return params


def _runtime() -> Any:
    try:
        import xllamacpp
    except ImportError as error:
        raise CannotLoad(
            "runtime-missing",
            "the embedded model runtime is not installed",
            'install it with `pip install "choreo-run[local]"`',
        ) from error
    return xllamacpp


def _leave() -> None:
    """End a running inference before the interpreter goes away under it, then free the model."""
    global _loaded  # noqa: PLW0603
    for stop in tuple(_stops):
        stop.set()
    if _turn.acquire(timeout=15):
        _loaded = None


atexit.register(_leave)
