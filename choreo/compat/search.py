"""A search for a counterexample where nothing could be proved: values near those that one schema accepts.

What is tried is made from the texts of both schemas: their listed values, examples and bounds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

_MOST_TRIED = 3_000
_MOST_BASES = 40
_EXACT = 2**53
_PLAIN: tuple[Any, ...] = (None, True, False, 0, 1, -1, 0.5, "", "a", "A", "0", " ", "\n", [], {}, [None], {"a": None})


def search(
    schemas: tuple[Any, Any], seeds: list[Any], accepts: Callable[[Any], bool], wanted: Callable[[Any], bool]
) -> Any:
    """A list with the first value that is wanted, or an empty one.

    `accepts` says whether a value is one of the schema that should be included; only those are varied.
    """
    pool = _pool(schemas)
    bases = [value for value in [*seeds, *pool] if accepts(value)][:_MOST_BASES]
    tried = (variant for base in bases for variant in _variants(base, pool))
    found = (value for value in islice(_both(bases, tried), _MOST_TRIED) if wanted(value))
    return list(islice(found, 1))


def _both(first: list[Any], second: Iterator[Any]) -> Iterator[Any]:
    yield from first
    yield from second


def _pool(schemas: tuple[Any, Any]) -> list[Any]:
    """Every value that stands in a schema, and what is next to it."""
    found: list[Any] = list(_PLAIN)
    waiting = list(schemas)
    while waiting and len(found) < 400:
        part = waiting.pop()
        if isinstance(part, bool) or part is None:
            continue
        if isinstance(part, int | float):
            found += [part, part + 1, part - 1, *([part + 0.5] if abs(part) < _EXACT else [])]
            if 0 <= part <= 200:
                found += ["a" * int(part), "a" * (int(part) + 1)]
        elif isinstance(part, str):
            found.append(part)
        else:
            found.append(part)
            waiting += part.values() if isinstance(part, Mapping) else part
    return found


def _variants(base: Any, pool: list[Any]) -> Iterator[Any]:
    """The value with one part taken out, put in, or put in place of another."""
    yield from pool
    if isinstance(base, str):
        yield from (base + "\n", base + "a", "a" + base, base.upper(), base[:-1], base[1:])
    if isinstance(base, list):
        yield from (base[:place] + base[place + 1 :] for place in range(len(base)))
        yield from ([*base, value] for value in pool)
        for place, part in enumerate(base):
            yield from ([*base[:place], value, *base[place + 1 :]] for value in _variants(part, pool))
    if isinstance(base, dict):
        yield from ({key: part for key, part in base.items() if key != name} for name in base)
        names = [value for value in pool if isinstance(value, str)]
        yield from ({**base, name: value} for name in names[:30] for value in pool[:12])
        for name, part in base.items():
            yield from ({**base, name: value} for value in _variants(part, pool))
