"""What a rule is."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator

from msgspec import Struct

from choreo.lint.survey import Survey
from choreo.problem import Problem


class Rule(Struct, frozen=True):
    """A generator of Problems and the stable codes it uses. Its docstring is its manual."""

    find: Callable[[Survey], Iterator[Problem]]
    codes: tuple[str, ...]

    @property
    def manual(self) -> str:
        return inspect.cleandoc(self.find.__doc__ or "")
