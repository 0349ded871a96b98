"""The deadline on checks: whatever the contract and the payload, an answer comes back and nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from choreo.canonical import Payload
from choreo.contract import Contract, check, is_bounded
from choreo.problem import Place
from choreo.verify import Checker, make_checker

REF = {"$ref": "#/$defs/n"}
TWICE = {"properties": {"c": REF}, "required": ["c"]}
ANY_OF = {"$defs": {"n": {"anyOf": [TWICE, TWICE]}}, **REF}


def contract(schema: dict[str, Any]) -> Contract:
    return Contract("case", "1.2.0", schema, Payload.of(schema).digest, Place("case.json"))


def nested(levels: int, value: Any) -> Payload:
    for _ in range(levels):
        value = {"c": value}
    return Payload.of(value)


def doubled(keyword: str) -> dict[str, Any]:
    parts = {f"d{n}": {keyword: [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(30)}
    return {"$defs": {**parts, "d30": {"minimum": 3}}, "$ref": "#/$defs/d0"}


@pytest.fixture
def checker() -> Iterator[Checker]:
    with make_checker(0.5) as made:
        yield made


@pytest.fixture
def patient() -> Iterator[Checker]:
    with make_checker(60.0) as made:
        yield made


@pytest.mark.parametrize(
    ("schema", "payload"),
    [
        (ANY_OF, nested(60, {"d": 1})),
        ({"$defs": {"n": {"oneOf": [{"properties": {"c": REF}}] * 2}}, **REF}, nested(60, {})),
        (doubled("anyOf"), Payload.of(1)),
    ],
    ids=["anyOf", "oneOf", "doubled"],
)
def test_a_check_that_would_not_end_is_a_violation_at_the_deadline(checker, schema, payload):
    tested = contract(schema)
    verdict = checker(tested, payload)
    assert verdict.violations == (
        ("", "could not be checked against case@1.2.0 within 0.5 s: it is too large or too intricate"),
    )
    assert (verdict.contract, verdict.digest) == ("case@1.2.0", tested.digest)


def test_the_process_goes_on_while_a_check_does_not_end(checker):
    ticks = 0
    done = threading.Event()

    def tick() -> None:
        nonlocal ticks
        while not done.wait(0.005):
            ticks += 1

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        assert not checker(contract(ANY_OF), nested(60, {"d": 1})).ok
    finally:
        done.set()
        thread.join()
    assert ticks > 10


def test_after_a_check_that_was_stopped_the_next_one_is_answered(patient):
    patient.deadline = 0.5
    assert "could not be checked" in patient(contract(ANY_OF), nested(60, {"d": 1})).violations[0][1]
    patient.deadline = 60.0
    verdict = patient(contract(ANY_OF), nested(3, {"d": 1}))
    assert "none of the 2 alternatives" in verdict.violations[0][1]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"pattern": "^(a+)+$"}, "a" * 26 + "!"),
        ({"uniqueItems": True}, [{"a": n} for n in range(3_000)]),
        ({"type": "object", "required": ["a"]}, {}),
    ],
)
def test_what_is_bounded_is_checked_in_place(checker, schema, value, monkeypatch):
    def never(*_: object, **__: object) -> None:
        raise AssertionError("a child process was started")

    monkeypatch.setattr(subprocess, "Popen", never)
    tested, payload = contract(schema), Payload.of(value)
    assert is_bounded(tested, payload)
    assert checker(tested, payload) == check(tested, payload)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (ANY_OF, {"c": {"c": "ü\u2028"}}),
        ({"items": {"type": "integer"}}, [1] * 100_000),
        ({"items": {"type": "integer"}}, [1] * 100_000 + ["x"]),
        (doubled("allOf"), 1),
        ({"$ref": "#"}, 1),
        ({"$ref": "http://127.0.0.1:9/", **doubled("allOf"), "allOf": [{"$ref": "http://127.0.0.1:9/"}]}, 1),
    ],
)
def test_the_child_gives_the_verdict_that_a_check_in_place_gives(patient, schema, value):
    tested, payload = contract(schema), Payload.of(value)
    assert not is_bounded(tested, payload)
    assert patient(tested, payload) == check(tested, payload)


def test_one_child_serves_many_checks_and_each_schema_is_told_once(patient, monkeypatch):
    started = []
    start = subprocess.Popen

    def count(*args: Any, **settings: Any) -> Any:
        started.append(start(*args, **settings))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", count)
    other = contract({**ANY_OF, "title": "another"})
    for n in range(5):
        assert not patient(contract(ANY_OF), nested(n, {"d": 1})).ok
        assert not patient(other, nested(n, {"d": 1})).ok
    assert len(started) == 1
    patient.close()
    assert started[0].returncode is not None
    assert not patient(other, nested(1, {"d": 1})).ok
    assert len(started) == 2


def test_threads_take_turns_and_get_their_own_answers(patient):
    found: dict[int, bool] = {}
    tested = contract({"items": {"type": "integer"}})

    def ask(n: int) -> None:
        found[n] = patient(tested, Payload.of([1] * 30_000 + ([] if n % 2 else ["x"]))).ok

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {n: bool(n % 2) for n in range(8)}


def test_a_child_that_breaks_down_is_a_violation_and_is_replaced(patient):
    assert not patient(contract(ANY_OF), nested(2, {"d": 1})).ok
    child = patient._child
    assert child is not None
    killed = threading.Timer(0.3, child._process.kill)
    killed.start()
    verdict = patient(contract(ANY_OF), nested(60, {"d": 1}))
    killed.join()
    assert verdict.violations == (("", "could not be checked against case@1.2.0: the check broke down"),)
    assert "none of the 2" in patient(contract(ANY_OF), nested(2, {"d": 1})).violations[0][1]


def test_without_a_child_process_the_payload_counts_as_not_checked(checker, monkeypatch):
    def none(*_: object, **__: object) -> None:
        raise OSError("no more processes")

    monkeypatch.setattr(subprocess, "Popen", none)
    ((_, sentence),) = checker(contract(ANY_OF), nested(2, {"d": 1})).violations
    assert "no more processes" in sentence


def test_an_interrupt_leaves_no_answer_behind_for_the_next_check(patient, monkeypatch):
    assert not patient(contract(ANY_OF), nested(2, {"d": 1})).ok
    child = patient._child
    assert child is not None

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(child, "ask", interrupted)
    with pytest.raises(KeyboardInterrupt):
        patient(contract(ANY_OF), nested(2, {"d": 1}))
    assert child._process.returncode is not None
    assert patient(contract({"items": {"type": "integer"}}), Payload.of([1] * 100_000)).ok


PARENT = """
import sys
from choreo.canonical import Payload
from choreo.contract import Contract
from choreo.problem import Place
from choreo.verify import make_checker
REF = {"$ref": "#/$defs/n"}
TWICE = {"properties": {"c": REF}, "required": ["c"]}
schema = {"$defs": {"n": {"anyOf": [TWICE, TWICE]}}, **REF}
value = {"d": 1}
checker = make_checker(300.0)
contract = Contract("c", "1.0.0", schema, Payload.of(schema).digest, Place(""))
checker(contract, Payload.of({"c": value}))
print(checker._child._process.pid, flush=True)
if sys.argv[1] == "busy":
    for _ in range(60):
        value = {"c": value}
    checker(contract, Payload.of(value))
elif sys.argv[1] == "idle":
    sys.stdin.read()
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes through /proc")
@pytest.mark.parametrize("state", ["busy", "idle", "end"])
def test_the_child_never_outlives_its_parent(state):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, state], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdin is not None
    assert parent.stdout is not None
    with parent.stdin, parent.stdout:
        child = int(parent.stdout.readline())
        if state == "busy":
            start = _cpu(child)
            _wait(lambda: _cpu(child) > start + 0.2)  # it is in the middle of the check
        if state != "end":
            assert _runs(child)
            os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
        _wait(lambda: not _runs(child))


def _wait(condition: Any, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _runs(pid: int) -> bool:
    return bool(_stat(pid)) and _stat(pid)[0] not in "ZX"


def _cpu(pid: int) -> float:
    """Seconds of processor time."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if fields else 0.0


def test_the_working_directory_is_no_place_to_import_from(tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("raise SystemExit('imported from the working directory')")
    monkeypatch.chdir(tmp_path)
    with make_checker(60.0) as made:
        assert "none of the 2" in made(contract(ANY_OF), nested(2, {"d": 1})).violations[0][1]
