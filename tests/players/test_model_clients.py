"""Names of models, values of the environment, versions of litellm; and secrets, which are taken out of everything."""

from __future__ import annotations

import subprocess
import sys

import pytest

from choreo.errors import PlayFailed
from choreo.players import redact
from choreo.players.client import CallFailed
from choreo.players.clients import client_for, resolve_env
from choreo.players.litellm_release import check_litellm, litellm_problem


@pytest.mark.parametrize("version", ["1.82.7", "1.82.8", "1.83.9", "1.80.0", "0.1", None])
def test_a_dangerous_or_missing_litellm_is_refused_with_what_to_do(version: str | None) -> None:
    problem = litellm_problem(version)
    assert problem is not None
    assert "pip install" in problem


@pytest.mark.parametrize("version", ["1.83.10", "1.84.0", "1.106.2", "1.106.2rc1", "2.0.0"])
def test_a_good_litellm_is_taken(version: str) -> None:
    assert litellm_problem(version) is None


def test_the_check_comes_before_the_import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("choreo.players.litellm_release.litellm_version", lambda: "1.82.8")
    with pytest.raises(CallFailed, match="malicious"):
        check_litellm()


def test_making_a_client_and_a_player_imports_no_model_library() -> None:
    program = (
        "import sys; from choreo.players.model import ModelPlayer; from choreo.players.clients import client_for;"
        "ModelPlayer(); client_for('openai/m');"
        "print([n for n in ('litellm', 'openai', 'httpx', 'xllamacpp', 'jsonschema', 'pydantic') if n in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_one_client_serves_all_remote_models() -> None:
    assert client_for("openai/a") is client_for("anthropic/b")


def test_values_of_the_environment_are_filled_in_and_taken_out_of_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHOREO_TEST_SECRET", 'very/secret"value')
    assert resolve_env("Bearer ${env:CHOREO_TEST_SECRET} $HOME {x}") == 'Bearer very/secret"value $HOME {x}'
    for form in ('very/secret"value', 'very/secret\\"value', "very%2Fsecret%22value"):
        assert redact.text(f"a {form} b") == "a [redacted] b"
        assert redact.data(f"a {form} b".encode()) == b"a [redacted] b"


@pytest.mark.parametrize("value", [None, ""])
def test_a_variable_without_a_value_is_named(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    if value is None:
        monkeypatch.delenv("CHOREO_TEST_NONE", raising=False)
    else:
        monkeypatch.setenv("CHOREO_TEST_NONE", value)
    with pytest.raises(PlayFailed) as caught:
        resolve_env("${env:CHOREO_TEST_NONE}")
    assert caught.value.code == "env-missing"
    assert "CHOREO_TEST_NONE" in caught.value.message


def test_short_values_do_not_tear_words_apart() -> None:
    redact.register("on")
    assert redact.text("once upon") == "once upon"
