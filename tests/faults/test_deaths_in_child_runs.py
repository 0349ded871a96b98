"""Deaths while a child run plays, then resume: what was finished is not played again, above or below."""

from __future__ import annotations

import itertools
import json
import signal
import textwrap
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from command_line import choreo, start
from runners.nesting import INNER, Nest
from stage import Crash

from choreo.runners import child_end, children
from choreo.store import Store
from choreo.trace import HopFinished, HopStarted

SERVICES = """
import os, signal

def called(role, x):
    with open("calls", "a") as file:
        file.write(role + "\\n")
    if os.environ.get("DIE_IN") == role:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"n": x["n"] + 1}

def a(x): return called("a", x)
def b(x): return called("b", x)
def c(x): return called("c", x)
def d(x): return called("d", x)
"""
CONTRACT = "contracts:\n  any@1.0.0: {type: object, properties: {n: {type: integer}}}\n"


def spec(name: str, roles: str, way: str, more: str = "") -> str:
    steps = ["trigger", *way.split(), "end"]
    handoffs = "".join(f"  - {{from: {one}, to: {two}}}\n" for one, two in itertools.pairwise(steps))
    head = f"choreo: 1\nname: {name}\nversion: 1.0.0\ntrigger: {{accepts: any@^1}}\nresult: {{emits: any@1.0.0}}\n"
    return (
        f"{head}{CONTRACT}roles:\n{textwrap.indent(textwrap.dedent(roles).strip(), '  ')}\nhandoffs:\n{handoffs}{more}"
    )


def service(role: str, more: str = "kind: reader") -> str:
    return f'{role}: {{{more}, service: {{python: "steps:{role}"}}, accepts: any@^1, emits: any@1.0.0}}\n'


def nested(role: str, path: str) -> str:
    return f"{role}: {{kind: reasoner, spec: {path}, accepts: any@^1, emits: any@1.0.0}}\n"


@pytest.fixture
def family(tmp_path: Path) -> Path:
    """`a`, then a child run of `b` and, in a child run of its own, `c`; then `d`."""
    (tmp_path / "steps.py").write_text(SERVICES)
    (tmp_path / "main.yaml").write_text(
        spec("main", service("a") + nested("mid", "mid.yaml") + service("d"), "a mid d")
    )
    (tmp_path / "mid.yaml").write_text(spec("mid", service("b") + nested("deep", "deep.yaml"), "b deep"))
    (tmp_path / "deep.yaml").write_text(spec("deep", service("c"), "c"))
    return tmp_path


def calls(folder: Path) -> Counter[str]:
    return Counter((folder / "calls").read_text().split())


def whole(folder: Path) -> bool:
    store = Store.open(folder / ".choreo" / "trace.db")
    try:
        return all(store.verify(record) for record in store.runs(children=True))
    finally:
        store.close()


@pytest.mark.parametrize("role", ["a", "b", "c", "d"])
@pytest.mark.parametrize("named", ["last", "child"])
def test_a_run_goes_on_with_the_child_runs_that_it_had(family: Path, role: str, named: str) -> None:
    died = choreo("run", "main.yaml", "--set", "n=0", cwd=family, env={"DIE_IN": role})
    assert died.returncode == -signal.SIGKILL
    before = json.loads(choreo("runs", "--children", "--json", cwd=family).stdout)
    run = before[-1]["id"] if named == "last" else before[0]["id"]
    done = choreo("resume", run, cwd=family)
    assert (done.returncode, json.loads(done.stdout)) == (0, {"n": 4})
    expected = Counter("abcd")
    expected[role] += 1
    assert calls(family) == expected
    after = json.loads(choreo("runs", "--children", "--json", cwd=family).stdout)
    assert {one["id"] for one in before} <= {one["id"] for one in after}
    assert (len(after), {one["status"] for one in after}) == (3, {"done"})
    assert whole(family)


def test_an_effect_in_a_child_run_that_was_cut_short_is_asked_about_and_not_done_again(family: Path) -> None:
    effect = service("c", "kind: actor, does: Pay, effect: once")
    (family / "deep.yaml").write_text(spec("deep", effect, "c"))
    died = choreo("run", "main.yaml", "--set", "n=0", cwd=family, env={"DIE_IN": "c"})
    assert died.returncode == -signal.SIGKILL
    waits = choreo("resume", "last", cwd=family)
    assert waits.returncode == 4
    assert "of run " in waits.stderr
    done = choreo("review", "last", "--edit", "-", "--by", "Ann", cwd=family, stdin='{"n": 2}')
    assert (done.returncode, json.loads(done.stdout)) == (0, {"n": 3})
    assert calls(family) == Counter("abcd")
    assert whole(family)


def test_an_interrupted_run_leaves_its_child_runs_resumable(family: Path) -> None:
    slow = SERVICES.replace('def c(x): return called("c", x)', "def c(x):\n    import time; time.sleep(3); return x")
    (family / "steps.py").write_text(slow)
    program = start("run", "main.yaml", "--set", "n=0", cwd=family)
    wait_for_calls(family, "ab")
    program.send_signal(signal.SIGTERM)
    program.communicate(timeout=30)
    assert program.returncode == 143
    states = {one["status"] for one in json.loads(choreo("runs", "--children", "--json", cwd=family).stdout)}
    assert states == {"running"}
    (family / "steps.py").write_text(SERVICES)
    assert choreo("resume", "last", cwd=family).returncode == 0
    assert calls(family) == Counter("abcd")


def wait_for_calls(folder: Path, roles: str) -> None:
    import time

    ends = time.monotonic() + 30
    while not (folder / "calls").exists() or set(roles) - set(calls(folder)):
        assert time.monotonic() < ends
        time.sleep(0.02)
    time.sleep(0.3)


# -- between two records ---------------------------------------------------------------------------


def crash(*_: Any, **__: Any) -> Any:
    raise Crash


def test_a_death_between_the_end_of_a_child_run_and_of_its_hop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nest = Nest(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(child_end, "ended", crash)
        with pytest.raises(Crash):
            nest.play()
    assert (nest.record().status, nest.statuses()) == ("running", {"r.1": "done"})
    assert nest.resume().payload.value == {"n": 2}
    assert len(nest.of(HopStarted, "r.1")) == 1
    assert nest.is_whole()


def test_a_death_before_the_child_run_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nest = Nest(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(children, "first_fact", crash)
        with pytest.raises(Crash):
            nest.play()
    assert nest.statuses() == {}
    assert nest.resume().payload.value == {"n": 2}


def test_a_child_run_left_under_a_run_that_is_over_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".choreo").mkdir()
    main = """
        roles:
          part: {kind: reasoner, spec: inner.yaml, emits: any@1.0.0}
          bad: {kind: reasoner, service: {python: "late:fail"}, emits: any@1.0.0}
        handoffs:
          - {from: trigger, to: [part, bad]}
          - {from: part, to: end}
    """
    inner = INNER.replace("to: end}", "to: end, touchpoint: gate}") + '    touchpoints: {gate: {ask: "Go on?"}}\n'
    nest = Nest(tmp_path, main, inner=inner)
    nest.module("late", "import time\ndef fail(x):\n    time.sleep(0.2)\n    raise ValueError('no')")
    monkeypatch.setattr(child_end, "end_child_runs", lambda *_: 0)  # the process dies before this is on record
    assert nest.play().status == "failed"
    assert nest.statuses() == {"r.1": "waiting"}
    said = choreo("resume", "r.1", "--db", "trace.db", cwd=tmp_path)
    assert said.returncode == 1
    assert nest.statuses() == {"r.1": "stopped"}


UNEVEN = """
import time

def act(x):
    time.sleep(0.6)
    return {"n": 7}

def after(x):
    open("after.called", "w").close()
    return x

def broken(x):
    time.sleep(0.2)
    raise ValueError("broken")
"""


def test_an_effect_in_a_child_run_is_recorded_when_the_run_above_fails(tmp_path: Path) -> None:
    (tmp_path / "steps.py").write_text(UNEVEN)
    effects = service("act", "kind: actor, effect: once") + service("after", "kind: actor, effect: once")
    (tmp_path / "below.yaml").write_text(spec("below", effects, "act after"))
    above = spec("above", nested("sub", "below.yaml") + service("broken"), "sub")
    (tmp_path / "above.yaml").write_text(above + "  - {from: trigger, to: broken}\n  - {from: broken, to: end}\n")
    assert choreo("run", "above.yaml", "--set", "n=1", cwd=tmp_path).returncode == 1
    store = Store.read(tmp_path / ".choreo" / "trace.db")
    [child] = [run for run in store.runs(children=True) if run.parent is not None]
    ends = [event for event in store.history(child) if isinstance(event, HopFinished)]
    store.close()
    assert (child.status, child.code) == ("stopped", "ended-above")
    assert [(event.hop, event.status, event.output and event.output.value) for event in ends] == [(1, "done", {"n": 7})]
    assert not (tmp_path / "after.called").exists()
