"""What a spec names outside of its texts: python functions and hosted models, found missing before anything plays."""

from __future__ import annotations

from pathlib import Path

import pytest
from playing import HEAD

from choreo.api.checked import check_stored, problems_of
from choreo.loading import load_spec

SPEC = """
roles:
  a: {{kind: reader, does: it, service: {{python: "{target}"}}, accepts: any@^1, emits: any@1.0.0}}
handoffs:
  - {{from: trigger, to: a}}
  - {{from: a, to: end}}
"""
MODULE = """
from shop.other import borrowed
import os as system

try:
    import fast
except ImportError:
    def fast(x):
        return x

async def look_up(x):
    return x

alias = look_up
raise SystemExit("this is never run")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "__init__.py").touch()
    (tmp_path / "shop" / "orders.py").write_text(MODULE)
    (tmp_path / "shop" / "broken.py").write_text("def (:")
    (tmp_path / "shop" / "made.py").write_text("def __getattr__(name):\n    return print\n")
    return tmp_path


def found(folder: Path, target: str) -> list[tuple[str, str, str]]:
    (folder / "spec.yaml").write_text(HEAD + SPEC.format(target=target))
    problems = problems_of(load_spec(str(folder / "spec.yaml")))
    return [(one.severity, one.code, one.help) for one in problems if one.severity != "advice"]


@pytest.mark.parametrize("name", ["look_up", "alias", "borrowed", "fast", "system"])
def test_a_name_that_a_module_gives_itself_is_there(folder: Path, name: str) -> None:
    assert found(folder, f"shop.orders:{name}") == []


@pytest.mark.parametrize("target", ["shop.made:anything", "json:loads"])
def test_what_only_running_it_would_tell_is_left_to_the_run(folder: Path, target: str) -> None:
    assert found(folder, target) == []


@pytest.mark.parametrize(
    ("target", "help"),
    [
        ("shop.orders:lok_up", "did you mean `shop.orders:look_up`?"),
        ("shop.oders:look_up", "did you mean `orders`?"),
        ("Shop.orders:look_up", "did you mean `shop.orders`?"),
        ("shop.broken:look_up", "mend"),
    ],
)
def test_a_function_that_is_not_there_is_an_error(folder: Path, target: str, help: str) -> None:
    [(severity, code, told)] = found(folder, target)
    assert (severity, code) == ("error", "missing-function")
    assert told.startswith(help)


def test_a_module_that_may_be_installed_elsewhere_is_a_warning(folder: Path) -> None:
    assert [one[:2] for one in found(folder, "our_company_services:look_up")] == [("warning", "missing-function")]


def test_what_a_run_has_kept_is_judged_without_what_lies_around_it(folder: Path) -> None:
    assert [one[0] for one in found(folder, "shop.orders:gone")] == ["error"]
    assert check_stored({"spec.yaml": (folder / "spec.yaml").read_text()}, "spec.yaml").plan.roles


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("openai/gpt-5-mni", "openai/gpt-5-mini"),
        ("openai/gtp-5-mini", "openai/gpt-5-mini"),
        ("openai/gpt5-mini", "openai/gpt-5-mini"),
        ("anthropic/claude-haku-4-5", "anthropic/claude-haiku-4-5"),
    ],
)
def test_a_slip_in_the_name_of_a_hosted_model_is_an_error(tmp_path: Path, name: str, meant: str) -> None:
    assert model_findings(tmp_path, name) == [("unknown-model", f"did you mean `{meant}`?")]


@pytest.mark.parametrize("name", ["openai/gpt-5-mini", "openai/gpt-99-mini", "anthropic/claude-newname-9"])
def test_a_model_that_is_known_or_may_be_new_is_none(tmp_path: Path, name: str) -> None:
    assert model_findings(tmp_path, name) == []


def test_what_a_server_of_ones_own_has_is_not_judged(tmp_path: Path) -> None:
    assert model_findings(tmp_path, "openai/gpt-5-mni, api_base: 'http://127.0.0.1:1/v1'") == []


def model_findings(folder: Path, name: str) -> list[tuple[str, str]]:
    body = SPEC.format(target="x:y").replace('service: {python: "x:y"}', "model: m, prompt: Say it")
    (folder / "spec.yaml").write_text(HEAD + f"models: {{m: {{model: {name}}}}}\n" + body)
    problems = problems_of(load_spec(str(folder / "spec.yaml")))
    return [(one.code, one.help) for one in problems if one.severity == "error"]


@pytest.mark.parametrize(
    ("program", "found"),
    [
        ("./check.sh", []),
        ("tools/../check.sh", []),
        ("./chek.sh", [("missing-program", "did you mean `./check.sh`?")]),
        ("cheek.sh", []),
        ("/nowhere/check.sh", []),
    ],
)
def test_a_program_beside_the_spec_must_be_there(tmp_path: Path, program: str, found: list[tuple[str, str]]) -> None:
    (tmp_path / "check.sh").touch()
    (tmp_path / "tools").mkdir()
    body = SPEC.format(target="x:y").replace('{python: "x:y"}', f'{{command: ["{program}", "-v"]}}')
    (tmp_path / "spec.yaml").write_text(HEAD + body)
    problems = problems_of(load_spec(str(tmp_path / "spec.yaml")))
    assert [(one.code, one.help) for one in problems if one.severity == "error"] == found
