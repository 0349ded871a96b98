"""Python functions: quick ones are waited for on the spot, slow ones are not, and each is called once per visit."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from model_visits import PLACE, model_visit
from msgspec.structs import replace

from choreo.errors import PlayFailed
from choreo.players import python_service
from choreo.players.base import Played, Player, Visit
from choreo.players.python_service import PythonCall, PythonPlayer, _GoesOn
from choreo.spec import PythonService, Retry
from choreo.trace import Attempt

MODULE = """
import threading

calls = []
gate = threading.Event()

def quick(given):
    calls.append(given["n"])
    return {"n": given["n"] * 2}

def held(given):
    calls.append(given["n"])
    gate.wait(60)
    return {"n": given["n"] * 2}

class Untold(Exception):
    def __str__(self):
        return 1 / 0

class Leaving(Exception):
    def __str__(self):
        raise SystemExit

def untold(given):
    raise Untold if given["n"] else Leaving

def broken(given):
    calls.append(given["n"])
    if len(calls) < 3:
        raise ValueError("not yet")
    return {"n": 3}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "steps.py").write_text(MODULE)
    monkeypatch.setattr(python_service, "MOMENT", 30.0)  # a busy machine must not make a quick function slow
    return tmp_path


def player(function: str) -> PythonPlayer:
    return PythonPlayer(PythonCall(PythonService(f"steps:{function}", PLACE)))


def visit(folder: Path, n: int, **changes: Any) -> Visit:
    return replace(model_visit(given={"n": n}, retry=changes.pop("retry", None)), folder=str(folder), **changes)


def steps() -> Any:
    return sys.modules["steps"]


def played_on(waits: Played | Player, visit: Visit, made: list[Attempt] | None = None) -> Played:
    """What a player gives that had no output on the spot. Its failed attempts come into `made`."""
    assert not isinstance(waits, Played)
    return asyncio.run(waits.play(visit, [].append if made is None else made.append))


def test_a_quick_function_has_its_output_on_the_spot(folder: Path) -> None:
    played = player("quick").play_if_quick(visit(folder, 21))
    assert isinstance(played, Played)
    [attempt] = played.attempts
    assert (played.value.value, attempt.kind, attempt.response) == ({"n": 42}, "python", b'{"n":42}')


def test_a_slow_function_is_called_once_and_waited_for_elsewhere(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(python_service, "MOMENT", 0.001)
    held, first, second = player("held"), visit(folder, 1), visit(folder, 2, hop=2)
    before = time.time()
    waits = held.play_if_quick(first)
    after = time.time()
    assert held.play_if_quick(second) is held, "it was slow: it is not waited for again"
    assert steps().calls == [1]
    steps().gate.set()
    played = [played_on(*one) for one in ((waits, first), (held, second))]
    assert [one.value.value for one in played] == [{"n": 2}, {"n": 4}]
    assert steps().calls == [1, 2]
    assert before <= played[0].attempts[0].started <= after, "it began with its call, not with the waiting for it"


def test_a_slow_call_ends_at_its_deadline(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(python_service, "MOMENT", 0.001)
    held, late = player("held"), visit(folder, 1, deadline=0.05)
    waits = held.play_if_quick(late)
    made: list[Attempt] = []
    with pytest.raises(PlayFailed, match="no result within"):
        played_on(waits, late, made)
    assert [attempt.code for attempt in made] == ["timeout"]
    steps().gate.set()


def test_what_a_call_has_waited_counts_towards_its_deadline(folder: Path) -> None:
    call = PythonCall(PythonService("steps:held", PLACE))
    late = visit(folder, 1, deadline=60.0)
    long_ago = time.time() - 100, time.monotonic() - 100
    with pytest.raises(PlayFailed, match="no result within"):
        played_on(_GoesOn(call, call.begin(late), long_ago), late)
    steps().gate.set()


def test_a_call_that_raises_at_once_counts_as_an_attempt_and_is_tried_again(folder: Path) -> None:
    broken, made = player("broken"), []
    again = visit(folder, 7, retry=Retry(attempts=3, backoff=0.0))
    played = played_on(broken.play_if_quick(again), again, made)
    assert ([attempt.code for attempt in made], played.value.value) == (["service-error"] * 2, {"n": 3})
    assert steps().calls == [7, 7, 7]


def test_a_function_that_cannot_be_loaded_fails_where_its_hop_is_played(folder: Path) -> None:
    absent = player("nothing")
    with pytest.raises(PlayFailed, match="cannot be loaded"):
        played_on(absent.play_if_quick(visit(folder, 1)), visit(folder, 1))


def test_an_exception_that_cannot_be_told_is_a_failure_of_the_hop(folder: Path) -> None:
    for n, name in enumerate(("Leaving", "Untold")):
        with pytest.raises(PlayFailed, match=f"{name}: what it says of itself cannot be told"):
            asyncio.run(player("untold").play(visit(folder, n), lambda attempt: None))


def test_a_module_that_would_hide_one_of_pythons_own_is_not_used(folder: Path) -> None:
    (folder / "json.py").write_text("def one(given):\n    return given\n")
    with pytest.raises(PlayFailed, match="`json` is the name of a module of Python's own"):
        asyncio.run(
            PythonPlayer(PythonCall(PythonService("json:one", PLACE))).play(visit(folder, 1), lambda attempt: None)
        )
    assert hasattr(json, "loads")
