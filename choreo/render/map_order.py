"""The order in which roles are drawn, and which ways lead back. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from choreo.spec import TRIGGER

Step = tuple[tuple[str, ...], str, str | None]
"""A way as the order sees it: sources, target, the touchpoint it leads through."""


def in_order(steps: Sequence[Step]) -> tuple[list[str], frozenset[int]]:
    """What the trigger reaches, in the order of the flow, and the numbers of the steps that lead back.

    What follows directly on the last one comes first, so that a chain stays together.
    """
    following = _following(steps)
    back = _backward(following)
    waiting: dict[str, int] = {}
    for source in _reached(following):
        for number, target in following.get(source, ()):
            waiting[target] = waiting.get(target, 0) + ((source, number) not in back)
    order, ready = [], [TRIGGER]
    while ready:
        name = ready.pop()
        order.append(name)
        freed = []
        for number, target in following.get(name, ()):
            if (name, number) not in back:
                waiting[target] -= 1
                if not waiting[target]:
                    freed.append(target)
        ready.extend(reversed(freed))
    return order, frozenset(number for _, number in back)


def _following(steps: Sequence[Step]) -> dict[str, list[tuple[int, str]]]:
    """Role (or trigger) to the (step, target) that lead on from it; a touchpoint's go on from whoever waits there."""
    waiting: dict[str, dict[str, None]] = {}
    for sources, _, gate in steps:
        if gate is not None:
            waiting.setdefault(gate, {}).update(dict.fromkeys(sources))
    found: dict[str, list[tuple[int, str]]] = {}
    for number, (sources, target, _) in enumerate(steps):
        origins = dict.fromkeys(origin for source in sources for origin in _origins(source, waiting))
        for origin in origins:
            found.setdefault(origin, []).append((number, target))
    return found


def _origins(name: str, waiting: Mapping[str, Mapping[str, None]]) -> list[str]:
    """The roles behind a name: itself, or those whose payload waits at it, through any number of touchpoints."""
    found: list[str] = []
    seen, ahead = {name}, [name]
    while ahead:
        name = ahead.pop()
        if name not in waiting:
            found.append(name)
        ahead += [source for source in waiting.get(name, ()) if source not in seen]
        seen.update(waiting.get(name, ()))
    return found


def _reached(following: Mapping[str, list[tuple[int, str]]]) -> list[str]:
    found, ahead = dict.fromkeys([TRIGGER]), [TRIGGER]
    while ahead:
        for _, target in following.get(ahead.pop(), ()):
            if target not in found:
                found[target] = None
                ahead.append(target)
    return list(found)


def _backward(following: Mapping[str, list[tuple[int, str]]]) -> frozenset[tuple[str, int]]:
    """(source, way) where a way leads to what is still being walked: depth first, no recursion (chains are long)."""
    back: set[tuple[str, int]] = set()
    open_: set[str] = {TRIGGER}
    done: set[str] = set()
    walk = [(TRIGGER, iter(following.get(TRIGGER, ())))]
    while walk:
        name, rest = walk[-1]
        step = next(rest, None)
        if step is None:
            walk.pop()
            open_.discard(name)
            done.add(name)
            continue
        number, target = step
        if target in open_:
            back.add((name, number))
        elif target not in done:
            open_.add(target)
            walk.append((target, iter(following.get(target, ()))))
    return frozenset(back)
