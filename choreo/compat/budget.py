"""How much work a comparison may be: counted in steps, not in seconds, so that it ends the same way everywhere."""

from __future__ import annotations


class TooMuch(Exception):
    """The steps are used up."""


class Budget:
    """Steps that are left. One step is some ten microseconds."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def spend(self, steps: int = 1) -> None:
        """Raises TooMuch."""
        self.left -= steps
        if self.left < 0:
            raise TooMuch
