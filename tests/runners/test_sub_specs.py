"""Roles played by another spec: a run of their own below the run, with one result, one failure, one end."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from nesting import INNER, OUTER, Nest

from choreo.canonical import Payload
from choreo.errors import SpecErrors
from choreo.gates.script import ScriptGate
from choreo.trace import ChildRun, Decided, HopFinished, HopStarted, LimitsRaised, RunFinished, RunStarted

GATED = """
    roles:
      add: {kind: reader, set: {n: input.n + 1}, emits: any@1.0.0}
      more: {kind: reader, set: {n: input.n + 10}, emits: any@1.0.0}
    handoffs:
      - {from: trigger, to: add}
      - {from: add, to: more, touchpoint: gate}
      - {from: more, to: end}
    touchpoints:
      gate: {ask: "Go on?"}
"""


def failing(player: str) -> str:
    return f"""
    roles:
      add: {{kind: reader, {player}, emits: any@1.0.0}}
    handoffs:
      - {{from: trigger, to: add}}
      - {{from: add, to: end}}
"""


# -- playing -------------------------------------------------------------------------------------


def test_the_result_of_the_child_run_is_the_output_of_its_hop(tmp_path: Path) -> None:
    nest = Nest(tmp_path)
    end = nest.play({"n": 1})
    assert (end.status, end.payload.value) == ("done", {"n": 2})
    assert nest.of(HopFinished)[0].output.value == {"n": 2}
    assert nest.of(RunStarted, "r.1")[0].payload.value == {"n": 1}
    child = nest.record("r.1")
    assert (child.parent, child.parent_hop, child.spec, child.status) == ("r", 1, "inner", "done")
    assert nest.is_whole()


def test_run_id_in_a_child_run_is_its_own(tmp_path: Path) -> None:
    inner = failing("set: {id: run.id}")
    assert Nest(tmp_path, inner=inner).play().payload.value == {"id": "r.1"}


def test_child_runs_play_beside_each_other(tmp_path: Path) -> None:
    # Each waits until the other one is there, too: one after the other they would never end.
    main = """
        roles:
          a: {kind: reader, spec: inner.yaml, emits: any@1.0.0}
          b: {kind: reader, spec: inner.yaml, emits: any@1.0.0}
          c: {kind: reasoner, set: {n: input.a.n + input.b.n}, accepts: {type: object}, emits: any@1.0.0}
        handoffs:
          - {from: trigger, to: [a, b]}
          - {from: [a, b], to: c}
          - {from: c, to: end}
    """
    nest = Nest(tmp_path, main, inner=failing('service: {python: "beside:meet"}'))
    nest.module(
        "beside",
        """
        import threading
        both = threading.Barrier(2, timeout=30)
        def meet(x):
            both.wait()
            return {"n": x["n"] + 1}
    """,
    )
    assert nest.play().payload.value == {"n": 4}
    assert nest.statuses() == {"r.1": "done", "r.2": "done"}


def test_a_sub_spec_is_found_from_the_folder_of_the_spec_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    Nest(tmp_path / "parts", inner=failing('service: {python: "deep:add"}')).module(
        "deep", 'def add(x):\n    return {"n": x["n"] + 5}'
    )
    main = """
        roles:
          part: {kind: reasoner, spec: parts/main.yaml, emits: any@1.0.0}
        handoffs:
          - {from: trigger, to: part}
          - {from: part, to: end}
    """
    nest = Nest(tmp_path, main)
    assert nest.play().payload.value == {"n": 6}
    assert sorted(nest.statuses()) == ["r.1", "r.1.1"]


def test_a_child_run_keeps_the_texts_of_its_own_spec(tmp_path: Path) -> None:
    nest = Nest(tmp_path)
    nest.play()
    assert sorted(nest.store.sources(nest.record())[1]) == ["inner.yaml", "main.yaml"]
    main, texts = nest.store.sources(nest.record("r.1"))
    assert (main, texts) == ("inner.yaml", {"inner.yaml": (tmp_path / "inner.yaml").read_text()})


def test_a_model_is_chosen_in_every_spec_that_knows_it_by_that_name(tmp_path: Path) -> None:
    from choreo.api.checked import check_spec

    inner = failing("model: small, does: Add") + "    models: {small: {model: openai/gpt-5-mini}}\n"
    Nest(tmp_path, inner=inner)
    checked = check_spec(str(tmp_path / "main.yaml"), {"small": "openai/gpt-5-nano"})
    (chosen,) = (one for path, one in checked.family.items() if path.endswith("inner.yaml"))
    assert chosen.plan.spec.models["small"].model == "openai/gpt-5-nano"


# -- failures ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inner", "code"),
    [
        (failing('service: {python: "wrong:fail"}'), "service-error"),
        (INNER.replace("to: end}", "to: end, fail: true}"), "failed-by-spec"),
        (INNER.replace("- {from: add, to: end}", '- {from: add, to: end, when: "out.n > 9"}'), "no-result"),
    ],
)
def test_a_child_run_that_fails_is_a_failure_of_its_hop(tmp_path: Path, inner: str, code: str) -> None:
    nest = Nest(tmp_path, inner=inner).module("wrong", "def fail(x):\n    raise ValueError('no')")
    end = nest.play()
    assert (end.status, end.code) == ("failed", code)
    (hop,) = nest.of(HopFinished)
    assert (hop.status, hop.code) == ("failed", code)
    assert "the child run r.1 is failed" in hop.message


def test_a_failure_below_is_taken_by_on_failed(tmp_path: Path) -> None:
    main = """
        roles:
          part: {kind: reasoner, spec: inner.yaml, emits: any@1.0.0}
          spare: {kind: reasoner, set: {n: 7}, accepts: {type: object}, emits: any@1.0.0}
        handoffs:
          - {from: trigger, to: part}
          - {from: part, to: end}
          - {from: part, on: failed, to: spare}
          - {from: spare, to: end}
    """
    nest = Nest(tmp_path, main, inner=failing('service: {python: "wrong:fail"}'))
    nest.module("wrong", "def fail(x):\n    raise ValueError('no')")
    assert nest.play().payload.value == {"n": 7}


def test_what_a_person_rejects_below_is_a_failure_of_the_hop_above(tmp_path: Path) -> None:
    nest = Nest(tmp_path, inner=GATED)
    end = nest.play(gate=ScriptGate({"gate": ("reject", "not today")}))
    assert (end.status, end.code) == ("failed", "rejected")
    assert nest.statuses() == {"r.1": "rejected"}


def test_a_trigger_that_is_refused_below_is_a_failure_of_the_hop(tmp_path: Path) -> None:
    # What came in as 1.0.0 is let in by `^1`; the child run checks it, as any run, against the newest of its range.
    nest = Nest(tmp_path, OUTER.replace("emits", "accepts: any@^1, emits"))
    for name in ("main", "inner"):
        path = tmp_path / f"{name}.yaml"
        more = "contracts:\n  any@1.1.0: {type: object, required: [m]}\n"
        path.write_text(path.read_text().replace("contracts:\n", more))
    main = tmp_path / "main.yaml"
    main.write_text(main.read_text().replace("trigger: {accepts: any@^1}", "trigger: {accepts: any@1.0.0}"))
    end = nest.play()
    assert (end.status, end.code) == ("failed", "contract-violation")
    assert nest.statuses() == {"r.1": "refused"}
    assert nest.of(HopStarted, "r.1") == []


def test_a_hop_that_takes_too_long_takes_its_child_run_with_it(tmp_path: Path) -> None:
    main = """
        roles:
          part: {kind: reasoner, spec: inner.yaml, emits: any@1.0.0, timeout: 200ms}
        handoffs:
          - {from: trigger, to: part}
          - {from: part, to: end}
    """
    nest = Nest(tmp_path, main, inner=failing('service: {python: "slow:wait"}'))
    nest.module("slow", "import time\ndef wait(x):\n    time.sleep(2)\n    return x")
    end = nest.play()
    assert (end.status, end.code) == ("failed", "timeout")
    assert [hop.status for hop in nest.of(HopFinished)] == ["timeout"]
    (child_end,) = nest.of(RunFinished, "r.1")
    assert (child_end.status, child_end.code) == ("stopped", "timeout")
    assert nest.is_whole()


def test_a_failure_beside_a_child_run_ends_it_and_withdraws_its_question(tmp_path: Path) -> None:
    main = """
        roles:
          part: {kind: reasoner, spec: inner.yaml, emits: any@1.0.0}
          bad: {kind: reasoner, service: {python: "late:fail"}, emits: any@1.0.0}
        handoffs:
          - {from: trigger, to: [part, bad]}
          - {from: part, to: end}
    """
    nest = Nest(tmp_path, main, inner=GATED)
    nest.module("late", "import time\ndef fail(x):\n    time.sleep(0.3)\n    raise ValueError('no')")
    end = nest.play()
    assert (end.status, end.code) == ("failed", "service-error")
    assert nest.statuses() == {"r.1": "stopped"}
    assert [event.decision for event in nest.of(Decided, "r.1")] == ["withdrawn"]
    assert nest.store.open_questions("r.1") == []
    assert nest.is_whole()


# -- waiting -------------------------------------------------------------------------------------


def test_a_child_run_that_waits_for_a_person_lets_the_run_above_leave(tmp_path: Path) -> None:
    nest = Nest(tmp_path, inner=GATED)
    assert nest.play() is None
    assert (nest.record().status, nest.statuses()) == ("waiting", {"r.1": "waiting"})
    assert (nest.record().owner, nest.record("r.1").owner) == (None, None)
    assert nest.record().open_questions == 1
    assert [event.state for event in nest.of(ChildRun)] == ["waiting"]


def test_an_answer_in_a_child_run_brings_the_run_above_to_its_end(tmp_path: Path) -> None:
    nest = Nest(tmp_path, inner=GATED)
    nest.play()
    (asked,) = nest.store.open_questions("r.1")
    nest.store.record_answer("r.1", Decided(time.time(), 1, "approve", asked.payload.digest, by="Ann"))
    end = nest.resume()
    assert end.payload.value == {"n": 12}
    assert [event.role for event in nest.of(HopStarted, "r.1")] == ["add", "more"]
    assert [event.state for event in nest.of(ChildRun)] == ["waiting", "playing", "over"]
    assert nest.is_whole()


def test_resuming_a_run_whose_child_run_still_waits_changes_nothing(tmp_path: Path) -> None:
    nest = Nest(tmp_path, inner=GATED)
    nest.play()
    assert (nest.resume(), nest.resume()) == (None, None)
    assert nest.record().status == "waiting"
    assert [event.state for event in nest.of(ChildRun)] == ["waiting"]
    assert len(nest.of(HopStarted, "r.1")) == 1


def test_a_person_at_the_terminal_is_asked_for_child_runs_too_one_question_at_a_time(tmp_path: Path) -> None:
    main = """
        roles:
          a: {kind: reader, spec: inner.yaml, emits: any@1.0.0}
          b: {kind: reader, spec: inner.yaml, emits: any@1.0.0}
          c: {kind: reasoner, set: {n: input.a.n + input.b.n}, accepts: {type: object}, emits: any@1.0.0}
        handoffs:
          - {from: trigger, to: [a, b]}
          - {from: [a, b], to: c}
          - {from: c, to: end}
    """
    gate = ScriptGate({"gate": ["approve", "approve"]})
    nest = Nest(tmp_path, main, inner=GATED)
    assert nest.play(gate=gate).payload.value == {"n": 24}
    assert sorted(question.run for question in gate.asked) == ["r.1", "r.2"]


def test_time_in_which_a_child_run_waits_does_not_count(tmp_path: Path) -> None:
    nest = Nest(tmp_path, inner=GATED)
    nest.play()
    time.sleep(0.3)
    (asked,) = nest.store.open_questions("r.1")
    nest.store.record_answer("r.1", Decided(time.time(), 1, "approve", asked.payload.digest, by="Ann"))
    nest.resume()
    assert nest.position is not None
    assert nest.position.spent.seconds < 0.3


# -- limits --------------------------------------------------------------------------------------

LOOP = """
    roles:
      add: {kind: reader, set: {n: input.n + 1}, accepts: any@^1, emits: any@1.0.0}
    handoffs:
      - {from: trigger, to: add}
      - {from: add, to: add, when: "out.n < 8", at_most: 20}
      - {from: add, to: end, otherwise: true}
"""


def outer(more: str) -> str:
    return f"""
    roles:
      part: {{kind: reasoner, spec: inner.yaml, emits: any@1.0.0}}
    handoffs:
      - {{from: trigger, to: part}}
      - {{from: part, to: end}}
{more}"""


def test_a_limit_of_the_run_above_stops_both_and_with_more_both_go_on(tmp_path: Path) -> None:
    nest = Nest(tmp_path, outer("    limits: {hops: 5}\n"), inner=LOOP)
    end = nest.play({"n": 0})
    assert (end.status, end.code) == ("limit", "limit-hops")
    assert nest.statuses() == {"r.1": "limit"}
    assert nest.position is not None
    assert nest.position.spent.hops == 5  # its own one and four below
    assert len(nest.of(HopStarted, "r.1")) == 4
    end = nest.resume(limits={"hops": 20})
    assert (end.status, end.payload.value) == ("done", {"n": 8})
    assert len(nest.of(HopStarted, "r.1")) == 8
    assert nest.position.spent.hops == 9
    assert nest.is_whole()


def test_resuming_with_too_little_stops_at_the_limit_again(tmp_path: Path) -> None:
    nest = Nest(tmp_path, outer("    limits: {hops: 3}\n"), inner=LOOP)
    nest.play({"n": 0})
    assert nest.resume(limits={"hops": 6}).code == "limit-hops"
    assert len(nest.of(HopStarted, "r.1")) == 5
    assert nest.resume(limits={"hops": 60}).status == "done"


def test_a_limit_that_the_child_spec_declares_itself_is_a_failure_of_the_hop(tmp_path: Path) -> None:
    nest = Nest(tmp_path, outer("    limits: {hops: 50}\n"), inner=LOOP + "    limits: {hops: 3}\n")
    end = nest.play({"n": 0})
    assert (end.status, end.code) == ("failed", "limit-hops")
    assert nest.statuses() == {"r.1": "limit"}


def test_what_is_left_above_is_on_record_in_the_child_run(tmp_path: Path) -> None:
    nest = Nest(tmp_path, outer("    limits: {hops: 12, parallel: 2, time: 60s}\n"), inner=LOOP)
    nest.play({"n": 7})
    (inherited,) = nest.of(LimitsRaised, "r.1")
    assert (inherited.limits["hops"], inherited.limits["parallel"], inherited.by) == (11, 2, "r")
    assert 59 < inherited.limits["time"] <= 60


def test_whoever_handed_over_may_take_up_that_nothing_is_left(tmp_path: Path) -> None:
    main = """
        roles:
          first: {kind: reader, set: input, emits: any@1.0.0}
          part: {kind: reasoner, spec: inner.yaml, accepts: any@^1, emits: any@1.0.0}
          short: {kind: reasoner, set: {n: 99}, accepts: any@^1, emits: any@1.0.0}
        handoffs:
          - {from: trigger, to: first}
          - {from: first, to: part}
          - {from: part, to: end}
          - {from: first, on: over_budget, to: short}
          - {from: short, to: end, outcome: cut}
        limits: {hops: 5}
    """
    nest = Nest(tmp_path, main, inner=LOOP)
    end = nest.play({"n": 0})
    assert (end.status, end.outcome, end.payload.value) == ("done", "cut", {"n": 99})


def test_child_runs_side_by_side_cannot_spend_more_than_is_there_together(tmp_path: Path) -> None:
    main = """
        roles:
          a: {kind: reader, spec: inner.yaml, emits: any@1.0.0}
          b: {kind: reader, spec: inner.yaml, emits: any@1.0.0}
          c: {kind: reasoner, set: {n: 1}, accepts: {type: object}, emits: any@1.0.0}
        handoffs:
          - {from: trigger, to: [a, b]}
          - {from: [a, b], to: c}
          - {from: c, to: end}
        limits: {hops: 12}
    """
    slow = LOOP.replace("set: {n: input.n + 1}", 'service: {python: "steps:add"}').replace("out.n < 8", "out.n < 30")
    nest = Nest(tmp_path, main, inner=slow.replace("at_most: 20", "at_most: 40"))
    nest.module("steps", "import time\ndef add(x):\n    time.sleep(0.005)\n    return {'n': x['n'] + 1}")
    end = nest.play({"n": 0})
    assert (end.status, end.code) == ("limit", "limit-hops")
    played = sum(len(nest.of(HopStarted, run)) for run in ("r", "r.1", "r.2"))
    assert 12 <= played <= 13  # a hop that is in play when the other one takes the last place
    assert nest.resume(limits={"hops": 100}).status == "done"
    assert nest.is_whole()


# -- recursion -----------------------------------------------------------------------------------

DOWN = """
    roles:
      less: {kind: reader, set: {n: input.n - 1}, emits: any@1.0.0}
      again: {kind: reasoner, spec: main.yaml, accepts: any@^1, emits: any@1.0.0}
    handoffs:
      - {from: trigger, to: less}
      - {from: less, to: again, when: "out.n > 0"}
      - {from: less, to: end, otherwise: true}
      - {from: again, to: end}
"""


def test_a_spec_may_play_itself_as_deep_as_it_declares(tmp_path: Path) -> None:
    nest = Nest(tmp_path, DOWN + "    limits: {depth: 3}\n")
    assert nest.play({"n": 4}).payload.value == {"n": 0}
    assert sorted(nest.statuses()) == ["r.2", "r.2.2", "r.2.2.2"]


def test_one_deeper_is_a_failure_at_that_depth(tmp_path: Path) -> None:
    nest = Nest(tmp_path, DOWN + "    limits: {depth: 3}\n")
    end = nest.play({"n": 9})
    assert (end.status, end.code) == ("failed", "too-deep")
    assert sorted(nest.statuses()) == ["r.2", "r.2.2", "r.2.2.2"]
    assert nest.of(HopFinished, "r.2.2.2")[-1].code == "too-deep"


def test_recursion_that_is_not_declared_is_not_played(tmp_path: Path) -> None:
    with pytest.raises(SpecErrors) as raised:
        Nest(tmp_path, DOWN).play()
    codes = [problem.code for problem in raised.value.problems if problem.severity == "error"]
    assert codes == ["undeclared-recursion"]


# -- revision ------------------------------------------------------------------------------------


def test_a_sub_spec_that_is_sent_back_to_gets_its_previous_output_and_the_feedback(tmp_path: Path) -> None:
    main = """
        roles:
          part: {kind: drafter, spec: {path: inner.yaml, takes_feedback: true}, emits: any@1.0.0}
          check: {kind: reviewer, set: {n: input.n}, emits: any@1.0.0}
        handoffs:
          - {from: trigger, to: part}
          - {from: part, to: check}
          - {from: check, to: part, when: "out.n < 5", revise: true, at_most: 3, pass: {more: 4}}
          - {from: check, to: end, otherwise: true}
    """
    inner = """
        roles:
          add: {kind: reader, set: {n: "trigger.feedback == null ? 1 : trigger.previous.n + trigger.feedback.more"},
                emits: any@1.0.0}
        handoffs:
          - {from: trigger, to: add}
          - {from: add, to: end}
    """
    nest = Nest(tmp_path, main, inner=inner)
    for name in ("main", "inner"):
        path = tmp_path / f"{name}.yaml"
        more = "{n: {type: integer}, previous: {type: [object, 'null'], properties: {n: {type: integer}}}, "
        more += "feedback: {type: [object, 'null'], properties: {more: {type: integer}}}}"
        path.write_text(path.read_text().replace("{n: {type: integer}}", more))
    assert nest.play().payload.value == {"n": 5}
    assert nest.of(RunStarted, "r.3")[0].payload == Payload.of({"feedback": {"more": 4}, "n": 1, "previous": {"n": 1}})


# -- in lanes ------------------------------------------------------------------------------------

LANES = """
    roles:
      split: {{kind: reader, set: {{items: [{{n: 1}}, {{n: 2}}, {{n: 3}}]}}, emits: {{type: object, required: [items],
              properties: {{items: {{type: array, items: {{type: object, properties: {{n: {{type: integer}}}}}}}}}}}}}}
      part: {{kind: reasoner, spec: inner.yaml, accepts: any@^1, emits: any@1.0.0}}
      total: {{kind: reasoner, set: {{n: size(input.list)}}, accepts: {{type: object}}, emits: any@1.0.0}}
    handoffs:
      - {{from: trigger, to: split}}
      - {{from: split, to: part, each: out.items, pass: item, on_failure: {on_failure}}}
      - {{from: part, to: total, gather: true, pass: {{list: out}}}}
      - {{from: total, to: end}}
"""


def test_each_lane_has_a_child_run_of_its_own(tmp_path: Path) -> None:
    nest = Nest(tmp_path, LANES.format(on_failure="stop"))
    assert nest.play().payload.value == {"n": 3}
    assert list(nest.statuses().values()) == ["done"] * 3
    assert nest.is_whole()


def test_lanes_that_are_given_up_take_their_child_runs_with_them(tmp_path: Path) -> None:
    inner = """
        roles:
          add: {kind: reader, service: {python: "one:fails"}, emits: any@1.0.0}
        handoffs:
          - {from: trigger, to: add}
          - {from: add, to: end, touchpoint: gate}
        touchpoints:
          gate: {ask: "Go on?"}
    """
    nest = Nest(tmp_path, LANES.format(on_failure="stop"), inner=inner)
    nest.module(
        "one",
        """
        import time
        def fails(x):
            if x["n"] == 2:
                time.sleep(0.3)
                raise ValueError("no")
            return x
    """,
    )
    end = nest.play()
    assert end.status == "failed"
    assert sorted(nest.statuses().values()) == ["failed", "stopped", "stopped"]
    assert nest.record().open_questions == 0
    assert nest.is_whole()
