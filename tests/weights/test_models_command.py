from __future__ import annotations

import json
from pathlib import Path

import pytest

from choreo.commands.models import list_models, pull_model, remove_model
from choreo.errors import UsageError


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.gguf"
    path.write_bytes(b"GGUF" + (3).to_bytes(4, "little") + bytes(16))
    return path


def quiet(text: str) -> None:
    """Say nothing."""


def test_the_list_shows_size_licence_and_what_is_here(home: Path, own: Path) -> None:
    pull_model("mine", file=str(own), say=quiet, out=quiet)
    lines: list[str] = []
    assert list_models(out=lines.append) == 0
    assert any("qwen2.5-coder-1.5b" in line and "1.1 GB" in line and "Apache-2.0" in line for line in lines)
    assert [line for line in lines if line.startswith("*") and "mine" in line]


def test_the_list_as_json_is_one_json_list(home: Path) -> None:
    lines: list[str] = []
    assert list_models(as_json=True, out=lines.append) == 0
    rows = json.loads("\n".join(lines))
    assert [row["name"] for row in rows if row["default"]] == ["qwen2.5-coder-1.5b"]
    assert {row["path"] for row in rows} == {None}


def test_a_pull_that_is_declined_downloads_nothing(home: Path) -> None:
    with pytest.raises(UsageError, match="was not downloaded"):
        pull_model("smollm2-135m", ask=lambda question: False, say=quiet, out=quiet)
    assert not home.exists()


def test_the_path_goes_to_stdout_alone(home: Path, own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert pull_model("mine", file=str(own)) == 0
    shown = capsys.readouterr()
    assert shown.out == f"{home}/weights/mine/mine.gguf\n"
    assert "local/mine" in shown.err


def test_a_removed_model_is_gone_and_a_second_removal_is_told(home: Path, own: Path) -> None:
    pull_model("mine", file=str(own), say=quiet, out=quiet)
    assert remove_model("mine", say=quiet) == 0
    assert not (home / "weights" / "mine").exists()
    with pytest.raises(UsageError, match="no weights named"):
        remove_model("mine", say=quiet)


@pytest.mark.parametrize("name", ["..", ".digests", "", "a/../.."])
def test_removing_cannot_leave_the_cache(home: Path, own: Path, name: str) -> None:
    pull_model("mine", file=str(own), say=quiet, out=quiet)
    with pytest.raises(UsageError):
        remove_model(name, say=quiet)
    assert (home / "weights" / "mine" / "mine.gguf").exists()
