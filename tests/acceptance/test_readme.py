"""The README is held against the product: commands, keys, pictures, the tour, and the lists that must be whole."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml
from faults.relay import environment
from small_specs import choreo, steady

from choreo.loading.unplayed import UNPLAYED

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SCHEMA = json.loads((ROOT / "choreo/schema/spec.v1.json").read_text(encoding="utf-8"))


def section(heading: str) -> str:
    return README.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


def fences(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands() -> Iterator[str]:
    """The words after each `choreo`: in backticks, after a `$`, in a workflow, in the two commands to begin with."""
    prose = re.sub(r"^```.*?^```$", "", README, flags=re.MULTILINE | re.DOTALL)
    blocks = "".join(text for language in ("console", "sh", "yaml") for text in fences(README, language))
    for place in (*re.findall(r"`([^`\n]+)`", prose), *blocks.splitlines()):
        for words in re.findall(r"(?:^|[\s/])choreo ([a-z].*?)(?=$|\s[|<>&]|[})]$)", place):
            if not words.startswith("ignore"):
                yield words


COMMANDS = sorted(set(commands()))


def command_line() -> Any:
    """The commands as typer hands them to click."""
    import choreo.cli  # noqa: F401  every module of it puts its commands in
    from choreo.cli.app import app

    return typer.main.get_command(app)


def test_the_readme_names_every_command_there_is() -> None:
    assert {words.split()[0] for words in COMMANDS} == set(command_line().commands)


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_in_the_readme_exists_with_the_options_it_is_shown_with(words: str) -> None:
    command = command_line()
    given = shlex.split(re.sub(r"\$\{\{.*?\}\}", "x", words))
    while hasattr(command, "commands"):
        name = given.pop(0)
        assert name in command.commands, f"there is no command `choreo {words}`"
        command = command.commands[name]
    options = {option for param in command.params for option in param.opts}
    for word in given:
        if word.startswith("-") and word != "-":
            assert word in options, f"choreo {words}: there is no {word}"


def test_every_key_of_the_language_stands_in_the_table_of_its_object() -> None:
    tables = dict(
        re.findall(r"^\| ([^|]*\w[^|]*) \| \|\n\|---\|---\|\n((?:\|.*\n)+)", section("The language"), re.MULTILINE)
    )
    defined = SCHEMA["$defs"]
    wanted = {
        "Top level": SCHEMA,
        "`map`: the work as it is today": defined["workMap"],
        "`models`: name to settings": defined["model"],
        "`trigger`, `result`": {"properties": {**defined["trigger"]["properties"], **defined["result"]["properties"]}},
        "A role": defined["role"],
        "`service`: one of `python`, `command`, `http`, `mcp`": defined["service"],
        "A handoff": defined["handoff"],
        "A touchpoint": defined["touchpoint"],
        "`limits`": defined["limits"],
    }
    assert set(tables) == set(wanted)
    for name, table in tables.items():
        keys = {key for row in table.splitlines() for key in re.findall(r"`(\w+)`", row.split("|")[1])}
        assert keys == set(wanted[name]["properties"]), name


@pytest.mark.parametrize(("spec", "picture"), re.findall(r"<!-- map: (\S+) -->\n```text\n(.*?)```", README, re.DOTALL))
def test_each_picture_is_what_choreo_map_draws(spec: str, picture: str) -> None:
    assert picture in choreo(ROOT, "map", spec).stdout


def test_joins_loops_and_fan_out_have_one_picture_each() -> None:
    language = section("The language")
    for heading in ("Joins", "Loops", "Fan-out"):
        part = language.split(f"\n### {heading}\n", 1)[1].split("\n### ", 1)[0]
        assert part.count("<!-- map: ") == 1


def like(shown: str, really: str) -> bool:
    """Whether a block is what was printed; a line `...` stands for lines left out."""
    parts = [re.escape(steady(part)) for part in re.split(r"^\.\.\.\n", shown, flags=re.MULTILINE)]
    return re.fullmatch("(?:.*\n)*".join(parts), steady(really)) is not None


def test_the_tour_prints_what_it_shows(tmp_path: Path) -> None:
    program = tmp_path / "bin/choreo"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m choreo "$@"\n')
    program.chmod(0o700)
    env = environment()
    env["PATH"] = f"{program.parent}:{env['PATH']}"
    here = tmp_path
    played = 0
    tour = README.split("<!-- tour: begin -->")[1].split("<!-- tour: end -->")[0]
    for block in fences(tour, "console"):
        for command, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE):
            if command.startswith("cd "):
                here = here / command[3:]
                continue
            done = subprocess.run(
                ["/bin/sh", "-c", command], cwd=here, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, check=False, timeout=60,
            )  # fmt: skip
            assert like(shown, done.stdout), f"{command}\n{done.stdout}"
            played += 1
    assert played >= 7


def test_the_comparison_of_two_contracts_prints_what_it_shows(tmp_path: Path) -> None:
    for name, least in (("old", 0), ("new", 1)):
        fields = {"order": {"type": "string"}, "cents": {"type": "integer", "minimum": least}}
        schema = {"type": "object", "required": ["order", "cents"], "properties": fields}
        (tmp_path / f"{name}.json").write_text(json.dumps(schema))
    (block,) = fences(section("Contracts"), "console")
    command, _, shown = block.partition("\n")
    assert like(shown, choreo(tmp_path, *command.split()[2:]).stdout)


def test_the_lines_of_python_run(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "choreo/examples/approve", tmp_path / "approve")
    (text,) = fences(README, "python")
    done = subprocess.run(
        [sys.executable, "-c", text], cwd=tmp_path / "approve", env=environment(), capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout == "done {'cents': 1500, 'line': 1, 'order': 'C-9'} ['work_out', 'pay']\n"


def test_the_workflow_and_the_hook_are_yaml_and_the_hook_exists() -> None:
    job, hook = (yaml.safe_load(text) for text in fences(section("Map, then check"), "yaml"))
    assert all({"run", "uses"} & set(step) for step in job["choreo"]["steps"])
    named = [hooked["id"] for repo in hook["repos"] for hooked in repo["hooks"]]
    there = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert named == [defined["id"] for defined in there]


def test_what_is_not_played_is_told() -> None:
    told = section("Not there yet")
    for path, _ in UNPLAYED:
        assert f"`{path.split('/')[-1]}`" in told


def test_the_layers_are_those_that_are_enforced() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = next(one["layers"] for one in config["tool"]["importlinter"]["contracts"] if one["type"] == "layers")
    modules = {name for layer in layers for name in layer.split(" : ")} - {"__main__"}
    rows = [line.split("|")[2] for line in section("Inside").splitlines() if line.startswith("|")]
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == modules


def test_links_lead_to_files() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_readme_is_at_most_500_lines() -> None:
    assert README.count("\n") <= 500
