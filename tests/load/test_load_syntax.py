"""T01, T04, T07: broken and hostile YAML. Each `syntax/NAME.yaml` must give exactly `syntax/NAME.txt`."""

import os
from pathlib import Path

import pytest

from choreo.api.checked import problems_of
from choreo.errors import UsageError
from choreo.loading import load_spec
from choreo.loading.yaml import read_yaml
from choreo.render.problems import render_problems

HERE = Path(__file__).parent
GOOD = (HERE / "good.yaml").read_text(encoding="utf-8")
BROKEN = sorted(path.stem for path in (HERE / "syntax").glob("*.yaml"))


def test_there_are_at_least_fifteen_broken_files():
    assert len(BROKEN) >= 15


@pytest.mark.parametrize("name", BROKEN)
def test_broken_text_gives_exactly_the_recorded_output(name, monkeypatch):
    monkeypatch.chdir(HERE / "syntax")
    loaded = load_spec(f"{name}.yaml")
    assert render_problems(loaded.problems, loaded.texts) == Path(f"{name}.txt").read_text(encoding="utf-8")
    assert loaded.problems


@pytest.mark.parametrize(
    "data",
    [b"\xef\xbb\xbf" + GOOD.encode(), GOOD.replace("\n", "\r\n").encode(), GOOD.replace("\n", "\r").encode()],
    ids=["byte order mark", "CRLF", "CR"],
)
def test_byte_order_mark_and_other_line_ends_change_nothing(tmp_path, data):
    (tmp_path / "a.yaml").write_bytes(GOOD.encode())
    wanted = load_spec(str(tmp_path / "a.yaml"))
    (tmp_path / "a.yaml").write_bytes(data)
    found = load_spec(str(tmp_path / "a.yaml"))
    assert wanted.problems == found.problems == ()
    assert wanted.spec == found.spec


def test_a_missing_file_is_a_usage_error_that_names_the_nearest(tmp_path):
    (tmp_path / "refunds.yaml").write_text(GOOD, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        load_spec(str(tmp_path / "refund.yaml"))
    assert caught.value.exit_code == 2
    assert caught.value.code == "missing-file"
    assert "refunds.yaml" in caught.value.help


def test_a_folder_and_a_pipe_are_usage_errors(tmp_path):
    with pytest.raises(UsageError, match="is a folder"):
        load_spec(str(tmp_path))
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(UsageError, match="no regular file"):
        load_spec(str(tmp_path / "pipe.yaml"))


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("on", "on"),
        ("no", "no"),
        ("yes", "yes"),
        ("off", "off"),
        ("y", "y"),
        ("010", "010"),
        ("0o17", "0o17"),
        ("-012", "-012"),
        ("12:30:45", "12:30:45"),
        ("190:20:30", "190:20:30"),
        ("2026-11-22", "2026-11-22"),
        ("2026-11-22T10:00:00Z", "2026-11-22T10:00:00Z"),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("1.2.3", "1.2.3"),
        ("=", "="),
        ("1.10", 1.1),
        ("1e3", 1000.0),
        ("1.5E-3", 0.0015),
        (".5", 0.5),
        ("7", 7),
        ("-7", -7),
        ("+7", 7),
        ("0", 0),
        ("0x1F", 31),
        ("true", True),
        ("false", False),
        ("~", None),
        ("null", None),
        ("", None),
        ('"7"', "7"),
        ("'true'", "true"),
        ('""', ""),
    ],
)
def test_scalars_are_read_by_the_core_rules_of_yaml_1_2(written, value):
    document = read_yaml(f"a: {written}\n", "x.yaml")
    assert document.problems == ()
    found = document.root.get("a").value
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("written", [".nan", ".NaN", ".inf", "-.INF", "1e999", "9223372036854775808", "True", "NULL"])
def test_what_is_no_json_or_read_differently_by_others_is_refused_at_its_place(written):
    document = read_yaml(f"a:\n  - {written}\n", "x.yaml")
    assert [(str(problem.place), problem.code) for problem in document.problems] == [("x.yaml:2:5", "bad-scalar")]


def test_the_key_on_is_the_text_on():
    assert list(read_yaml("on: 1\nno: 2\n", "x.yaml").root.value) == ["on", "no"]


TAGGED = [
    '!!python/object/apply:os.system ["touch canary"]',
    "!!python/object/new:subprocess.Popen [[touch, canary]]",
    "!!python/name:os.system",
    "!!python/module:tools",
    '!!map {a: !!python/object/apply:os.system ["touch canary"]}',
    "!include canary.yaml",
    "!env HOME",
    "!!set {a}",
    "!!binary aGk=",
    "!!timestamp 2026-11-22",
    "!!str 5",
    "!",
    "!<tag:example.com,2000:x> 5",
]


@pytest.mark.parametrize("value", TAGGED)
def test_no_tag_is_ever_resolved(tmp_path, monkeypatch, value):
    """T07: the canary is not made, and the tag is a Problem where it stands."""
    monkeypatch.chdir(tmp_path)
    for name in ("tools.py", "conftest.py", "canary.py"):
        (tmp_path / name).write_text("open('canary', 'w').close()\n", encoding="utf-8")
    text = GOOD.replace("does: Copy the note", f"does: {value}")
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    problems = load_spec("a.yaml").problems
    assert ("a.yaml:11:11", "yaml-tag") in [(str(problem.place), problem.code) for problem in problems]
    assert not (tmp_path / "canary").exists()


def test_the_module_of_a_service_is_not_imported(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tools.py").write_text("open('canary', 'w').close()\n", encoding="utf-8")
    text = GOOD.replace("    model: small\n", '    service: {python: "tools:run"}\n')
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    assert load_spec("a.yaml").problems == ()
    assert not (tmp_path / "canary").exists()


def test_reading_never_opens_a_connection_and_shows_nothing_of_other_files(tmp_path, monkeypatch):
    """T10: remote and escaping references are findings, not fetches."""
    import sys

    seen = []
    sys.addaudithook(lambda event, args: seen.append((event, args)) if event.startswith("socket.") else None)
    (tmp_path / "secret.json").write_text('{"title": "do not tell"}', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for ref in (
        "http://127.0.0.1:9/s.json",
        "https://example.com/s",
        "file:///etc/passwd",
        "../secret.json",
        "secret.json",
    ):
        Path("a.yaml").write_text(
            GOOD.replace("{type: string, maxLength: 1000}", f'{{$ref: "{ref}"}}'), encoding="utf-8"
        )
        loaded = load_spec("a.yaml")
        assert [(str(problem.place), problem.code) for problem in loaded.problems] == [("a.yaml:27:20", "remote-ref")]
        shown = render_problems(loaded.problems, loaded.texts)
        assert "do not tell" not in shown
        assert "root:" not in shown
    assert seen == []


BOMBS = {
    "brackets": "[" * 200_000,
    "braces": "{a: " * 100_000,
    "dashes": "- " * 100_000 + "x",
    "billion laughs": "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)),
    "deep aliases": "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 200)),
    "a loop": "a: &a [*a]\n",
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_stopped_before_anything_recurses(name):
    document = read_yaml(BOMBS[name], "x.yaml")
    assert [problem.code for problem in document.problems][-1:] in (["too-deep"], ["too-large"], ["alias-loop"])


def test_the_number_of_values_is_bounded(monkeypatch):
    monkeypatch.setattr("choreo.loading.yaml.MAX_NODES", 1000)
    assert read_yaml("[" + "0," * 999 + "]", "x.yaml").problems == ()
    document = read_yaml("[" + "0," * 1000 + "]", "x.yaml")
    assert [(str(problem.place), problem.code) for problem in document.problems] == [("x.yaml:1:2000", "too-large")]


def test_an_alias_stands_for_its_value():
    document = read_yaml("a: &x {k: 1}\nb: *x\n", "x.yaml")
    assert document.problems == ()
    assert document.root.get("b") is document.root.get("a")


def test_columns_count_code_points_and_anchors_are_skipped():
    document = read_yaml("ключ: é\nb: &x  word\n", "x.yaml")
    assert str(document.place(document.root.get("ключ"))) == "x.yaml:1:7"
    assert str(document.place(document.root.get("b"))) == "x.yaml:2:8"


SMALL = """
choreo: 1
name: a
version: 1.0.0
contracts: {thing@1.0.0: {type: object, required: [n], properties: {n: {type: integer}}}}
trigger: {accepts: thing@^1}
result: {emits: thing@1.0.0}
roles:
  b: {kind: reader, does: Count, set: input, accepts: thing@^1, emits: thing@1.0.0}
handoffs:
  - {from: trigger, to: b}
  - {from: b, to: end}
"""


@pytest.mark.parametrize(
    ("written", "help"),
    [
        ("models: {fast: openai/gpt-5-mini}", "write `{model: openai/gpt-5-mini}`"),
        (
            "contracts: {thing@1.0.0: thing.json}",
            "write the schema itself here; one in a file `schemas/<name>/<version>.json` is found by its name",
        ),
    ],
)
def test_a_text_where_something_larger_belongs_is_told_what_to_become(tmp_path, written, help):
    key = written.partition(":")[0]
    kept = "\n".join(line for line in SMALL.splitlines() if not line.startswith(key))
    (tmp_path / "a.yaml").write_text(f"{kept}\n{written}\n", encoding="utf-8")
    [problem] = load_spec(str(tmp_path / "a.yaml")).problems
    assert (problem.code, problem.help) == ("wrong-type", help)


def test_a_model_in_a_spec_without_models_is_told_how_to_be_one(tmp_path):
    text = SMALL.replace("set: input", "model: fast, prompt: hi")
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    found = {problem.code: problem.help for problem in problems_of(load_spec(str(tmp_path / "a.yaml")))}
    assert found["unknown-model"].startswith("the spec has none: add `models: {fast: {model: local/")
