"""Services as a run plays them: deadlines, caps, errors, retries, feedback, and what is kept of each call."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from playing import run_spec

from choreo.trace import HopStarted

CHAIN = """
handoffs:
  - {from: trigger, to: a}
  - {from: a, to: end}
"""


def role(player: str, more: str = "") -> str:
    return f"roles:\n  a: {{kind: reader, {player}, emits: any@1.0.0{more}}}\n{CHAIN}"


def command(program: str, more: str = "") -> str:
    return f"service: {{command: [{sys.executable}, '-c', {json.dumps(program)}]{more}}}"


def test_parallel_branches_really_overlap(tmp_path: Path) -> None:
    # Each service waits until the other one is there, too: one after the other they would never end.
    module = """
        import threading
        both = threading.Barrier(2, timeout=30)
        def meet(x):
            both.wait()
            return {"n": x["n"] + 1}
    """
    body = """
        roles:
          a: {kind: reader, service: {python: "meeting:meet"}, emits: any@1.0.0}
          b: {kind: reader, service: {python: "meeting:meet"}, emits: any@1.0.0}
          c: {kind: reasoner, set: {n: input.a.n + input.b.n}, accepts: {type: object}, emits: any@1.0.0}
        handoffs:
          - {from: trigger, to: [a, b]}
          - {from: [a, b], to: c}
          - {from: c, to: end}
    """
    assert run_spec(tmp_path, body, modules={"meeting": module}).result == {"n": 4}


def test_a_command_gets_json_and_gives_json_without_a_shell(tmp_path: Path) -> None:
    program = "import sys, json; n = json.load(sys.stdin)['n']; print(json.dumps({'n': n + len(sys.argv[1])}))"
    words = f"{sys.executable}, '-c', {json.dumps(program)}, '$(id) {{{{ input.n }}}} ; touch canary'"
    player = f"service: {{command: [{words}]}}"
    ran = run_spec(tmp_path, role(player), {"n": 2})
    assert ran.result == {"n": 2 + len("$(id) 2 ; touch canary")}
    assert not (tmp_path / "canary").exists()
    (hop, attempt) = ran.attempts[0]
    assert (hop, attempt.kind, attempt.request, attempt.facts["exit"]) == (1, "command", b'{"n":2}', 0)


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ('print(\'{"n": 1} {"n": 2}\')', "not-data"),
        ("print('{\"n\": NaN}')", "not-data"),
        ("import sys; sys.exit(3)", "command-failed"),
        ("print('[' * 100000)", "not-data"),
        ("import sys; sys.stdout.buffer.write(b'\\xff')", "not-data"),
        ('print(\'{"n": "x"}\')', "contract-violation"),
        ("print('x' * 5000)", "output-too-large"),
        ("print('\"a\\\\u0000b\"')", "not-data"),
        ("print('\"\\\\ud800\"')", "not-data"),
    ],
)
def test_what_a_command_may_do_wrong_has_its_own_code(tmp_path: Path, program: str, code: str) -> None:
    ran = run_spec(tmp_path, role(command(program, ", max_output: 4000" if "5000" in program else "")))
    assert (ran.failures, ran.end.status if ran.end else None) == ([code], "failed")


def test_a_missing_command_is_told(tmp_path: Path) -> None:
    assert run_spec(tmp_path, role("service: {command: [no-such-program-anywhere]}")).failures == ["command-missing"]


def test_a_command_is_stopped_at_its_deadline_with_its_children(tmp_path: Path) -> None:
    child = "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(99)'])"
    program = f"import subprocess, sys, time; {child}; time.sleep(99)"
    ran = run_spec(tmp_path, role(command(program), ", timeout: 500ms"))
    assert ran.failures == ["timeout"]


def test_a_secret_of_the_environment_reaches_the_command_and_no_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESK_TOKEN", "hunter2-hunter2")
    program = (
        "import os, json, sys; print(os.environ['T'], file=sys.stderr); print(json.dumps({'n': len(os.environ['T'])}))"
    )
    ran = run_spec(tmp_path, role(command(program, ", env: {T: '${env:DESK_TOKEN}'}")))
    assert ran.result == {"n": 15}
    ran.store.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("trace.db*"))
    assert b"hunter2" not in kept


def test_a_python_service_that_overruns_fails_its_hop_and_its_late_result_is_discarded(tmp_path: Path) -> None:
    module = """
        import threading
        never = threading.Event()
        def slow(x):
            never.wait(20)
            return {"n": 7}
    """
    ran = run_spec(tmp_path, role('service: {python: "slow:slow"}', ", timeout: 200ms"), modules={"slow": module})
    assert ran.failures == ["timeout"]


def test_an_effect_that_overruns_is_in_doubt_and_never_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = """
        import threading
        never = threading.Event()
        def pay(x):
            with open("paid", "a") as paid:
                paid.write("x")
            never.wait(20)
    """
    monkeypatch.chdir(tmp_path)
    player = "kind: actor, service: {python: 'paying:pay'}, accepts: any@^1, emits: any@1.0.0, effect: once"
    body = f"roles:\n  a: {{{player}, timeout: 200ms, retry: {{attempts: 3}}}}\n{CHAIN}"
    ran = run_spec(tmp_path, body, modules={"paying": module})
    assert (ran.end, ran.record.status, (tmp_path / "paid").read_text()) == (None, "waiting", "x")


def test_a_failing_service_is_tried_again_and_every_attempt_is_kept(tmp_path: Path) -> None:
    module = """
        calls = []
        def flaky(x):
            calls.append(x)
            if len(calls) < 3:
                raise ValueError("not yet")
            return {"n": len(calls)}
    """
    more = ", retry: {attempts: 3, backoff: 1ms}"
    ran = run_spec(tmp_path, role('service: {python: "flaky:flaky"}', more), modules={"flaky": module})
    assert ran.result == {"n": 3}
    assert [attempt.code for _, attempt in ran.attempts] == ["service-error", "service-error", None]


def test_a_service_that_changes_its_input_does_not_change_the_record(tmp_path: Path) -> None:
    module = """
        def spoil(x):
            x["n"] = 99
            return {"n": 1}
    """
    ran = run_spec(tmp_path, role('service: {python: "spoil:spoil"}'), {"n": 5}, modules={"spoil": module})
    assert next(event.input.value for event in ran.events if isinstance(event, HopStarted)) == {"n": 5}


def test_a_service_takes_its_previous_output_and_the_feedback(tmp_path: Path) -> None:
    module = """
        def draft(x, previous=None, feedback=None):
            return {"n": x["n"] if previous is None else previous["n"] + feedback["more"]}
    """
    body = """
        roles:
          a: {kind: drafter, service: {python: "drafting:draft", takes_feedback: true}, emits: any@1.0.0}
          b: {kind: reviewer, set: {n: input.n}, emits: any@1.0.0}
        handoffs:
          - {from: trigger, to: a}
          - {from: a, to: b}
          - {from: b, to: a, when: "out.n < 10", revise: true, at_most: 5, pass: {more: 4}}
          - {from: b, to: end, otherwise: true}
    """
    assert run_spec(tmp_path, body, {"n": 1}, modules={"drafting": module}).result == {"n": 13}
