"""Contracts as a living thing: what a new version of one breaks, for whom, and which version number that demands.

`compare` gives both directions; `includes` one. `step`, `is_enough` and `least` know the version numbers.
"""

from choreo.compat.bump import ORDERS, RULES, is_enough, least, step
from choreo.compat.compare import compare, includes
from choreo.compat.draft import Unusable
from choreo.compat.noun import Bump, Change, Comparison, Counterexample, Direction, First

__all__ = [
    "ORDERS",
    "RULES",
    "Bump",
    "Change",
    "Comparison",
    "Counterexample",
    "Direction",
    "First",
    "Unusable",
    "compare",
    "includes",
    "is_enough",
    "least",
    "step",
]
