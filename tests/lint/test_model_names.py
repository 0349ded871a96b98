"""What is known of models by their names: held against the catalogue and the library that plays them."""

from __future__ import annotations

import ast
import importlib.util
import json
from pathlib import Path

import pytest

from choreo.lint.model_names import LOCAL, PROVIDERS
from choreo.lint.models import _is_frontier
from choreo.problem import near_miss
from choreo.weights import read_catalogue


def test_the_local_names_are_those_of_the_catalogue() -> None:
    assert set(LOCAL) == {entry.name for entry in read_catalogue().weights}


def test_every_provider_of_the_installed_library_is_known() -> None:
    found = importlib.util.find_spec("litellm")
    assert found is not None
    assert found.origin is not None
    folder = Path(found.origin).parent
    tree = ast.parse((folder / "types" / "utils.py").read_text(encoding="utf-8"))
    names = {
        part.value.value
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name == "LlmProviders"
        for part in node.body
        if isinstance(part, ast.Assign) and isinstance(part.value, ast.Constant)
    }
    more = json.loads((folder / "llms" / "openai_like" / "providers.json").read_text(encoding="utf-8"))
    assert len(names) > 50
    assert sorted({*names, *more} - set(PROVIDERS)) == []


@pytest.mark.parametrize(
    ("name", "large"),
    [
        ("openai/gpt-5", True),
        ("openai/gpt-5-mini", False),
        ("openai/gpt-4o-mini", False),
        ("openai/o3", True),
        ("anthropic/claude-opus-5", True),
        ("openrouter/anthropic/claude-3.5-sonnet", True),
        ("bedrock/eu.anthropic.claude-haiku-5", False),
        ("gemini/gemini-3-pro", True),
        ("gemini/gemini-3-flash", False),
        ("local/qwen2.5-coder-1.5b", False),
        ("mistral/mistral-small", False),
        (None, False),
    ],
)
def test_the_largest_models_are_told_by_their_names(name: str | None, large: bool) -> None:
    assert _is_frontier(name) is large


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("opnai", "openai"),
        ("oepnai", "openai"),
        ("OpenAI", "openai"),
        ("antropic", "anthropic"),
        ("goq", "groq"),
        ("newcomer", None),
        ("x" * 400, None),
        ("", None),
    ],
)
def test_a_misspelt_provider_is_one_or_two_letters_away(word: str, near: str | None) -> None:
    assert near_miss(word, PROVIDERS) == near
