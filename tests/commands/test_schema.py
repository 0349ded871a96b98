"""`choreo schema`: complete, described, and every example spec fits it in the eyes of a validator that is not ours."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from choreo.commands.explain import print_schema
from choreo.loading import find_specs
from choreo.loading.page import seconds
from choreo.loading.shape import spec_schema
from choreo.players.retry import CALL_TIMEOUT
from choreo.runners.visits import DEADLINE
from choreo.spec import CommandService, Handoff, Limits, ModelPlayer, PythonService, Retry, Role, Touchpoint

ROOT = Path(__file__).parent.parent.parent
SCHEMA = ROOT / "choreo" / "schema" / "spec.v1.json"


def keys(part=None, pointer=""):
    """(pointer, schema) of every key of the language, with what its `$ref` says filled in."""
    part = spec_schema() if part is None else part
    for key, below in part.items():
        if key in ("examples", "default", "enum", "const") or not isinstance(below, dict | list):
            continue
        if key == "properties":
            yield from ((f"{pointer}/{name}", _whole(schema)) for name, schema in below.items())
        for name, inner in [(key, below)] if isinstance(below, dict) else enumerate(below):
            if isinstance(inner, dict):
                yield from keys(inner, f"{pointer}/{name}")


def _whole(schema):
    target = spec_schema()["$defs"][schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else {}
    return {**target, **schema}


def test_the_schema_is_printed_as_it_is_shipped(capsys):
    assert print_schema() == 0
    assert capsys.readouterr().out == SCHEMA.read_text(encoding="utf-8")


def test_every_key_has_a_description_and_an_example():
    every = list(keys())
    assert len(every) > 120
    for pointer, schema in every:
        assert schema.get("description"), pointer
        assert schema.get("examples"), pointer


def test_every_switch_is_off_where_it_is_not_written():
    assert {
        pointer for pointer, schema in keys() if schema.get("type") == "boolean" and schema.get("default", 1)
    } == set()


@pytest.mark.parametrize(
    ("noun", "owner", "names"),
    [
        (
            Retry,
            ("role", "retry"),
            {"attempts": "attempts", "growth": "growth", "jitter": "jitter", "backoff": "backoff"},
        ),
        (Handoff, ("handoff",), {"on": "on", "also": "also", "otherwise": "otherwise", "revise": "revise"}),
        (Handoff, ("handoff",), {"fail": "fail", "gather": "gather"}),
        (Touchpoint, ("touchpoint",), {"stakes": "stakes", "may": "may"}),
        (Role, ("role",), {"effect": "effect", "cache": "cache"}),
        (ModelPlayer, ("role",), {"repair": "repair"}),
        (CommandService, ("service",), {"max_output": "max_output", "takes_feedback": "takes_feedback"}),
        (PythonService, ("service",), {"takes_feedback": "takes_feedback"}),
        (Limits, ("limits",), {"parallel": "parallel"}),
    ],
)
def test_defaults_are_those_that_hold(noun, owner, names):
    part = spec_schema()["$defs"][owner[0]]
    for name in owner[1:]:
        part = part["properties"][name]
    held = dict(zip(reversed(noun.__struct_fields__), reversed(noun.__struct_defaults__), strict=False))
    for field, key in names.items():
        written = _whole(part["properties"][key])["default"]
        written = seconds(written) if key == "backoff" else tuple(written) if isinstance(written, list) else written
        assert held[field] == written, key


def test_the_times_that_hold_where_none_is_written():
    defs = spec_schema()["$defs"]
    assert seconds(defs["role"]["properties"]["timeout"]["default"]) == DEADLINE
    assert seconds(defs["model"]["properties"]["timeout"]["default"]) == CALL_TIMEOUT


def check(*paths):
    return subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--no-cache", "-o", "json", "--schemafile", SCHEMA, *paths],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        env={"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "PATH": "/nowhere"},
    )


def test_every_example_spec_fits_the_schema_in_the_eyes_of_check_jsonschema():
    specs = find_specs(str(ROOT / "specs"))[0]
    assert len(specs) >= 3
    done = check(*specs, *(ROOT / "tests" / "load" / f"{name}.yaml" for name in ("good", "full", "refund")))
    assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout)["status"] == "ok"


def test_check_jsonschema_sees_a_misspelt_key(tmp_path):
    text = (ROOT / "tests" / "load" / "good.yaml").read_text(encoding="utf-8")
    path = tmp_path / "bad.yaml"
    path.write_text(text.replace("handoffs:", "handofs:"), encoding="utf-8")
    done = check(path)
    assert done.returncode == 1
    assert "handofs" in done.stdout
