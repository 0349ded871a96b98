"""Where lanes end: at a handoff that gathers them, or at a role that hands over to nobody; no other way leads out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping

from choreo.lint.survey import Survey
from choreo.plan import Edge
from choreo.problem import Place, Problem
from choreo.spec import END, TRIGGER

_GATHER = "gather the lanes first: `{from: ROLE, to: ..., gather: true}`, with the last role of a lane"


def lane_leak(survey: Survey) -> Iterator[Problem]:
    """`lane-leak`: a handoff leads out of the lanes of an `each` without gathering them: to `end`, or to a role that
    plays outside of them, too. A lane ends at a handoff with `gather: true`, or at a role that hands over to nobody.

    `bad-gather`: `gather: true` where nothing opened lanes, or on another event than `done`. It waits for the lanes,
    not for an event: to gather what comes after a failure, hand over to a role and gather from that one, too
    (`from: {any: [work, mended]}`).
    """
    if not any(edge.handoff.each is not None or edge.handoff.gather for edge in survey.edges):
        return
    depths = _depths(survey)
    for edge in survey.edges:
        known = {depths[source] for source in edge.sources if source in depths}
        if edge.handoff.gather:
            yield from _bad_gather(edge, max(known, default=1))
        if len(known) > 1:
            names = " and ".join(f"`{source}`" for source in edge.sources)
            message = f"{names} do not play in the same lanes, so this handoff can never have both"
            yield Problem(edge.handoff.place, "lane-leak", message, _GATHER)
        elif known:
            yield from _leaks(edge, _behind(edge, known.pop()), depths)


def _bad_gather(edge: Edge, depth: int) -> Iterator[Problem]:
    names = " and ".join(f"`{source}`" for source in edge.sources)
    if edge.handoff.on != "done":
        message = f"`gather` waits until the lanes are at rest, not for `{edge.handoff.on}` of {names}"
        help = "hand over to a role on that event, and gather from it, too: `from: {any: [...]}`"
        yield Problem(edge.handoff.place, "bad-gather", message, help)
    elif depth == 0:
        message = f"no handoff with `each` leads to {names}, so there is nothing to gather"
        yield Problem(
            edge.handoff.place, "bad-gather", message, "write `each: LIST` on the handoff that opens the lanes"
        )


def _leaks(edge: Edge, depth: int, depths: Mapping[str, int]) -> Iterator[Problem]:
    """Every target of an edge that stands further out than what the edge leads to."""
    handoff = edge.handoff
    inside = f"`each` opens lanes to `{handoff.targets[0]}`"
    if handoff.each is None:
        inside = f"{' and '.join(f'`{source}`' for source in edge.sources)} plays in lanes"
    for target, place in zip(handoff.targets, handoff.target_places, strict=False):
        if target == END and depth > 0:
            yield _leak(place, f"{inside}, and a lane may not lead to `end`: each would bring a result of its own")
        elif depths.get(target, depth) < depth:
            yield _leak(place, f"{inside}, and `{target}` plays outside of them, too")
    gate, place = handoff.touchpoint, handoff.touchpoint_place or handoff.place
    if gate is not None and depths.get(gate, depth) < depth:
        yield _leak(place, f"`{gate}` stands outside of the lanes, too: the one touchpoint would be asked in both")


def _leak(place: Place, message: str) -> Problem:
    return Problem(place, "lane-leak", message, _GATHER)


def _depths(survey: Survey) -> dict[str, int]:
    """Role or touchpoint to the number of lanes around it; the least where ways differ."""
    found = {TRIGGER: 0}
    ahead = deque([TRIGGER])
    while ahead:
        name = ahead.popleft()
        for edge in survey.outgoing.get(name, ()):
            depth = _behind(edge, found[name])
            gate = edge.handoff.touchpoint
            for target in edge.handoff.targets if gate is None else (*edge.handoff.targets, gate):
                if target != END and depth < found.get(target, depth + 1):
                    found[target] = depth
                    ahead.append(target)
    return found


def _behind(edge: Edge, depth: int) -> int:
    return max(0, depth - edge.handoff.gather) + (edge.handoff.each is not None)
