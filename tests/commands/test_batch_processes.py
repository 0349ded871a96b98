"""`choreo batch --processes`: inputs are shared among processes; none is lost, and none is played twice."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from choreo.commands.processes import Own, Shared
from choreo.commands.results import Results
from choreo.errors import StoreError
from choreo.store import Store

SPEC = """
choreo: 1
name: shared
version: 1.0.0
trigger: {accepts: case@^1ONCE_PER}
result: {emits: case@1.0.0}
contracts:
  case@1.0.0: {type: object, properties: {n: {type: integer}}, required: [n], additionalProperties: false}
roles:
  work: {kind: reader, service: {python: "work:work"}, emits: case@1.0.0}
  act: {kind: actor, effect: once, service: {python: "work:act"}, emits: case@1.0.0}
touchpoints:
  look: {ask: "Is {{ payload.n }} right?", when: "payload.n < 0"}
handoffs:
  - {from: trigger, to: work}
  - {from: work, to: act, touchpoint: look}
  - {from: act, to: end}
"""
WORK = """
import os, pathlib, signal, time
HERE = pathlib.Path(__file__).parent

def note(what, x):
    with open(HERE / what, "a") as file:
        file.write(f"{x['n']} {os.getpid()}\\n")

def others():
    "Wait until another process has taken an input, too."
    (HERE / f"pid-{os.getpid()}").touch()
    for _ in range(3000):
        if len(list(HERE.glob("pid-*"))) > 1:
            return
        time.sleep(0.01)
    raise RuntimeError("there is no other process")

def work(x):
    others()
    return x

def act(x):
    note("acted", x)
    return x
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.yaml").write_text(SPEC.replace("ONCE_PER", ""))
    (tmp_path / "work.py").write_text(WORK)
    return tmp_path


def start(numbers: list[int], *more: str) -> subprocess.Popen[str]:
    Path("in.jsonl").write_text("".join(f'{{"n": {n}}}\n' for n in numbers))
    command = [sys.executable, "-m", "choreo", "batch", "spec.yaml", "in.jsonl", "--db", "t.db", "--processes", "3"]
    more = more or ("--out", "out.jsonl")
    return subprocess.Popen([*command, "--parallel", "6", *more], stderr=subprocess.PIPE, text=True)


def ended(batch: subprocess.Popen[str]) -> tuple[int, str]:
    said = batch.communicate(timeout=120)[1]
    return batch.returncode, said


def results() -> dict[int, dict[str, Any]]:
    lines = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert len({line["input"] for line in lines}) == len(lines), "a line for each input"
    return {line["input"]: line for line in lines}


def acted() -> Counter[int]:
    return Counter(int(line.split()[0]) for line in Path("acted").read_text().splitlines())


def until(true: Any) -> None:
    for _ in range(3000):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("it does not come to that")


def test_inputs_are_shared_and_each_is_played_once(folder: Path) -> None:
    code, said = ended(start(list(range(60))))
    assert (code, said) == (0, "60 of 60 inputs: 60 with exit 0; cost 0.0000\n")
    assert [results()[n + 1]["result"] for n in range(60)] == [{"n": n} for n in range(60)]
    assert acted() == Counter(range(60))
    assert len({line.split()[1] for line in Path("acted").read_text().splitlines()}) > 1
    assert ended(start(list(range(60)))) == (0, "60 of 60 inputs (60 of them before): 60 with exit 0; cost 0.0000\n")
    assert acted() == Counter(range(60))


def test_failures_and_waits_of_all_processes_are_counted(folder: Path) -> None:
    (folder / "work.py").write_text(WORK.replace("    others()", "    others()\n    assert x['n'] % 10 != 5, 'five'"))
    code, said = ended(start([*range(20), -1, -2], "--label", "a=b"))
    assert code == 1
    assert "22 of 22 inputs: 18 with exit 0, 2 with exit 1, 2 with exit 4; cost 0.0000" in said
    assert "line 6: failed [service-error]: work: AssertionError: five" in said
    assert "2 wait for a person: choreo review --all --db t.db" in said


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "signal 9"),
        ("os._exit(7)", "exit code 7"),
        ("os._exit(0)", "exit code 0"),
    ],
)
def test_a_process_that_dies_takes_nothing_from_the_others(folder: Path, how: str, told: str) -> None:
    die = """
    if x["n"] == 0 and not (HERE / "died").exists():
        (HERE / "died").touch()
        HOW
    return x
"""
    (folder / "work.py").write_text(WORK.replace("    others()\n    return x\n", die.replace("HOW", how)))
    code, said = ended(start(list(range(40))))
    assert code == 1
    assert f"1 of the processes ended before their time ({told}), and their last moment is not counted\n" in said
    assert "everything finished is on record. Go on with the same command\n" in said
    assert 0 < len(results()) < 40
    assert ended(start(list(range(40))))[0] == 0
    assert acted() == Counter(range(40))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_to_the_parent_ends_all_and_the_same_command_goes_on(folder: Path, number: int, code: int) -> None:
    slow = WORK.replace("    others()\n    return x\n", "    others()\n    time.sleep(0.05)\n    return x\n")
    (folder / "work.py").write_text(slow)
    batch = start(list(range(100)))
    until(lambda: Path("acted").exists() and len(acted()) > 5)
    batch.send_signal(number)
    stopped, said = ended(batch)
    assert stopped == code
    assert "interrupted; everything finished is on record. Go on with the same command" in said
    assert "before their time" not in said
    assert len(results()) < 100
    assert ended(start(list(range(100))))[0] == 0
    assert acted() == Counter(range(100))


def test_processes_whose_parent_is_killed_save_and_end(folder: Path) -> None:
    slow = WORK.replace("    others()\n    return x\n", "    others()\n    time.sleep(0.05)\n    return x\n")
    (folder / "work.py").write_text(slow)
    batch = start(list(range(200)))
    until(lambda: Path("acted").exists() and len(acted()) > 5)
    batch.kill()
    batch.communicate()
    children = [int(file.name.partition("-")[2]) for file in folder.glob("pid-*")]
    until(lambda: not any(alive(pid) for pid in children))
    assert len(acted()) < 200
    assert ended(start(list(range(200))))[0] == 0
    assert acted() == Counter(range(200))


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()


def test_a_duplicate_of_a_run_of_another_process_is_told_as_that_run_ended(folder: Path) -> None:
    (folder / "spec.yaml").write_text(SPEC.replace("ONCE_PER", ', once_per: "string(trigger.n % 10)"'))
    code, _ = ended(start(list(range(40))))
    assert code == 0
    assert Counter(line["status"] for line in results().values()) == {"done": 10, "duplicate": 30}
    assert {line["first"] for line in results().values() if line["status"] == "duplicate"} == {"done"}
    assert len(acted()) == 10


def test_a_store_that_is_lost_ends_all_processes_with_one_message(folder: Path) -> None:
    (folder / "work.py").write_text(WORK.replace("    others()\n", "    (HERE / 't.db').unlink(missing_ok=True)\n"))
    code, said = ended(start(list(range(40)), "--quiet"))
    assert code == 5
    assert said.count("error[") == 1
    assert "error[store-replaced]: t.db was deleted, moved or replaced" in said


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device is full here")
@pytest.mark.parametrize("processes", ["1", "3"])
def test_results_that_cannot_be_written_end_the_batch_and_the_same_command_goes_on(
    folder: Path, processes: str
) -> None:
    (folder / "work.py").write_text(WORK.replace("    others()\n", ""))
    code, said = ended(start(list(range(30)), "--out", "/dev/full", "--processes", processes))
    assert (code, said.count("error[")) == (1, 1)
    assert "error[cannot-write]: the results cannot be written to `/dev/full`: No space left on device" in said
    assert "the same command goes on" in said
    assert "unread" not in said
    code, said = ended(start(list(range(30)), "--out", "out.jsonl", "--processes", processes))
    assert (code, len(results())) == (0, 30)
    assert acted() == Counter(range(30))


def test_what_a_service_keeps_for_its_end_is_done_in_each_process(folder: Path) -> None:
    kept = """
import atexit
LOG = open(HERE / f"log-{os.getpid()}", "a")
atexit.register(lambda: (HERE / f"left-{os.getpid()}").touch())

def work(x):
    others()
    LOG.write(f"{x['n']}\\n")
    return x
"""
    (folder / "work.py").write_text(WORK.replace("def work(x):\n    others()\n    return x\n", kept))
    assert ended(start(list(range(30))))[0] == 0
    logs = list(folder.glob("log-*"))
    assert sorted(int(line) for log in logs for line in log.read_text().split()) == list(range(30))
    assert len(list(folder.glob("left-*"))) == len(logs) > 1


def test_a_spec_with_models_is_played_by_one_process(folder: Path) -> None:
    spec = SPEC.replace("ONCE_PER", "").replace('service: {python: "work:work"}', "model: small, prompt: Give n.")
    (folder / "spec.yaml").write_text(spec + 'models: {small: {model: "openai/gpt-5-mini"}}\n')
    code, said = ended(start([1, 2, 3]))
    assert code == 2
    assert "error[bad-processes]: `shared` calls models" in said
    assert "help: leave --processes out" in said


def test_what_a_process_raises_is_raised_in_its_parent_and_ends_the_others() -> None:
    def full(own: Own[int]) -> None:
        if own.number == 0:
            raise StoreError("store-full", "no room", "make some")
        signal.pause()

    with pytest.raises(StoreError) as raised:
        Shared(2, full).follow(lambda process, news: None, lambda: None)
    assert (raised.value.code, raised.value.message, raised.value.help) == ("store-full", "no room", "make some")

    def odd(own: Own[int]) -> None:
        raise KeyError("odd")

    with pytest.raises(RuntimeError, match=r"^KeyError: 'odd'$") as bug:
        Shared(1, odd).follow(lambda process, news: None, lambda: None)
    assert re.search(r"in odd\n", "".join(traceback.format_exception(bug.value)))


def test_runs_that_processes_begin_at_once_have_ids_of_their_own(folder: Path) -> None:
    assert ended(start(list(range(60))))[0] == 0
    store = Store.read(Path("t.db"))
    ids = [run.id for run in store.runs(limit=100)]
    store.close()
    assert len(set(ids)) == 60
    assert {len(one) for one in ids} == {25}


def test_locks_that_threads_of_several_processes_wait_for_crosswise_are_no_deadlock() -> None:
    """To the system a process is one, whichever of its threads has a lock and whichever waits for another."""

    def both(own: Own[int]) -> None:
        ends = time.monotonic() + 1.0

        def write() -> None:
            while time.monotonic() < ends:
                own.lock.take()
                time.sleep(0.0005)
                own.lock.give()
                time.sleep(0.0001)

        writer = threading.Thread(target=write)
        writer.start()
        items = own.dealt(Item(number) for number in itertools.count(1))
        while time.monotonic() < ends:
            next(items)
            time.sleep(0.0002)
        writer.join()
        own.tell(own.number)

    told: list[int] = []
    assert Shared(3, both).follow(lambda process, number: told.append(number), lambda: None) == []
    assert sorted(told) == [0, 1, 2]


def test_long_lines_of_several_processes_come_whole_out_of_a_pipe(tmp_path: Path) -> None:
    """What is longer than a pipe takes at once would come in pieces, with those of others between."""
    pipe, read = str(tmp_path / "pipe"), list[bytes]()
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.extend(Path(pipe).read_bytes().splitlines()))
    reader.start()
    results = Results(pipe, 3)

    def write(own: Own[int]) -> None:
        for _ in range(40):
            results.write(f"{own.number}" * 100_000 + "\n")

    assert Shared(3, write).follow(lambda process, number: None, lambda: None) == []
    results.close()
    reader.join()
    assert Counter(read) == {b"%d" % number * 100_000: 40 for number in range(3)}


class Item(NamedTuple):
    number: int
