"""A Problem: one finding in a spec or a contract, as a value with a position."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Severity = Literal["error", "warning", "advice"]


class Place(Struct, frozen=True):
    """A position in a text file. `line` and `column` count from 1; columns are code points."""

    path: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


Spots = tuple[tuple[int, int, int], ...]
"""(offset, line, column), ascending by offset: from each offset on, characters stand side by side on that line."""


def spot_at(spots: Spots, offset: int) -> tuple[int, int]:
    """The (line, column) of the character at `offset` of a text that lies in a file as `spots` says."""
    low, high = 0, len(spots)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if spots[middle][0] <= offset else (low, middle)
    start, line, column = spots[low]
    return line, column + offset - start


class Problem(Struct, frozen=True):
    """What was found (`message`), where (`place`), and what to do next (`help`).

    `code` is stable: people write it in CI configurations. `also` names further places that belong
    to the finding, each with a short label (the other end of a handoff, the first of two duplicates).
    """

    place: Place
    code: str
    message: str
    help: str = ""
    severity: Severity = "error"
    also: tuple[tuple[Place, str], ...] = ()

    @property
    def order(self) -> tuple[str, int, int, str]:
        """The order in which problems are shown: by file, then by position."""
        return (self.place.path, self.place.line, self.place.column, self.code)


def closest(word: str, known: tuple[str, ...] | list[str]) -> str | None:
    """The known word that `word` most probably stands for, or None when nothing is close."""
    import difflib

    found = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return found[0] if found else None


def near_miss(word: str, known: tuple[str, ...] | list[str], most: int | None = None) -> str | None:
    """The known word from which at most `most` letters differ (two where it is not given; one, in short words)."""
    if most is None:
        most = 1 if len(word) < 5 else 2
    close = [(_distance(word.lower(), one), one) for one in known if abs(len(word) - len(one)) <= most]
    return min((pair for pair in close if pair[0] <= most), default=(0, None))[1]


def _distance(one: str, other: str) -> int:
    """How many letters must be deleted, inserted, replaced or swapped with their neighbour."""
    rows = [list(range(len(other) + 1))]
    for i, mine in enumerate(one):
        row = [i + 1]
        for j, theirs in enumerate(other):
            cost = min(rows[i][j + 1] + 1, row[j] + 1, rows[i][j] + (mine != theirs))
            if i and j and (mine, one[i - 1]) == (other[j - 1], theirs):
                cost = min(cost, rows[i - 1][j - 1] + 1)
            row.append(cost)
        rows.append(row)
    return rows[-1][-1]


def suggestion(word: str, known: tuple[str, ...] | list[str], noun: str) -> str:
    """A help text: the nearest known word if there is one, else the list of what exists."""
    near = closest(word, known)
    if near is not None:
        return f"did you mean `{near}`?"
    if not known:
        return f"there is no {noun} here"
    shown = ", ".join(known[:12]) + (", ..." if len(known) > 12 else "")
    return f"what exists: {shown}"
