"""The inputs of `choreo batch`: each is played or told as one that failed, whatever the files look like."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import pytest

from choreo.commands.batch import batch
from choreo.commands.playing import Options
from choreo.errors import UsageError

SPEC = """
choreo: 1
name: plain
version: 1.0.0
trigger: {accepts: case@^1}
result: {emits: case@1.0.0}
contracts:
  case@1.0.0:
    type: object
    properties: {n: {type: integer}, text: {type: string}}
    required: [n]
roles:
  work: {kind: reader, set: input, emits: case@1.0.0}
handoffs:
  - {from: trigger, to: work}
  - {from: work, to: end}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "spec.yaml").write_text(SPEC)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def play(inputs: str, out: str | None = "out.jsonl") -> int:
    options = Options(db="t.db")
    return batch("spec.yaml", inputs, parallel=2, limits=(), out=out, labels=(), models=(), options=options)


def results() -> dict[str, dict[str, Any]]:
    return {line["place"]: line for line in map(json.loads, Path("out.jsonl").read_text().splitlines())}


@pytest.mark.parametrize("out", ["in.jsonl", "sub/../in.jsonl", "link.jsonl", "hard.jsonl", "spec.yaml", "t.db"])
def test_results_are_never_written_over_what_the_batch_reads(folder, out):
    Path("in.jsonl").write_text('{"n": 1}\n{"n": 2}\n')
    Path("sub").mkdir()
    Path("link.jsonl").symlink_to("in.jsonl")
    os.link("in.jsonl", "hard.jsonl")
    with pytest.raises(UsageError) as refused:
        play("in.jsonl", out)
    assert refused.value.code == "out-is-read"
    assert Path("in.jsonl").read_text() == '{"n": 1}\n{"n": 2}\n'
    assert Path("spec.yaml").read_text() == SPEC
    assert not Path("t.db").exists()


@pytest.mark.parametrize("out", ["files/new.json", "files/1.json", "link/new.json", "elsewhere.json"])
def test_results_do_not_go_where_they_would_be_read_as_an_input(folder, out):
    Path("files").mkdir()
    Path("link").symlink_to("files")
    Path("files/1.json").write_text('{"n": 1}')
    Path("elsewhere.json").write_text('{"n": 2}')
    Path("files/2.json").symlink_to("../elsewhere.json")
    Path("files/3.json").symlink_to("3.json")
    with pytest.raises(UsageError) as refused:
        play("files", out)
    assert refused.value.code == "out-is-read"
    assert not Path("files/new.json").exists()
    assert Path("elsewhere.json").read_text() == '{"n": 2}'


def test_what_cannot_be_read_in_a_folder_is_one_input_that_failed(folder):
    Path("files").mkdir()
    for n in (1, 2, 3):
        Path(f"files/{n}.json").write_text(f'{{"n": {n}}}')
    Path("files/2a.json").symlink_to("nothing")
    Path("files/2b.json").symlink_to("2b.json")
    Path("files/2c.json").mkdir()
    os.mkfifo("files/9.json")
    assert play("files") == 1
    told = results()
    assert [told[f"{n}.json"]["status"] for n in (1, 2, 3)] == ["done"] * 3
    unread = {place: one["message"] for place, one in told.items() if one["code"] == "cannot-read"}
    assert set(unread) == {"2a.json", "2b.json", "2c.json", "9.json"}
    assert unread["2a.json"] == "it cannot be read: No such file or directory"
    assert unread["9.json"] == unread["2c.json"] == "it is no plain file"


def test_a_pipe_as_the_list_of_inputs_is_refused(folder):
    os.mkfifo("in.jsonl")
    with pytest.raises(UsageError) as refused:
        play("in.jsonl")
    assert refused.value.code == "cannot-read"


def said_of(capsys) -> str:
    """How many inputs of how many the batch says it has."""
    return next(line for line in capsys.readouterr().err.splitlines() if " inputs" in line).partition(":")[0]


def test_cells_are_as_large_as_an_input_may_be(folder, capsys):
    before = csv.field_size_limit()
    Path("in.csv").write_text(f"n,text\n1,one\n2,{'x' * 200_000}\n3,three\n4,four\n")
    assert play("in.csv") == 0
    assert said_of(capsys) == "4 of 4 inputs"
    assert len(results()["line 3"]["result"]["text"]) == 200_000
    assert csv.field_size_limit() == before, "a service in this process has its own"


@pytest.mark.parametrize(
    ("rows", "done", "failed"),
    [
        ('1,one\n2,"two"x\n3,three\n', ["line 2", "line 4"], ["line 3"]),
        ('1,one\n2,"two\n3,three\n\n4,four\n', ["line 2"], ["line 3", "line 4", "line 6"]),
        ('1,"one\n2,"two"\n3,"a\nb"\n', ["line 4"], ["line 2", "line 3"]),
    ],
)
def test_every_row_of_csv_is_played_or_fails(folder, capsys, rows, done, failed):
    Path("in.csv").write_text("n,text\n" + rows)
    assert play("in.csv") == 1
    told = results()
    assert sorted(place for place, one in told.items() if one["status"] == "done") == done
    assert sorted(place for place, one in told.items() if one["code"] == "not-data") == failed
    number = len(done) + len(failed)
    assert said_of(capsys) == f"{number} of {number} inputs"


def test_rows_are_counted_and_placed_by_where_they_begin(folder, capsys):
    Path("in.csv").write_text('\n\nn,text\n1,"one\n\nand more"\n\n2,two\nx,"not\na number"\n  \n')
    assert play("in.csv") == 1
    assert said_of(capsys) == "4 of 4 inputs"
    told = results()
    assert sorted(told) == ["line 11", "line 4", "line 8", "line 9"]
    assert told["line 4"]["result"] == {"n": 1, "text": "one\n\nand more"}


@pytest.mark.parametrize("head", ["n,text,n", 'n,"text'])
def test_columns_that_cannot_be_told_apart_are_refused_before_anything_is_played(folder, head):
    Path("in.csv").write_text(head + "\n1,one,2\n")
    with pytest.raises(UsageError) as refused:
        play("in.csv")
    assert refused.value.code == "bad-columns"
    assert "`in.csv` line 1" in refused.value.message
    assert not Path("t.db").exists()


def test_columns_without_a_name_may_stay_empty(folder):
    Path("in.csv").write_text("n,text,,\n1,one,,\n2,two,,more\n")
    assert play("in.csv") == 1
    assert {place: one["status"] for place, one in results().items()} == {"line 2": "done", "line 3": "unread"}
