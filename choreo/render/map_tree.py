"""A chart as text for a terminal or a pipe: one block to a role, in the order of the flow, its ways out below it.

Every mark stands beside a word, so that nothing is said by a sign or a colour alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from choreo.render.map_chart import Chart, Gate, Stop, Way
from choreo.render.text import columns, one_line
from choreo.spec import END, TRIGGER

MARKS = {"model": "◆", "service": "■", "set": "=", "human": "●", "spec": "▣"}
_SGR = {"name": "1", "gate": "33", "contract": "36", "quiet": "2", "end": "32", "warn": "31"}
_PLAIN = str.maketrans("◆■●▣○│├└─▶═▼↺…", "*#@+o||`->=v<~")
_INDENT = "   "

Piece = tuple[str, str]
"""A stretch of a line and its style (a key of `_SGR`, or empty)."""


class Pen:
    """Puts pieces together: safe, within `width` columns, coloured or not, with ASCII signs only or not."""

    def __init__(self, width: int, *, colour: bool = False, ascii_only: bool = False) -> None:
        self.width = width
        self._colour = colour
        self._ascii = ascii_only

    def safe(self, text: str) -> str:
        return one_line(text, ascii_only=self._ascii)

    def line(self, *pieces: Piece) -> str:
        """One line of pieces that are safe already; what does not fit is cut off with `…`."""
        room, shown = self.width, []
        for text, style in pieces:
            kept = fitted(text, room)
            room -= columns(kept)
            shown.append(self._styled(kept, style))
            if kept != text:
                break
        return "".join(shown).rstrip()

    def fits(self, *pieces: Piece) -> bool:
        return sum(columns(text) for text, _ in pieces) <= self.width

    def _styled(self, text: str, style: str) -> str:
        drawn = text.translate(_PLAIN) if self._ascii else text
        return f"\x1b[{_SGR[style]}m{drawn}\x1b[0m" if style and self._colour and text else drawn


def fitted(text: str, room: int) -> str:
    """The text in at most `room` columns, cut with `…` where it is longer."""
    if columns(text) <= room:
        return text
    kept = text[: max(0, room - 1)]
    while kept and columns(kept) > room - 1:
        kept = kept[:-1]
    return kept.rstrip() + "…"[: max(0, room)]


def render_tree(chart: Chart, pen: Pen) -> str:
    """The whole choreography, ending in a line end."""
    lines = [pen.line(("○ ", ""), (TRIGGER, "name"))]
    stops: list[Stop | None] = [*chart.stops, None]
    lines += _out(TRIGGER, chart, stops[0], pen)
    for stop, following in zip(chart.stops, stops[1:], strict=True):
        lines += _head(stop, pen)
        lines += _out(stop.name, chart, following, pen)
    return "\n".join(lines).rstrip("\n") + "\n"


def _head(stop: Stop, pen: Pen) -> Iterator[str]:
    played = f"{stop.player} {stop.detail}".strip()
    lost: list[Piece] = [] if stop.reached else [("  never reached", "warn")]
    yield pen.line(
        (f"{MARKS[stop.player]} ", ""), (pen.safe(stop.name), "name"), (f"  {stop.kind}, {pen.safe(played)}", ""), *lost
    )
    for text in (stop.does, "; ".join(stop.notes)):
        if text:
            yield pen.line(("│ ", ""), (pen.safe(text), "quiet"))


def _out(name: str, chart: Chart, following: Stop | None, pen: Pen) -> Iterator[str]:
    """The ways out of a stop. The one to the block below runs straight down, the others branch off."""
    ways = chart.leaving(name)
    ahead = [way for way in ways if following is not None and way.target == following.name and not way.back]
    straight = ahead[-1] if ahead else None
    branches = [way for way in ways if way is not straight]
    for way in branches:
        last = straight is None and way is branches[-1]
        yield from _branch(name, way, chart, pen, last)
    if straight is not None:
        yield from _straight(name, straight, chart, pen)
        yield pen.line(("▼", ""))
    elif following is not None:
        yield ""


def _branch(name: str, way: Way, chart: Chart, pen: Pen, last: bool) -> Iterator[str]:
    start, rail = ("└─ ", _INDENT) if last else ("├─ ", "│  ")
    before = [(pen.safe(text), "") for text in _before(name, way)]
    course = _course(way, pen)
    together = [(start, ""), *(piece for text in before for piece in (text, (": ", ""))), *course]
    if pen.fits(*together):
        yield pen.line(*together)
    else:
        for text in before:
            yield pen.line((start, ""), text)
            start = rail
        yield from _wrapped(start, rail, course, pen)
    if way.gate is not None:
        yield from _gate(way.gate, chart, rail, pen)


def _wrapped(start: str, rail: str, course: Sequence[Piece], pen: Pen) -> Iterator[str]:
    """The course of a way on as few lines as it takes, broken before an arrow."""
    row: list[Piece] = [(start, "")]
    for piece in course:
        if len(row) > 1 and not pen.fits(*row, piece):
            yield pen.line(*row)
            row = [(f"{rail}{_INDENT}", "")]
        row.append(piece)
    yield pen.line(*row)


def _straight(name: str, way: Way, chart: Chart, pen: Pen) -> Iterator[str]:
    yield pen.line(("│", ""))
    words = "; ".join(way.words)
    for text in _before(name, way):
        yield pen.line(("│ ", ""), (pen.safe(text), ""))
    if words:
        yield pen.line(("│ ", ""), (pen.safe(words), ""))
    if way.contract:
        yield pen.line(("│ ", ""), (pen.safe(way.contract), "contract"))
    if way.gate is not None:
        yield pen.line(("│", ""))
        yield pen.line((f"<{pen.safe(way.gate)}>", "gate"), (" a person decides", ""))
        yield from _gate(way.gate, chart, "│ ", pen)


def _before(name: str, way: Way) -> Iterator[str]:
    """What holds before a way is taken: the join it waits for, its condition."""
    if way.join:
        others = [source for source in way.sources if source != name]
        yield f"joined with {', '.join(others)}"
    if way.condition:
        yield way.condition


def _course(way: Way, pen: Pen) -> list[Piece]:
    """`contract ──<touchpoint>──▶ target, words`; a way back turns, lanes are drawn double."""
    dash = "══" if way.lanes else "──"
    found: list[Piece] = []
    if way.contract:
        found.append((f"{pen.safe(way.contract)} ", "contract"))
    if way.gate is not None:
        found += [(dash, ""), (f"<{pen.safe(way.gate)}>", "gate")]
    found += [(f"{dash}{'↺' if way.back else '▶'} ", ""), *_target(way, pen)]
    if way.words:
        found.append((f", {pen.safe(', '.join(way.words))}", ""))
    return found


def _target(way: Way, pen: Pen) -> list[Piece]:
    if way.target != END:
        return [(pen.safe(way.target), "name")]
    return [("end", "end"), (f": {pen.safe(way.ending)}" if way.ending else "", "end")]


def _gate(name: str, chart: Chart, rail: str, pen: Pen) -> Iterator[str]:
    """Who is asked at a touchpoint, what, and where a no leads. Told where it stands, once for each place."""
    gate = chart.gates.get(name)
    if gate is None:
        yield pen.line((rail, ""), ("no such touchpoint", "warn"))
        return
    for text in _asked(gate):
        yield pen.line((f"{rail}{_INDENT}", ""), (pen.safe(text), ""))
    for way in chart.leaving(name):
        condition = way.condition.removeprefix("on ") or "then"
        yield pen.line((f"{rail}{_INDENT}", ""), (f"{pen.safe(condition)}: ", ""), *_course(way, pen))
    led = " ".join(way.condition for way in chart.leaving(name))
    ends = [event for event in ("rejected", *(("expired",) if gate.within else ())) if event not in led]
    if ends:
        yield pen.line((f"{rail}{_INDENT}", ""), (f"{' or '.join(ends)}: the run ends there", ""))


def _asked(gate: Gate) -> Iterator[str]:
    about = [f"asks {gate.who}"]
    about += [f"{gate.stakes} stakes"] if gate.stakes == "high" else []
    about += [f"within {gate.within}"] if gate.within else []
    yield ", ".join(about)
    if gate.when is not None:
        yield f"only when {gate.when}"
    yield f'"{gate.ask}"'
