"""choreo runs AI choreographies: roles, contracts, touchpoints and a trace, from one YAML spec.

`choreo.load`, `choreo.run`, `choreo.resume`, `choreo.find`, `choreo.Run`, `choreo.Hop`: see `choreo.api`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from choreo.api import Checked, Hop, Run, Waiting, find, load, resume, run

__version__ = "0.1.0"
__all__ = ["Checked", "Hop", "Run", "Waiting", "find", "load", "resume", "run"]


def __getattr__(name: str) -> object:
    """The Python API, loaded when it is first used: the command line starts without it."""
    if name not in __all__:
        raise AttributeError(f"module `choreo` has no attribute `{name}`")
    from choreo import api

    return getattr(api, name)
