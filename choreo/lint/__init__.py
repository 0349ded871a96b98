"""Static checks over a spec: findings as values, all at once, with positions. Pure.

`check` runs every rule of `RULES`; a rule's docstring is its manual, which `explain` gives for a code.
"""

from __future__ import annotations

from choreo.lint.rule import Rule
from choreo.lint.rules import RULES, check, explain

__all__ = ["RULES", "Rule", "check", "explain"]
