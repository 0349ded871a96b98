"""The JSON Schema of the language is valid, complete, described, and agrees with our reading of it."""

from pathlib import Path

import jsonschema
import pytest

from choreo.loading import find_specs, is_spec, load_spec, load_stored
from choreo.loading.node import plain
from choreo.loading.shape import check_shape, spec_schema
from choreo.loading.yaml import read_yaml

HERE = Path(__file__).parent
TEXTS = {
    path.stem: path.read_text(encoding="utf-8")
    for path in [HERE / "good.yaml", HERE / "full.yaml", HERE / "refund.yaml"]
}
BAD = [
    path
    for path in sorted((HERE.parent / "specs_bad" / "load").glob("*.yaml"))
    if not read_yaml(path.read_bytes(), "x.yaml").problems  # else another validator would see another value
]


def walk(part, pointer=""):
    if isinstance(part, dict):
        yield pointer, part
        for key, below in part.items():
            if key not in ("examples", "default", "enum", "const"):
                yield from walk(below, f"{pointer}/{key}")
    elif isinstance(part, list):
        for number, below in enumerate(part):
            yield from walk(below, f"{pointer}/{number}")


def test_the_schema_is_valid_2020_12():
    jsonschema.Draft202012Validator.check_schema(spec_schema())


def test_every_key_has_a_description():
    for pointer, part in walk(spec_schema()):
        for key, below in part.get("properties", {}).items() if isinstance(part.get("properties"), dict) else ():
            target = spec_schema()["$defs"][below["$ref"].rsplit("/", 1)[1]] if "$ref" in below else below
            assert below.get("description") or target.get("description"), f"{pointer}/{key}"


def test_every_object_with_known_keys_is_closed():
    for pointer, part in walk(spec_schema()):
        if "properties" in part and part.get("type") == "object":
            assert part.get("additionalProperties") is False, pointer


def test_every_example_and_default_fits_its_own_place():
    for pointer, part in walk(spec_schema()):
        for value in [*part.get("examples", []), *([part["default"]] if "default" in part else [])]:
            local = {**part, "$defs": spec_schema()["$defs"]}
            assert jsonschema.Draft202012Validator(local).is_valid(value), (pointer, value)


def test_our_interpreter_knows_every_keyword_that_the_schema_uses():
    known = {
        *("$schema", "$id", "$ref", "$defs", "title", "description", "examples", "default"),
        *("type", "enum", "const", "pattern", "minimum", "maximum", "exclusiveMinimum"),
        *("items", "minItems", "uniqueItems", "properties", "additionalProperties", "propertyNames", "minProperties"),
        *("required", "oneOf", "dependentRequired", "not"),
    }
    names = ("properties", "$defs", "dependentRequired")
    for pointer, part in walk(spec_schema()):
        if pointer.rsplit("/", 1)[-1] not in names or pointer.endswith("/properties/properties"):
            assert set(part) <= known, pointer


@pytest.mark.parametrize("name", TEXTS)
def test_good_specs_pass_our_interpreter_and_another_validator(name):
    document = read_yaml(TEXTS[name], "x.yaml")
    root, problems = check_shape(document)
    assert problems == []
    assert root is document.root
    errors = [error.message for error in jsonschema.Draft202012Validator(spec_schema()).iter_errors(plain(root))]
    assert errors == []


SHAPE_CODES = {"unknown-key", "missing-key", "wrong-type", "bad-value", "bad-combination", "bad-name", "duplicate-item"}


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_another_validator_agrees_about_bad_specs(path):
    """What either of the two finds wrong with the shape, the other finds wrong, too."""
    document = read_yaml(path.read_text(encoding="utf-8"), "x.yaml")
    _, problems = check_shape(document)
    ours = any(problem.code in SHAPE_CODES for problem in problems)
    theirs = not jsonschema.Draft202012Validator(spec_schema()).is_valid(plain(document.root))
    assert ours == theirs or {problem.code for problem in problems} == {"twin-keys"}


def test_the_example_of_the_language_loads_but_for_what_is_not_played_and_not_there():
    problems = load_stored({"refund.yaml": TEXTS["refund"]}, "refund.yaml").problems
    assert [(problem.place.line, problem.code) for problem in problems] == [
        (31, "missing-file"),
        (46, "missing-file"),
    ]


# -- finding -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "is_one"),
    [
        ("a.yaml", "choreo: 1\n", True),
        ("a.yml", "# x\n\nname: a\nchoreo: 1\n", True),
        ("a.yaml", "\ufeffchoreo: 1\n", True),
        ("a.yaml", "'choreo': 1\n", True),
        ("a.yaml", "{choreo: 1}\n", True),
        ("a.yaml", "choreo:\r\n", True),
        ("a.yaml", "a:\n  choreo: 1\n", False),
        ("a.yaml", "choreography: 1\n", False),
        ("a.yaml", "core: 1\n", False),
        ("a.yaml", "chore: walk the dog\n", False),
        ("a.yaml", "roles: [a]\n", False),
        ("a.test.yaml", "choreo: 1\n", False),
        ("a.json", "{choreo: 1}\n", False),
    ],
)
def test_a_spec_is_a_yaml_file_with_the_key_choreo_at_the_top(tmp_path, name, text, is_one):
    (tmp_path / name).write_bytes(text.encode("utf-8"))
    assert is_spec(str(tmp_path / name)) is is_one


@pytest.mark.parametrize(
    "text",
    [
        *(f"name: a\n{key}\nversion: 1.0.0\n" for key in ("chreo: 1", "Choreo: 1", "choroe: '1'", "coreo: 1  # x")),
        *("choreo:1\n", "choreo 1\n", "horeo: 1\r\n", '{"choeo": 1, "name": "a"}\n', "chhoreo: 1"),
        "name: a\nroles:\n  b: {kind: reader}\nhandoffs: []\n",
    ],
)
def test_a_file_that_was_plainly_meant_as_a_spec_is_one_with_an_error(tmp_path, text):
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    assert is_spec(str(tmp_path / "a.yaml"))
    assert any(problem.severity == "error" for problem in load_spec(str(tmp_path / "a.yaml")).problems)


def test_a_spec_in_another_encoding_is_not_passed_over(tmp_path):
    for encoding in ("utf-16", "utf-16-le"):
        (tmp_path / "a.yaml").write_bytes("choreo: 1\nname: a\n".encode(encoding))
        assert is_spec(str(tmp_path / "a.yaml"))


def test_a_folder_is_searched_for_specs_and_the_rest_is_named(tmp_path):
    for name in ("b.yaml", "a/c.yml", "a/c.test.yaml", "other.yaml", ".venv/x.yaml", "node_modules/y.yaml", "z.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("a: 1\n" if name == "other.yaml" else "choreo: 1\n", encoding="utf-8")
    found, skipped = find_specs(str(tmp_path))
    assert [Path(path).relative_to(tmp_path).as_posix() for path in found] == ["b.yaml", "a/c.yml"]
    assert [Path(path).relative_to(tmp_path).as_posix() for path in skipped] == ["other.yaml", "a/c.test.yaml"]


def test_the_schema_and_the_expressions_agree_about_names():
    from choreo.expression import names

    reserved = set(spec_schema()["$defs"]["expressionName"]["not"]["enum"])
    assert reserved == names._WORDS | names._TYPE_LIKE | set(names._MEANINGS)
    assert all(names.reserved_name(word) for word in reserved)
