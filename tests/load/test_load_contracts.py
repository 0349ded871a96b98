"""T10, T11: contracts as files and inline: which are read, and where what is wrong with them stands."""

import json
from pathlib import Path

import pytest

from choreo.canonical import Payload
from choreo.loading import load_spec
from choreo.loading.jsonfile import json_place, read_json
from choreo.problem import Place

GOOD = (Path(__file__).parent / "good.yaml").read_text(encoding="utf-8")
SPEC = GOOD[: GOOD.index("contracts:")]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project whose spec refers to `note` and has it as files: {path: text} to load it."""
    monkeypatch.chdir(tmp_path)
    Path("pyproject.toml").touch()

    def loaded(files, spec=SPEC, path="specs/deep/a.yaml"):
        for name, text in {**files, path: spec}.items():
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_text(text, encoding="utf-8")
        return load_spec(path)

    return loaded


def places(loaded):
    return [(str(problem.place), problem.code) for problem in loaded.problems]


def test_all_versions_of_a_name_are_found_upward_oldest_first(project):
    files = {f"schemas/note/{version}.json": '{"type": "object"}' for version in ("1.10.0", "1.9.0", "0.1.0")}
    loaded = project(files)
    assert loaded.problems == ()
    assert [contract.ref for contract in loaded.contracts["note"]] == ["note@0.1.0", "note@1.9.0", "note@1.10.0"]
    first = loaded.contracts["note"][0]
    assert first.place == Place("schemas/note/0.1.0.json")
    assert first.digest == Payload.of({"type": "object"}).digest


def test_the_nearest_schemas_folder_counts_and_the_project_root_is_the_last(project):
    near = project({"specs/schemas/note/1.0.0.json": "{}", "schemas/note/2.0.0.json": "{}"})
    assert [contract.version for contract in near.contracts["note"]] == ["1.0.0"]
    outside = project({"inner/.git/HEAD": "x"}, path="inner/specs/a.yaml")
    assert "note" not in outside.contracts


def test_a_contract_that_exists_nowhere_is_left_to_the_checks_of_the_graph(project):
    loaded = project({})
    assert loaded.problems == ()
    assert loaded.contracts == {}


def test_inline_and_file_versions_stand_together_and_twins_are_told(project):
    loaded = project({"schemas/note/1.0.0.json": "{}", "schemas/note/1.1.0.json": "{}"}, spec=GOOD)
    assert [contract.version for contract in loaded.contracts["note"]] == ["1.0.0", "1.1.0"]
    assert places(loaded) == [("specs/deep/a.yaml:22:3", "duplicate-contract")]


def test_a_file_without_a_full_version_in_its_name_is_told_and_not_read(project):
    loaded = project({"schemas/note/1.0.json": "not json", "schemas/note/readme.md": "x"})
    assert [(*place, problem.severity) for place, problem in zip(places(loaded), loaded.problems, strict=True)] == [
        ("schemas/note/1.0.json:1:1", "contract-file-name", "warning")
    ]


@pytest.mark.parametrize(
    ("text", "place", "code"),
    [
        ('{\n  "type": "object",\n}', "3:1", "bad-json"),
        ('{"type": "object"', "1:18", "bad-json"),
        ("{\"a\": 'x'}", "1:7", "bad-json"),
        ("", "1:1", "bad-json"),
        ("[]", "1:1", "wrong-type"),
        ('{"type": "object",\n "type": "string"}', "2:2", "duplicate-key"),
        ('{"minimum": NaN}', "1:1", "bad-json"),
        ('{"minimum": 1e999}', "1:13", "bad-json"),
        ('{"a": ["\\u0000"]}', "1:8", "bad-json"),
        ('{"const": "\\ud800"}', "1:11", "bad-json"),
        ("[" * 100_000, "1:201", "contract-too-deep"),
        ('{"description": "' + "x" * 2_000_000 + '"}', "1:1", "contract-too-large"),
        ('{\n  "requried": ["a"]\n}', "2:3", "unknown-keyword"),
        ('{\n  "properties": {\n    "a": {"additonalProperties": false}\n  }\n}', "3:11", "unknown-keyword"),
        ('{"properties": {"a": {"pattern": "(a"}}}', "1:34", "bad-pattern"),
        ('{"type": "strng"}', "1:10", "bad-type"),
        ('{"$ref": "#"}', "1:10", "ref-loop"),
        ('{"$schema": "http://json-schema.org/draft-07/schema#"}', "1:13", "wrong-draft"),
        ('{"properties": {"a": {"$ref": "https://example.com/x.json"}}}', "1:31", "remote-ref"),
        ('{"properties": {"a": {"$ref": "../../../etc/passwd"}}}', "1:31", "remote-ref"),
        ('{"properties": {"a~/b": {"type": 7}}}', "1:34", "bad-type"),
    ],
)
def test_what_is_wrong_with_a_contract_file_stands_in_it(project, text, place, code):
    loaded = project({"schemas/note/1.0.0.json": text})
    assert (f"schemas/note/1.0.0.json:{place}", code) in places(loaded)
    assert [contract.ref for contract in loaded.contracts["note"]] == ["note@1.0.0"]


def test_the_inline_schema_of_a_role_is_inspected_too(project):
    spec = GOOD.replace("    emits: note@1.0.0", "    emits:\n      type: object\n      requried: [a]")
    assert places(project({}, spec=spec)) == [("specs/deep/a.yaml:16:7", "unknown-keyword")]


def test_every_pointer_of_a_json_text_has_its_place():
    text = '{\n  "a": [1, {"b/c": "x,}{[]:\\" "}],\n  "d": {},\n  "e": [[], [2]]\n}'
    value = read_json(text, "x.json", [])

    def walk(part, pointer):
        yield pointer, part
        below = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
        for key, child in below:
            yield from walk(child, f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}")

    for pointer, part in walk(value, ""):
        place = json_place(text, "x.json", pointer)
        rest = "\n".join([text.split("\n")[place.line - 1][place.column - 1 :], *text.split("\n")[place.line :]])
        assert json.JSONDecoder().raw_decode(rest)[0] == part
    assert json_place(text, "x.json", "/a/1/b~1c", at_key=True) == Place("x.json", 2, 13)
    assert json_place(text, "x.json", "/a/7/x") == json_place(text, "x.json", "/a")
