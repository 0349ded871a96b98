"""What only a spec that was not read from a file can hold; and that a spec without errors always has a plan."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from building import HERE, plan_of
from msgspec.structs import replace

from choreo.lint import check
from choreo.loading import load_spec
from choreo.plan import make_plan
from choreo.spec import (
    CommandService,
    ContractRef,
    HttpService,
    McpService,
    ModelPlayer,
    Player,
    PythonService,
    Spec,
    Template,
    Tool,
)

SPECS = Path(__file__).parent.parent.parent / "specs"


def changed(**role: object) -> Spec:
    spec = plan_of({"from": "trigger", "to": "a"}, {"from": "a", "to": "end"}).spec
    return replace(spec, roles={"a": replace(spec.roles["a"], **role)})


def calls(method: str = "GET") -> HttpService:
    return HttpService(Template(("https://a.example",), HERE), HERE, method)


def codes(spec: Spec) -> set[str]:
    return {problem.code for problem in check(spec, {})}


@pytest.mark.parametrize("target", ["desk.py", "desk:pay()", "a/b:c", ":f", "m:", "m:f:g", "a..b:f", "1a:f"])
def test_a_python_target_is_a_module_and_a_function(target: str) -> None:
    assert "bad-target" in codes(changed(player=PythonService(target, HERE)))


def test_a_tool_is_held_to_the_same() -> None:
    model = ModelPlayer("m/m", HERE, tools=(Tool("t", HERE, PythonService("desk.py", HERE)),))
    assert "bad-target" in codes(changed(player=model))


def test_a_good_python_target_passes() -> None:
    assert "bad-target" not in codes(changed(player=PythonService("services.orders:look_up", HERE)))


def test_an_empty_command_is_found() -> None:
    assert "empty-command" in codes(changed(player=CommandService((), HERE)))


@pytest.mark.parametrize("range", ["", "1", "latest", "^", "v1.0.0", "^1.2.3.4"])
def test_a_range_that_cannot_be_read_is_found(range: str) -> None:
    assert "bad-range" in codes(changed(accepts=ContractRef("thing", range, HERE)))


@pytest.mark.parametrize("name", ["expense-check", "release-notes", "support-desk"])
def test_the_example_specs_have_no_errors(name: str) -> None:
    loaded = load_spec(str(SPECS / f"{name}.yaml"))
    assert loaded.spec is not None
    assert [str(one) for one in check(loaded.spec, loaded.contracts) if one.severity == "error"] == []


@pytest.mark.parametrize("name", ["expense-check", "release-notes", "support-desk"])
def test_whatever_word_is_changed_a_spec_without_errors_has_a_plan(name: str, tmp_path: Path) -> None:
    """Seeded single-word changes: delete, double or swap letters, or put another word of the file in its place."""
    source = SPECS / f"{name}.yaml"
    text = source.read_text(encoding="utf-8")
    draw = random.Random(20)
    words = list(re.finditer(r"[\w@^.'!-]+", text))
    folder = SPECS / name  # only its parent is looked at: contracts are found upward from there
    tested = 0
    for _ in range(60):
        word = draw.choice(words)
        other = draw.choice([word.group()[1:], word.group() * 2, word.group()[::-1], draw.choice(words).group()])
        mutant = text[: word.start()] + other + text[word.end() :]
        loaded = _load_text(mutant, folder)
        if loaded.spec is None:
            continue
        found = (*loaded.problems, *check(loaded.spec, loaded.contracts))
        if all(problem.severity != "error" for problem in found):
            make_plan(loaded.spec, loaded.contracts)
            tested += 1
    assert tested >= 1


def _load_text(text: str, near: Path):  # type: ignore[no-untyped-def]
    from choreo.loading import load_stored

    original = load_spec(str(near.parent / f"{near.name}.yaml"))
    sources = {**original.sources, f"{near.name}.yaml": text}
    return load_stored(sources, str(near.parent / f"{near.name}.yaml"))


@pytest.mark.parametrize(
    ("player", "found"),
    [
        (calls("POST"), True),
        (calls("HEAD"), False),
        (calls(), False),
        (McpService({"tool": "createIssue"}, HERE), True),
        (McpService({"tool": "orders.delete_order"}, HERE), True),
        (McpService({"tool": "get_update"}, HERE), False),
        (McpService({"tool": "order_lookup"}, HERE), False),
        (ModelPlayer("m/m", HERE, tools=(Tool("t", HERE, calls("PUT")),)), True),
        (ModelPlayer("m/m", HERE, tools=(Tool("t", HERE, PythonService("a:b", HERE)),)), False),
    ],
)
def test_only_actors_write_to_the_world_outside(player: Player, found: bool) -> None:
    assert ("effect-not-actor" in codes(changed(player=player))) is found
    assert "effect-not-actor" not in codes(changed(player=player, kind="actor"))


def test_an_actor_says_how_often_its_call_may_happen() -> None:
    pay = calls("POST")
    assert "effect-unsaid" in codes(changed(player=pay, kind="actor"))
    assert "effect-unsaid" not in codes(changed(player=pay, kind="actor", effect="once"))
