"""The command line as a person meets it: whole output, exit codes, and the next command to type."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from small_specs import THING, choreo, steady, write


def test_a_run_gives_its_result_on_stdout_and_everything_else_on_stderr(tmp_path: Path) -> None:
    write(tmp_path)
    done = choreo(tmp_path, "run", "count.yaml", "--set", "n=1")
    assert (done.returncode, done.stdout) == (0, '{"n": 3}\n')
    assert steady(done.stderr) == (
        "run RUN\n✓ one TIME\n✓ two TIME\ndone - 2 hops, cost 0, TIME\nlook at it: choreo trace RUN\n"
    )
    quiet = choreo(tmp_path, "run", "count.yaml", "--input", "-", "--quiet", stdin='{"n": 5}')
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, '{"n": 7}\n', "")


def test_the_result_can_be_had_with_everything_about_it_as_json(tmp_path: Path) -> None:
    write(tmp_path)
    told = json.loads(choreo(tmp_path, "run", "count.yaml", "--set", "n=1", "--json", "--label", "k=v").stdout)
    assert told.pop("run")
    assert told == {
        "status": "done",
        "exit": 0,
        "outcome": "done",
        "result": {"n": 3},
        "code": None,
        "message": "",
        "hops": 2,
        "cost": 0.0,
        "due": None,
        "waiting_for": [],
    }
    listed = json.loads(choreo(tmp_path, "runs", "--json", "--label", "k=v").stdout)
    assert [(run["status"], run["labels"]) for run in listed] == [("done", {"k": "v"})]
    assert json.loads(choreo(tmp_path, "runs", "--json", "--label", "k=w").stdout) == []


def test_the_trace_of_a_run_shows_each_payload_verdict_and_cause(tmp_path: Path) -> None:
    write(tmp_path)
    choreo(tmp_path, "run", "count.yaml", "--set", "n=1")
    shown = choreo(tmp_path, "trace", "last")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert steady(shown.stdout) == TRACE
    assert choreo(tmp_path, "trace", "last", "--verify").stdout.endswith(
        "every row and every payload is as it was written\n"
    )
    assert '{"n":2}' in choreo(tmp_path, "trace", "last", "--hop", "1").stdout.replace(" ", "").replace("\n", "")


TRACE = """\
run RUN  count 1.0.0
done  DATE  2 hops  cost 0.0000

 TIME  trigger  {"by":"nobody","n":1}  (defaults: by)
            trigger: thing@1.0.0 ok
 TIME  handoff 1  trigger -> one  delivered
            receiver: thing@1.0.0 ok
 TIME  hop 1  one (reader) visit 1  <- handoff 1
 TIME  hop 1  one done TIME  cost 0.0000
            {"n":2}
            sender: thing@1.0.0 ok
 TIME  handoff 2  hop 1 -> two  delivered
            receiver: thing@1.0.0 ok
 TIME  hop 2  two (drafter) visit 1  <- handoff 2
 TIME  hop 2  two done TIME  cost 0.0000
            {"n":3}
            sender: thing@1.0.0 ok
 TIME  handoff 3  hop 2 -> end  delivered
            receiver: thing@1.0.0 ok
 TIME  done (done)  {"n":3}
"""


def test_a_trigger_payload_that_breaks_its_contract_starts_no_role_and_is_on_record(tmp_path: Path) -> None:
    write(tmp_path)
    done = choreo(tmp_path, "run", "count.yaml", "--set", "n=101")
    assert (done.returncode, done.stdout) == (1, "")
    assert "refused [contract-violation]" in done.stderr
    assert "/n" in done.stderr
    (run,) = json.loads(choreo(tmp_path, "runs", "--json").stdout)
    assert (run["status"], run["code"], run["hops"]) == ("refused", "contract-violation", 0)


def test_a_handoff_that_breaks_its_contract_fails_the_run_with_the_pointer(tmp_path: Path) -> None:
    write(tmp_path)
    done = choreo(tmp_path, "run", "count.yaml", "--set", "n=99")
    assert done.returncode == 1
    assert "failed [contract-violation]: two: the output breaks thing@1.0.0 at /n" in done.stderr
    assert json.loads(choreo(tmp_path, "runs", "--json").stdout)[0]["status"] == "failed"
    again = choreo(tmp_path, "resume", "last")
    assert (again.returncode, steady(again.stderr)) == (1, "run RUN is over: failed [contract-violation]\n")


def test_a_limit_stops_the_run_with_exit_8_and_a_higher_one_goes_on(tmp_path: Path) -> None:
    write(tmp_path, limits={"hops": 1})
    done = choreo(tmp_path, "run", "count.yaml", "--set", "n=1", "--db", "my traces.db")
    assert (done.returncode, done.stdout) == (8, "")
    assert "limit [limit-hops]" in done.stderr
    line = next(line for line in done.stderr.splitlines() if line.startswith("go on with more: "))
    command = shlex.split(line.removeprefix("go on with more: choreo ").replace("MORE", "5"))
    assert command[2:4] == ["--db", "my traces.db"]
    without = choreo(tmp_path, "resume", "last", "--db", "my traces.db")
    assert without.returncode == 8
    assert "--db 'my traces.db' --limit hops=MORE" in without.stderr
    more = choreo(tmp_path, *command)
    assert (more.returncode, more.stdout) == (0, '{"n": 3}\n')


LISTED = {
    "type": "object",
    "required": ["list"],
    "properties": {"list": {"type": "array", "items": {"type": "integer"}}},
}


def lists(folder: Path, limit: int) -> None:
    """`one` is in play beside three lanes of `part`."""
    kept = {"kind": "reader", "does": "Keep it", "set": "input", "accepts": "thing@^1", "emits": "thing@1.0.0"}
    write(
        folder,
        contracts={"thing@1.0.0": THING, "list@1.0.0": LISTED},
        trigger={"accepts": "list@^1"},
        roles={
            "split": {
                "kind": "reader",
                "does": "Split it",
                "set": "input",
                "accepts": "list@^1",
                "emits": "list@1.0.0",
            },
            **dict.fromkeys(("part", "total", "one"), kept),
        },
        handoffs=[
            {"from": "trigger", "to": "split"},
            {"from": "split", "to": "part", "each": "out.list", "pass": {"n": "item"}},
            {"from": "trigger", "to": "one", "pass": {"n": "1"}},
            {"from": "part", "to": "total", "gather": True, "pass": {"n": "1"}},
            {"from": ["total", "one"], "to": "end", "pass": {"n": "1"}},
        ],
        limits={"hops": limit},
    )


def test_a_run_that_ends_at_a_limit_says_how_high_it_is_and_what_is_missing(tmp_path: Path) -> None:
    lists(tmp_path, 1)
    done = choreo(tmp_path, "run", "count.yaml", "--input", "-", stdin='{"list": [1, 2, 3]}')
    end = ["limit [limit-hops]: the limit on hops (1) is reached - 1 hop, cost 0, TIME"]
    left = "still to play: one, 3 lanes of part"
    assert (done.returncode, steady(done.stderr).splitlines()[-4:-2]) == (8, [*end, left])
    assert left in choreo(tmp_path, "trace", "last", "--follow").stdout
    assert left in choreo(tmp_path, "resume", "last").stderr
    more = choreo(tmp_path, "resume", "last", "--limit", "hops=3")
    assert (more.returncode, "still to play: 2 lanes of part\n" in more.stderr) == (8, True)
    more = choreo(tmp_path, "resume", "last", "--limit", "hops=50")
    assert (more.returncode, "still to play" in more.stderr) == (0, False)


@pytest.mark.parametrize(("limit", "lies"), [("2", "at"), ("1", "below")])
def test_a_new_limit_that_lets_nothing_start_is_told(tmp_path: Path, limit: str, lies: str) -> None:
    lists(tmp_path, 2)
    assert choreo(tmp_path, "run", "count.yaml", "--input", "-", stdin='{"list": [1]}').returncode == 8
    done = choreo(tmp_path, "resume", "last", "--limit", f"hops={limit}")
    note = f"note: the limit on hops ({limit}) lies {lies} what is spent: 2 hops, cost 0,"
    assert (done.returncode, note in done.stderr) == (8, True)
    assert "note: " not in choreo(tmp_path, "resume", "last", "--limit", "hops=50").stderr


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "0", "x", "1e999"])
def test_a_limit_that_is_no_number_above_zero_is_refused(tmp_path: Path, value: str) -> None:
    write(tmp_path, limits={"hops": 1})
    choreo(tmp_path, "run", "count.yaml", "--set", "n=1")
    done = choreo(tmp_path, "resume", "last", "--limit", f"hops={value}")
    assert done.returncode == 2
    assert "error[bad-limit]" in done.stderr
    assert json.loads(choreo(tmp_path, "runs", "--json").stdout)[0]["status"] == "limit"


BAD_CALLS = [
    (("run", "nothing.yaml"), "nothing.yaml"),
    (("run", "count.yaml"), "no-input"),
    (("run", "count.yaml", "--input", "nothing.json"), "cannot-read"),
    (("run", "count.yaml", "--set", "n"), "bad-set"),
    (("run", "count.yaml", "--set", "n=one"), "bad-set"),
    (("run", "count.yaml", "--set", "n=1", "--label", "x"), "bad-pair"),
    (("run", "count.yaml", "--set", "n=1", "--model", "fast=x"), "unknown-model"),
    (("run", "count.yaml", "--set", "n=1", "--wrong"), "No such option"),
    (("resume", "last"), "no-store"),
    (("review", "last", "--approve"), "no-store"),
    (("trace", "last"), "no-store"),
    (("trace", "last", "--db", "nothing.db"), "no-store"),
]


@pytest.mark.parametrize(("call", "told"), BAD_CALLS, ids=[" ".join(item[0]) for item in BAD_CALLS])
def test_a_call_that_cannot_be_followed_has_exit_code_2_and_makes_nothing(
    tmp_path: Path, call: tuple[str, ...], told: str
) -> None:
    write(tmp_path)
    before = sorted(tmp_path.iterdir())
    done = choreo(tmp_path, *call)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(tmp_path.iterdir()) == before


def test_words_that_are_not_utf_8_are_refused_before_anything_is_recorded(tmp_path: Path) -> None:
    import subprocess
    import sys

    from faults.relay import environment

    write(tmp_path)
    for words in ([b"--label", b"k=\xff"], [b"--by", b"\xff"]):
        argv = [sys.executable.encode(), b"-m", b"choreo", b"run", b"count.yaml", b"--set", b"n=1", *words]
        done = subprocess.run(argv, check=False, cwd=tmp_path, env=environment(), capture_output=True, text=True)
        assert done.returncode == 2
        assert done.stderr.startswith("error[not-text]: the argument `")
    assert not (tmp_path / ".choreo").exists()


def test_a_service_that_raises_what_is_no_text_fails_its_hop_and_is_on_record(tmp_path: Path) -> None:
    (tmp_path / "odd.py").write_text("def raises(given):\n    raise ValueError('\\udcff \\x1b[2J \\0 ::error::')\n")
    odd = {"kind": "reader", "does": "Fail", "service": {"python": "odd:raises"}, "emits": "thing@1.0.0"}
    handoffs = [{"from": "trigger", "to": "odd"}, {"from": "odd", "to": "end"}]
    write(tmp_path, roles={"odd": odd}, handoffs=handoffs)
    done = choreo(tmp_path, "run", "count.yaml", "--set", "n=1")
    assert done.returncode == 1, done.stderr
    assert "failed [service-error]: odd: ValueError: \\udcff \\x1b[2J" in done.stderr
    assert choreo(tmp_path, "trace", "last", "--verify").returncode == 0


def test_the_runs_are_listed_newest_first_one_on_a_line(tmp_path: Path) -> None:
    write(tmp_path)
    assert choreo(tmp_path, "runs").stdout == "no runs yet; play one: choreo run SPEC\n"
    choreo(tmp_path, "run", "count.yaml", "--set", "n=1", "--label", "k=v")
    choreo(tmp_path, "run", "count.yaml", "--set", "n=101")
    listed = steady(choreo(tmp_path, "runs").stdout)
    assert [" ".join(line.split()) for line in listed.splitlines()] == [
        "RUN DATE count 1.0.0 refused 0 hops 0.0000 contract-violation",
        "RUN DATE count 1.0.0 done 2 hops 0.0000 done k=v",
    ]


def test_runs_says_that_none_match_and_not_that_there_are_none(tmp_path: Path) -> None:
    write(tmp_path)
    assert choreo(tmp_path, "runs", "--status", "failed").stdout == "no runs yet; play one: choreo run SPEC\n"
    choreo(tmp_path, "run", "count.yaml", "--set", "n=1", "--label", "k=v", "--db", "t.db")
    for flags, wanted in (
        (("--label", "k=w"), "the label `k=w`"),
        (("--status", "failed"), "the status `failed`"),
        (("--status", "failed", "--label", "k=v"), "the status `failed` and the label `k=v`"),
    ):
        told = choreo(tmp_path, "runs", *flags, "--db", "t.db").stdout
        assert told == f"no run has {wanted}; see all: choreo runs --db t.db\n"
    assert choreo(tmp_path, "runs", "--label", "k=w", "--json", "--db", "t.db").stdout == "[]\n"


def test_a_damaged_store_has_exit_code_5_and_is_left_as_it_was(tmp_path: Path) -> None:
    write(tmp_path)
    bad = tmp_path / "trace.db"
    bad.write_text("not a store")
    for call in (("run", "count.yaml", "--set", "n=1"), ("resume", "last"), ("trace", "last"), ("runs",)):
        done = choreo(tmp_path, *call, "--db", "trace.db")
        assert (done.returncode, done.stdout) == (5, "")
        assert "error[store-damaged]: trace.db has 11 bytes" in done.stderr
        assert "help: " in done.stderr
    assert bad.read_text() == "not a store"


def test_a_run_is_named_by_its_beginning_and_never_by_chance(tmp_path: Path) -> None:
    write(tmp_path)
    for n in (1, 2):
        choreo(tmp_path, "run", "count.yaml", "--set", f"n={n}")
    newest, oldest = (run["id"] for run in json.loads(choreo(tmp_path, "runs", "--json").stdout))
    assert choreo(tmp_path, "trace", oldest[:-1]).stdout.startswith(f"run {oldest} ")
    assert choreo(tmp_path, "trace", "last").stdout.startswith(f"run {newest} ")
    for name, code in ((newest[:4], "ambiguous-run"), ("x", "no-run"), ("%", "no-run"), ("' OR 1=1 --", "no-run")):
        done = choreo(tmp_path, "trace", name)
        assert (done.returncode, f"error[{code}]" in done.stderr) == (2, True), done.stderr


def test_an_effect_that_a_higher_limit_lets_start_is_not_taken_for_one_that_was_cut_short(tmp_path: Path) -> None:
    (tmp_path / "till.py").write_text("def pay(given):\n    open('paid', 'a').write('x')\n    return given\n")
    pay = {
        "kind": "actor",
        "does": "Pay",
        "service": {"python": "till:pay"},
        "accepts": "thing@^1",
        "emits": "thing@1.0.0",
        "effect": "once",
    }
    one = {"kind": "reader", "does": "Add one", "set": {"n": "input.n + 1"}, "emits": "thing@1.0.0"}
    write(tmp_path, roles={"one": one, "two": pay}, limits={"hops": 1})
    assert choreo(tmp_path, "run", "count.yaml", "--set", "n=1").returncode == 8
    assert not (tmp_path / "paid").exists()
    done = choreo(tmp_path, "resume", "last", "--limit", "hops=5")
    assert (done.returncode, done.stdout) == (0, '{"n": 2}\n'), done.stderr
    assert (tmp_path / "paid").read_text() == "x"
