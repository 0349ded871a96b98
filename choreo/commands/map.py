"""`choreo map`: what covers each part of the map, and the choreography as a drawing. Plays nothing."""

from __future__ import annotations

import json
import shutil
import sys
from typing import Any

from msgspec.structs import asdict

from choreo.api.checked import problems_of
from choreo.commands.speech import is_terminal, out, say_safe, wants_colour
from choreo.errors import DONE, FAILED, SpecErrors, UsageError
from choreo.lint.coverage import coverage, unmapped
from choreo.lint.survey import Survey
from choreo.loading import load_spec
from choreo.render.map_chart import Chart, chart_of
from choreo.render.map_coverage import coverage_data, render_coverage
from choreo.render.map_mermaid import render_mermaid
from choreo.render.map_tree import Pen, render_tree
from choreo.render.text import ascii_only

_WIDEST = 110


def draw_map(path: str, *, mermaid: bool, as_json: bool) -> int:
    """Print the map and the drawing of a spec, also of one with errors (exit 1, and a line that says so)."""
    if mermaid and as_json:
        raise UsageError("two-formats", "--mermaid and --json each want the whole of stdout", "take one of them")
    loaded = load_spec(path)
    problems = problems_of(loaded)
    if loaded.spec is None:
        raise SpecErrors(problems, loaded.texts)
    spec = loaded.spec
    chart = chart_of(Survey(spec, loaded.contracts))
    rows, loose = coverage(spec, problems), unmapped(spec)
    if mermaid:
        out(render_mermaid(chart).rstrip("\n"))
    elif as_json:
        out(json.dumps({**_chart_data(chart), "map": coverage_data(rows, loose)}, ensure_ascii=False, indent=2))
    else:
        pen = _pen()
        out(pen.line((pen.safe(f"{spec.name} {spec.version}"), "name")))
        if spec.map is not None:
            out(render_coverage(spec.map, rows, loose, spec.roles, pen))
        else:
            out("no map: the key `map:` says what the work is today, and what covers it\n")
        out(render_tree(chart, pen).rstrip("\n"))
    errors = sum(problem.severity == "error" for problem in problems)
    if errors:
        told = "1 error" if errors == 1 else f"{errors} errors"
        say_safe(f"the spec has {told}, so the drawing may be incomplete; see: choreo validate {path}")
    return FAILED if errors else DONE


def _pen() -> Pen:
    width = shutil.get_terminal_size((80, 24)).columns if is_terminal(sys.stdout) else 80
    return Pen(max(40, min(width, _WIDEST)), colour=wants_colour(sys.stdout), ascii_only=ascii_only(sys.stdout))


def _chart_data(chart: Chart) -> dict[str, Any]:
    """The drawing as plain JSON data: `roles` in the order of the flow, `ways` between them, `touchpoints`."""
    return {
        "name": chart.spec.name,
        "version": chart.spec.version,
        "roles": [asdict(stop) for stop in chart.stops],
        "ways": [asdict(way) for way in chart.ways],
        "touchpoints": [asdict(gate) for gate in chart.gates.values()],
    }
