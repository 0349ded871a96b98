"""A chart as a Mermaid flowchart. Names and texts are an author's: none can end a label or start a command."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from choreo.render.map_chart import Chart, Gate, Stop, Way
from choreo.render.text import safe_text
from choreo.spec import END, TRIGGER

_LONGEST = 80
_SHAPES: Mapping[str, tuple[str, str]] = {
    "model": ("([", "])"),
    "service": ("[", "]"),
    "set": ("[/", "/]"),
    "human": ("[/", "\\]"),
    "spec": ("[[", "]]"),
    "gate": ("{{", "}}"),
    "trigger": ("((", "))"),
    "end": ("(((", ")))"),
    "join": ("{", "}"),
}
_CLASSES: Mapping[str, str] = {
    "model": "fill:#e8e4fb,stroke:#5b4bb7,color:#1d1640",
    "service": "fill:#e3eef9,stroke:#2f6aa3,color:#0f2a43",
    "set": "fill:#eef0f2,stroke:#68727c,color:#22282e",
    "human": "fill:#fdebd3,stroke:#b36b00,color:#402600",
    "spec": "fill:#e1f2ea,stroke:#2b7d57,color:#0d3322",
    "gate": "fill:#ffd98a,stroke:#b36b00,stroke-width:3px,color:#402600",
    "trigger": "fill:#ffffff,stroke:#22282e,color:#22282e",
    "end": "fill:#ffffff,stroke:#22282e,color:#22282e",
    "join": "fill:#ffffff,stroke:#68727c,color:#22282e",
}
_UNSAFE = re.compile(r"[^A-Za-z0-9 ,./@=?!'\u00a1-\U0010ffff-]|(?<=www)\.|^[-=]|(?<=^\d)\.")


def label(text: str, longest: int = _LONGEST) -> str:
    """A text for between the quotes of a label: hidden characters visible, every sign with a meaning as its number."""
    line = safe_text(" ".join(text.split()))
    line = line.replace("$$", "$ $").replace(":fa-", ": fa-")  # formulas and icons, which no escape stops
    kept = line if len(line) <= longest else line[: longest - 1].rstrip() + "…"
    return _UNSAFE.sub(lambda found: f"#{ord(found[0])};", kept)


def render_mermaid(chart: Chart) -> str:
    """The flowchart, ending in a line end. Shapes tell who plays; hexagons are touchpoints, circles start and ends."""
    return "\n".join(_Drawing(chart).lines()) + "\n"


class _Drawing:
    """Gives every place its own id (never an author's name: `end` and `click` mean something to Mermaid)."""

    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        self.ids: dict[tuple[str, ...], str] = {}
        self.classes: dict[str, list[str]] = {}
        self.nodes: list[str] = []
        self.arrows: list[str] = []

    def lines(self) -> Iterator[str]:
        chart = self.chart
        self._node(("role", TRIGGER), "trigger", [TRIGGER])
        for stop in chart.stops:
            self._node(("role", stop.name), stop.player, _stop_rows(stop))
        for way in chart.ways:
            self._way(way)
        yield "flowchart TD"
        yield from self.nodes
        yield from self.arrows
        for name, members in self.classes.items():
            yield f"  classDef is_{name} {_CLASSES[name]}"  # `end` alone would be a keyword
            yield f"  class {','.join(members)} is_{name}"

    def _node(self, key: tuple[str, ...], shape: str, rows: list[str]) -> str:
        """The id of a place, drawn when it is first met."""
        known = self.ids.get(key)
        if known is None:
            known = self.ids[key] = f"n{len(self.ids)}"
            left, right = _SHAPES[shape]
            self.nodes.append(f'  {known}{left}"{"<br/>".join(rows)}"{right}')
            self.classes.setdefault(shape, []).append(known)
        return known

    def _way(self, way: Way) -> None:
        target = self._target(way)
        words = ", ".join(way.words)
        contract = way.contract or ""
        if way.gate is not None:
            gate = self._gate(way)
            for start in self._starts(way):
                self._arrow(start, gate, [way.condition], way)
            self._arrow(gate, target, [f"approved {contract}".rstrip(), words], way)
            return
        for start in self._starts(way):
            self._arrow(start, target, [way.condition, contract, words], way)

    def _starts(self, way: Way) -> list[str]:
        sources = [place for name in way.sources for place in self._places(name)]
        if not way.join:
            return sources
        key = ("join", *way.sources)
        is_new = key not in self.ids
        join = self._node(key, "join", ["join"])
        for source in sources if is_new else ():
            self.arrows.append(f"  {source} --> {join}")
        return [join]

    def _places(self, name: str) -> list[str]:
        """Where ways from a name start: a role, or each place that a touchpoint stands at."""
        if name not in self.chart.gates:
            return [self._node(("role", name), "service", [label(name), "not in this spec"])]
        guarded = [way for way in self.chart.ways if way.gate == name]
        return list(dict.fromkeys(self._gate(way) for way in guarded))

    def _target(self, way: Way) -> str:
        if way.target == END:
            return self._node(("end", way.ending), "end", ["end", *([label(way.ending)] if way.ending else [])])
        return self._node(("role", way.target), "service", [label(way.target), "not in this spec"])

    def _gate(self, way: Way) -> str:
        """One hexagon for a touchpoint, or one for each receiver where it guards several."""
        name = way.gate or ""
        return self._node(("gate", name, way.target), "gate", _gate_rows(name, self.chart.gates.get(name)))

    def _arrow(self, start: str, target: str, texts: list[str], way: Way) -> None:
        rows = "<br/>".join(label(text) for text in texts if text)
        line = "-.->" if way.back or _is_event(way) else "==>" if way.lanes else "-->"
        self.arrows.append(f"  {start} {line}{f'|{chr(34)}{rows}{chr(34)}|' if rows else ''} {target}")


def _is_event(way: Way) -> bool:
    return way.condition.startswith("on ")


def _stop_rows(stop: Stop) -> list[str]:
    rows = [f"<b>{label(stop.name)}</b>", label(f"{stop.kind}, {stop.player} {stop.detail}".strip())]
    rows += [label(stop.does)] if stop.does else []
    return rows + ([] if stop.reached else ["never reached"])


def _gate_rows(name: str, gate: Gate | None) -> list[str]:
    if gate is None:
        return [f"<b>{label(name)}</b>", "not in this spec"]
    about = ", ".join([f"asks {gate.who}", *(["high stakes"] if gate.stakes == "high" else [])])
    rows = [f"<b>{label(name)}</b>", label(about)]
    rows += [label(f"only when {gate.when}")] if gate.when is not None else []
    return rows + ([label(f"within {gate.within}")] if gate.within else [])
