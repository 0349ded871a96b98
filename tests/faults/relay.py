"""A spec whose services count their calls, and a server of processes that die at named points.

The spec is a relay of five roles: `a`, then `b` and `c` side by side, a join into `d`, and a loop of `d`
and `e` that is gone through twice: seven hops. One role, the `marked` one, is an actor whose effect may
happen once, behind a touchpoint.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from choreo.store import RunRecord, Store
from choreo.trace import Asked, Attempt, Decided, Event, HandedOver, HopFinished, HopStarted, RunFinished

ROOT = Path(__file__).parents[2]
ROLES = ("a", "b", "c", "d", "e")
VISITS = {"a": 1, "b": 1, "c": 1, "d": 2, "e": 2}
RESULT = {"ok": True, "path": ["start", "a", "b", "start", "a", "c", "d", "d", "e"]}
"""What a run without a fault gives."""
GATED_HANDOFF = {"a": "trigger->a", "b": "a->b", "c": "a->c", "d": "b,c->d", "e": "d->e"}

SERVICES = '''\
"""Each call leaves a line in the file CALLS, as an effect leaves a mark in the world."""

import os
import signal


def called(role):
    handle = os.open(os.environ["CALLS"], os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    os.write(handle, role.encode() + b"\\n")
    os.close(handle)
    if os.environ.get("DIE_IN") == role:
        os.kill(os.getpid(), signal.SIGKILL)


def step(role, given, **more):
    called(role)
    return {**given, "path": [*given["path"], role], **more}


def a(given):
    return step("a", given)


def b(given):
    return step("b", given)


def c(given):
    return step("c", given)


def d(given, previous=None, feedback=None):
    return step("d", given if previous is None else previous, ok=feedback is not None)


def e(given):
    return step("e", given)
'''

THING = {
    "type": "object",
    "required": ["path"],
    "properties": {
        "path": {"type": "array", "items": {"type": "string"}},
        "ok": {"type": "boolean"},
        "note": {"type": "string"},
    },
}


def write_spec(folder: Path, marked: str, limits: Mapping[str, Any] | None = None) -> Path:
    """The relay with its marked role, written as YAML (JSON is YAML)."""
    (folder / "work.py").write_text(SERVICES, encoding="utf-8")
    roles: dict[str, Any] = {
        role: {
            "kind": "actor" if role == marked else "researcher",
            "does": f"Carry it through {role}",
            "service": {"python": f"work:{role}", **({"takes_feedback": True} if role == "d" else {})},
            "accepts": "thing@^1",
            "emits": "thing@1.0.0",
            **({"effect": "once"} if role == marked else {}),
        }
        for role in ROLES
    }
    handoffs: dict[str, dict[str, Any]] = {
        "trigger->a": {"from": "trigger", "to": "a"},
        "a->b": {"from": "a", "to": "b"},
        "a->c": {"from": "a", "to": "c"},
        "b,c->d": {"from": ["b", "c"], "to": "d", "pass": {"path": "b.path + c.path", "ok": False}},
        "d->e": {"from": "d", "to": "e"},
        "e->d": {"from": "e", "to": "d", "when": "!out.ok", "revise": True, "at_most": 2, "pass": {"note": "'again'"}},
        "e->end": {"from": "e", "to": "end", "otherwise": True},
    }
    handoffs[GATED_HANDOFF[marked]]["touchpoint"] = "gate"
    spec = {
        "choreo": 1,
        "name": "relay",
        "version": "1.0.0",
        "contracts": {"thing@1.0.0": THING},
        "trigger": {"accepts": "thing@^1"},
        "result": {"emits": "thing@1.0.0"},
        "roles": roles,
        "handoffs": list(handoffs.values()),
        "touchpoints": {"gate": {"ask": "Go on?", "stakes": "high"}},
        **({"limits": limits} if limits else {}),
    }
    path = folder / "relay.yaml"
    path.write_text(json.dumps(spec, indent=1), encoding="utf-8")
    return path


def environment(**more: str) -> dict[str, str]:
    """What every child needs to find this package, and nothing that changes how it speaks."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH", "TMPDIR") if name in os.environ}
    kept["PYTHONPATH"] = os.pathsep.join(part for part in (str(ROOT), kept.get("PYTHONPATH", "")) if part)
    return {**kept, "LANG": "C.UTF-8", "LITELLM_LOCAL_MODEL_COST_MAP": "True", **more}


class Nursery:
    """Forks children of one warmed-up process: each is a process of its own, without the price of start-up."""

    def __init__(self) -> None:
        program = Path(__file__).with_name("dying.py")
        self._server = subprocess.Popen(
            [sys.executable, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(), text=True
        )

    def run(self, **job: Any) -> int:
        """The exit code of a child; minus the signal's number where a signal ended it."""
        if self._server.stdin is None or self._server.stdout is None:
            raise AssertionError("the nursery has no pipes")
        self._server.stdin.write(json.dumps(job) + "\n")
        self._server.stdin.flush()
        answer = self._server.stdout.readline()
        if not answer:
            raise AssertionError("the nursery has died")
        return int(answer)

    def close(self) -> None:
        if self._server.stdin is not None:
            self._server.stdin.close()
        self._server.wait(10)
        if self._server.stdout is not None:
            self._server.stdout.close()


@dataclass
class World:
    """One run of the relay, in a folder of its own."""

    folder: Path
    marked: str
    nursery: Nursery
    steps: int = 0
    """Commands that ended as they should have."""

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.spec = write_spec(self.folder, self.marked)

    @property
    def db(self) -> Path:
        return self.folder / "trace.db"

    def child(self, do: str, **job: Any) -> int:
        """One child process; what it says lands in `out` and `err`."""
        paths = {"calls": str(self.folder / "calls"), "acks": str(self.folder / "acks"), "db": str(self.db)}
        return self.nursery.run(do=do, folder=str(self.folder), spec=str(self.spec), **paths, **job)

    def choreo(self, *args: str) -> int:
        return self.child("choreo", args=[*args, "--db", str(self.db)])

    def said(self, stream: str) -> str:
        return (self.folder / stream).read_text(encoding="utf-8")

    # -- what is on record ---------------------------------------------------------------------------

    def record(self) -> RunRecord:
        store = Store.read(self.db)
        try:
            found = store.runs()
        finally:
            store.close()
        if len(found) != 1:
            raise AssertionError(f"{len(found)} runs on record")
        return found[0]

    def entries(self) -> list[Event | Attempt]:
        store = Store.read(self.db)
        try:
            return [entry for _, entry in store.entries(store.runs()[0], attempts=True)]
        finally:
            store.close()

    def verified(self) -> bool:
        store = Store.read(self.db)
        try:
            return store.verify(store.runs()[0])
        finally:
            store.close()

    def calls(self) -> Counter[str]:
        path = self.folder / "calls"
        return Counter(path.read_text().split() if path.exists() else ())

    def acknowledged(self) -> list[int]:
        """Numbers of the hops that were shown as done, in order."""
        path = self.folder / "acks"
        return [int(line) for line in path.read_text().split()] if path.exists() else []

    # -- a person at work ----------------------------------------------------------------------------

    def finish(self, most: int = 12) -> dict[str, Any]:
        """Resume, and answer what is asked, until the run is over; the result."""
        code = self.choreo("resume", "last")
        for _ in range(most):
            if code != 4:
                break
            self.steps += 1
            code = self.answer()
        if code != 0:
            raise AssertionError(f"ended with {code}: {self.said('err')}")
        self.steps += 1
        return self.result()

    def result(self) -> dict[str, Any]:
        """What reached the end, as it stands on record."""
        ends = [entry for entry in self.entries() if isinstance(entry, RunFinished)]
        if len(ends) != 1 or ends[0].payload is None:
            raise AssertionError(f"{len(ends)} ends on record")
        return dict(ends[0].payload.value)

    def answer(self) -> int:
        """What a careful person does: approve what waits; look in the world for an effect that is in doubt."""
        if "choreo review " not in self.said("err"):
            raise AssertionError(f"no next command in: {self.said('err')}")
        question = self.open_question()
        if question.kind == "approve":
            return self.choreo("review", "last", "--approve", "--by", "tester")
        starts = [hop for hop in self.entries() if isinstance(hop, HopStarted) and hop.role == self.marked]
        if self.calls()[self.marked] < len(starts):
            return self.child("redo", role=self.marked)
        receipt = self.folder / "receipt.json"
        receipt.write_text(json.dumps(receipt_of(self.marked, starts[-1])), encoding="utf-8")
        return self.choreo("review", "last", "--edit", str(receipt), "--by", "tester", "--note", "looked it up")

    def open_question(self) -> Asked:
        entries = self.entries()
        closed = {entry.question for entry in entries if isinstance(entry, Decided)}
        return next(entry for entry in entries if isinstance(entry, Asked) and entry.question not in closed)


def receipt_of(role: str, start: HopStarted) -> dict[str, Any]:
    """What the service gave back for this start: it is a function of its input."""
    given = start.previous.value if start.previous is not None else start.input.value
    more = {"ok": start.feedback is not None} if role == "d" else {}
    return {**given, "path": [*given["path"], role], **more}


def check_record(world: World) -> None:
    """The invariants that hold for every run on record, whatever happened to it."""
    entries = world.entries()
    assert world.verified(), "the hash chain is broken"
    starts = {entry.hop: entry for entry in entries if isinstance(entry, HopStarted)}
    ends = {entry.hop for entry in entries if isinstance(entry, HopFinished)}
    assert set(world.acknowledged()) <= ends, "a hop that was shown as done is not on record"
    handed = {entry.number for entry in entries if isinstance(entry, HandedOver)}
    assert {start.handoff for start in starts.values()} <= handed, "a hop without a cause"
    assert all(entry.sources for entry in entries if isinstance(entry, HandedOver))
    shown = {entry.question: entry.payload.digest for entry in entries if isinstance(entry, Asked)}
    for entry in entries:
        if isinstance(entry, Decided):
            assert entry.shown == shown[entry.question], "a decision that is not bound to what was shown"
    cut = Counter(starts[number].role for number in interrupted_hops(world))
    for role, calls in world.calls().items():
        hops = sum(1 for start in starts.values() if start.role == role)
        again = 0 if role == world.marked else cut[role]
        assert calls <= hops + again, f"{role} was called {calls} times for {hops} hops"


def interrupted_hops(world: World) -> list[int]:
    """The hop of each attempt that a dying process left behind."""
    store = Store.read(world.db)
    try:
        return [hop for hop, attempt in store.attempts(store.runs()[0]) if attempt.kind == "interrupted"]
    finally:
        store.close()
