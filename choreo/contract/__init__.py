"""Contracts: named, semantically versioned JSON Schemas (draft 2020-12), and the verdict on a payload.

`check` gives a verdict with no regard to time; `is_bounded` says beforehand whether that is quick;
`choreo.verify` puts a deadline on the rest. `inspect_schema` judges the text of a contract itself.
"""

from choreo.contract.bounds import is_bounded
from choreo.contract.mended import mended
from choreo.contract.noun import Contract, Where
from choreo.contract.sanity import accepts_anything, inspect_schema
from choreo.contract.shape import bundled, fill_defaults, optional_fields
from choreo.contract.tree import Part, Tree, grow
from choreo.contract.verdict import MAX_VIOLATIONS, check
from choreo.contract.versions import BadVersion, Range, Version, best, parse_range

__all__ = [
    "MAX_VIOLATIONS",
    "BadVersion",
    "Contract",
    "Part",
    "Range",
    "Tree",
    "Version",
    "Where",
    "accepts_anything",
    "best",
    "bundled",
    "check",
    "fill_defaults",
    "grow",
    "inspect_schema",
    "is_bounded",
    "mended",
    "optional_fields",
    "parse_range",
]
