"""Texts of a service's settings, filled in for one visit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from choreo.expression import render_template
from choreo.players.clients import resolve_env
from choreo.spec import Template


def filled(template: Template, scope: Mapping[str, Any], insert: Callable[[str], str] = lambda text: text) -> str:
    """The text. `${env:NAME}` is read in what the spec itself says, never in what an expression inserts.

    `insert` makes a part of the text of what an expression gave. Raises ExpressionError, PlayFailed `env-missing`.
    """
    return "".join(
        resolve_env(part)
        if isinstance(part, str)
        else insert(render_template(Template((part,), template.place), scope))
        for part in template.parts
    )
