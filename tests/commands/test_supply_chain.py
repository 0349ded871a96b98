"""What is installed beside choreo: pinned with hashes, and looked at by `choreo doctor`."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import pytest

from choreo.commands import doctor
from choreo.players.litellm_release import litellm_problem

TOP = Path(__file__).parents[2]


def locked() -> dict[str, str]:
    """Package to version of the lock file; each entry has at least one hash."""
    entries = re.split(r"\n(?=\S)", (TOP / ".ci/requirements.lock").read_text().strip())
    assert all("--hash=sha256:" in entry for entry in entries)
    found = (re.match(r"([a-z0-9._-]+)==([^ ;]+)", entry) for entry in entries)
    return {match[1]: match[2] for match in found if match}


def test_every_dependency_is_pinned_with_a_hash() -> None:
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(name for extra in project["optional-dependencies"].values() for name in extra),
    ]
    names = {re.match(r"[A-Za-z0-9._-]+", name)[0].lower() for name in wanted}  # type: ignore[index]
    assert names <= set(locked())
    assert litellm_problem(locked()["litellm"]) is None


def test_doctor_names_bad_litellm_releases(monkeypatch: pytest.MonkeyPatch) -> None:
    for version, state in (("1.82.8", "bad"), ("1.80.0", "bad"), (None, "note"), ("1.106.2", "ok")):
        monkeypatch.setattr(doctor, "_version", lambda package, version=version: version)
        assert [finding.state for finding in doctor._litellm()] == [state]


def test_doctor_finds_code_that_runs_at_every_start_of_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "site-packages"
    site.mkdir()
    (site / "harmless.pth").write_text("/somewhere\nimport a_finder; a_finder.install()\n")
    monkeypatch.setattr(sys, "path", [str(site)])
    assert list(doctor._startup_code()) == []
    (site / "evil.pth").write_text("import os, base64; exec(base64.b64decode('cGFzcw=='))\n")
    assert [finding.state for finding in doctor._startup_code()] == ["bad"]


def test_doctor_says_when_others_can_read_the_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from choreo.store import Store

    path = tmp_path / "trace.db"
    Store.open(path).close()
    doctor.doctor(db=str(path), as_json=False)
    assert f"ok    store        {path}" in capsys.readouterr().out
    path.chmod(0o644)
    assert doctor.doctor(db=str(path), as_json=False) == 1
    assert f"chmod 600 {path}" in capsys.readouterr().out
