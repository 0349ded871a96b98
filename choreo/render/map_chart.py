"""What a drawing of a spec shows, before it is drawn: stops in the order of the flow, ways between them, gates.

All text in it is as the author wrote it; whoever draws makes it safe for the place it is drawn at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from choreo.contract import Contract
from choreo.lint.survey import Survey
from choreo.plan import Edge
from choreo.render.map_order import in_order
from choreo.spec import (
    END,
    CommandService,
    Confidence,
    Expr,
    Handoff,
    HttpService,
    HumanPlayer,
    InlineSchema,
    McpService,
    ModelPlayer,
    Player,
    PythonService,
    Role,
    SetPlayer,
    Spec,
    SpecPlayer,
    Touchpoint,
)

PlayedBy = Literal["model", "service", "set", "human", "spec"]


class Stop(Struct, frozen=True):
    """A role as it is drawn. `detail` says which model, which function, who; `notes` are short remarks."""

    name: str
    kind: str
    player: PlayedBy
    detail: str
    does: str
    notes: tuple[str, ...] = ()
    reached: bool = True


class Gate(Struct, frozen=True):
    """A touchpoint as it is drawn. `who` is who is asked, in words; `when` on what condition, None for always."""

    name: str
    ask: str
    who: str
    stakes: str
    within: str
    when: str | None


class Way(Struct, frozen=True):
    """One handoff from one source (or one join) to one target.

    `condition` is `when ...`, `otherwise`, `on failed`, or empty; `words` say how it goes (revise, lanes, limits).
    `gate` is the touchpoint it leads through; a source may be a touchpoint too (`rejected`, `expired`). `back` is true
    where it closes a loop.
    """

    sources: tuple[str, ...]
    target: str
    condition: str
    contract: str | None
    gate: str | None
    words: tuple[str, ...] = ()
    ending: str = ""
    lanes: Literal["", "open", "close"] = ""
    back: bool = False

    @property
    def join(self) -> bool:
        return len(self.sources) > 1


class Chart(Struct, frozen=True):
    spec: Spec
    stops: tuple[Stop, ...]
    gates: Mapping[str, Gate]
    ways: tuple[Way, ...]

    def leaving(self, name: str) -> tuple[Way, ...]:
        return tuple(way for way in self.ways if name in way.sources)


def chart_of(survey: Survey) -> Chart:
    """The chart of a spec, also of one with errors: a name that nothing has is drawn as it stands."""
    spec = survey.spec
    ways = tuple(_ways(survey))
    order, back = in_order([(way.sources, way.target, way.gate) for way in ways])
    reached = frozenset(order)
    rest = [name for name in spec.roles if name not in reached]
    return Chart(
        spec,
        tuple(_stop(spec.roles[name], name in reached) for name in [*order, *rest] if name in spec.roles),
        {name: _gate(spec, point) for name, point in spec.touchpoints.items()},
        tuple(replace(way, back=number in back) for number, way in enumerate(ways)),
    )


def shown_text(text: str) -> str:
    """An author's text on one line."""
    return " ".join(text.split())


# -- stops and gates -----------------------------------------------------------------------------


def _stop(role: Role, reached: bool) -> Stop:
    player, detail = _player(role.player)
    return Stop(role.name, role.kind, player, detail, shown_text(role.does), tuple(_notes(role)), reached)


def _player(player: Player) -> tuple[PlayedBy, str]:
    match player:
        case ModelPlayer(model=model):
            return "model", model
        case SetPlayer():
            return "set", ""
        case HumanPlayer(who=who):
            return "human", who or ""
        case SpecPlayer(path=path):
            return "spec", path
        case PythonService(target=target):
            return "service", f"python {target}"
        case CommandService(argv=argv):
            return "service", f"command {''.join(_template(part) for part in argv[0].parts)}" if argv else "command"
        case HttpService(method=method, url=url):
            return "service", f"http {method} {''.join(_template(part) for part in url.parts)}"
        case McpService(settings=settings):
            return "service", f"mcp {settings.get('tool', '')}".strip()


def _template(part: str | Expr) -> str:
    return part if isinstance(part, str) else f"{{{{ {part.text} }}}}"


def _notes(role: Role) -> Iterator[str]:
    if role.confidence is not None:
        yield f"confidence: {_measure(role.confidence)}"
    if role.effect != "none":
        yield f"effect: {role.effect}"
    if role.retry is not None and role.retry.attempts > 1:
        yield f"up to {role.retry.attempts} attempts"
    tools = role.player.tools if isinstance(role.player, ModelPlayer) else ()
    if tools:
        yield f"tools: {', '.join(tool.name for tool in tools)}"
    within = role.player.within if isinstance(role.player, HumanPlayer) else None
    if within is not None:
        yield f"within {duration(within)}"


def _measure(measure: Confidence) -> str:
    if measure.expression is not None:
        return shown_text(measure.expression.text)
    return f"{measure.source}({measure.field})" if measure.field else f"{measure.source} {measure.votes or ''}".strip()


def _gate(spec: Spec, point: Touchpoint) -> Gate:
    who = point.who or "a person"
    told = spec.map.people.get(who, "") if spec.map else ""
    if told not in ("", who):
        who = f"{who} ({shown_text(told)})"
    return Gate(
        name=point.name,
        ask=shown_text("".join(_template(part) for part in point.ask.parts)),
        who=who,
        stakes=point.stakes,
        within=duration(point.within) if point.within is not None else "",
        when=shown_text(point.when.text) if point.when else None,
    )


def duration(seconds: float) -> str:
    """Seconds as the language writes them: `250ms`, `30s`, `10m`, `48h`, `7d`."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        # Two days are written 48h as often as 2d; whole days from three on read better as days.
        if seconds >= (3 * size if unit == "d" else size) and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds * 1000:g}ms" if seconds < 1 else f"{seconds:g}s"


# -- ways ----------------------------------------------------------------------------------------


def _ways(survey: Survey) -> Iterator[Way]:
    by_counter: dict[int, list[Edge]] = {}
    for edge in survey.edges:
        by_counter.setdefault(edge.counter, []).append(edge)
    for handoff in survey.spec.handoffs:
        apart = handoff.sources_as != "join"
        for sources in [(name,) for name in handoff.sources] if apart else [handoff.sources]:
            known = [edge for edge in by_counter.get(handoff.index, ()) if not apart or edge.sources == sources]
            for target in handoff.targets:
                yield Way(
                    sources=sources,
                    target=target,
                    condition=_condition(handoff),
                    contract=_carried(survey, known[0] if known else None, handoff, target),
                    gate=handoff.touchpoint,
                    words=tuple(_words(handoff)),
                    ending=_ending(handoff) if target == END else "",
                    lanes="open" if handoff.each else "close" if handoff.gather else "",
                )


def _condition(handoff: Handoff) -> str:
    on = "" if handoff.on == "done" else f"on {handoff.on.replace('_', ' ')}"
    when = ""
    if handoff.when is not None:
        when = f"{'also ' if handoff.also else ''}when {shown_text(handoff.when.text)}"
    elif handoff.otherwise:
        when = "otherwise"
    return ", ".join(part for part in (on, when) if part)


def _words(handoff: Handoff) -> Iterator[str]:
    if handoff.each is not None:
        yield f"a lane for each of {shown_text(handoff.each.text)}"
    if handoff.at_once is not None:
        yield f"{handoff.at_once} at once"
    if handoff.on_failure is not None:
        yield f"a failed lane: {handoff.on_failure}"
    if handoff.gather:
        yield "gathers the lanes"
    if handoff.pick is not None:
        yield f"picked by {shown_text(handoff.pick.text)}"
    if handoff.revise:
        yield "revise"
    if handoff.at_most is not None:
        yield f"at most {handoff.at_most}"
    if handoff.after is not None:
        after = handoff.after
        yield f"after {shown_text(after.text) if isinstance(after, Expr) else duration(after)}"


def _ending(handoff: Handoff) -> str:
    return ", ".join(part for part in (handoff.outcome, "the run fails" if handoff.fail else "") if part)


def _carried(survey: Survey, edge: Edge | None, handoff: Handoff, target: str) -> str | None:
    """The contract of what arrives, or None: feedback has none, nor has what cannot be resolved."""
    if handoff.revise:
        return None
    unchanged = _named(survey.carried(edge)) if edge is not None else None
    if handoff.fails(target):
        return unchanged
    if target == END:
        built = survey.spec.result is not None and survey.spec.result.passes is not None
        return _named(survey.result) if built else unchanged or _named(survey.result)
    role = survey.spec.roles.get(target)
    declared = role.accepts if role is not None else None
    if isinstance(declared, InlineSchema):
        return "inline contract"
    return unchanged or _named(survey.accepts.get(target)) or (str(declared) if declared is not None else None)


def _named(contract: Contract | None) -> str | None:
    if contract is None:
        return None
    return "inline contract" if contract.name.startswith("<") else contract.ref
