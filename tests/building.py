"""Small specs made in the test itself, and a driver that plays them without disk, clock or model."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from choreo.canonical import Payload
from choreo.engine.advance import Ask, Cancel, Finish, Play, advance, finished_hop, rebuild
from choreo.engine.position import Position, start
from choreo.engine.react import react
from choreo.plan import Plan, make_plan
from choreo.problem import Place
from choreo.spec import (
    Expr,
    Fields,
    Fixed,
    Form,
    Handoff,
    HumanPlayer,
    Limits,
    Result,
    Role,
    SetPlayer,
    Spec,
    Template,
    Touchpoint,
    Trigger,
)
from choreo.trace import Decided, Event, HopFinished, RunFinished, RunStarted, TimerFired, Verdict

HERE = Place("test.yaml")


def expr(text: str) -> Expr:
    return Expr(text, HERE)


def form(value: Any) -> Form:
    if isinstance(value, str):
        return expr(value)
    if isinstance(value, dict):
        return Fields(tuple((key, HERE, form(part)) for key, part in value.items()), HERE)
    return Fixed(value, HERE)


def handoff(index: int, given: Mapping[str, Any]) -> Handoff:
    """A handoff from what one would write in YAML (`from`, `to`, `when`, ...)."""
    kept = dict(given)
    source, target = kept.pop("from"), kept.pop("to")
    sources_as = "one"
    if isinstance(source, dict):
        source, sources_as = source["any"], "any"
    elif isinstance(source, list):
        sources_as = "join"
    sources = tuple(source) if isinstance(source, list) else (source,)
    targets = tuple(target) if isinstance(target, list) else (target,)
    if "when" in kept:
        kept["when"] = expr(kept["when"])
    for key in ("pick", "each"):
        if key in kept:
            kept[key] = expr(kept[key])
    passes = form(kept.pop("pass")) if "pass" in kept else None
    return Handoff(
        index=index,
        place=HERE,
        sources=sources,
        source_places=(HERE,) * len(sources),
        sources_as=sources_as,  # type: ignore[arg-type]
        targets=targets,
        target_places=(HERE,) * len(targets),
        passes=passes,
        **kept,
    )


def touchpoint(name: str, **more: Any) -> Touchpoint:
    when = more.pop("when", None)
    return Touchpoint(name=name, place=HERE, ask=Template(("Go on?",), HERE), when=expr(when) if when else None, **more)


def plan_of(
    *handoffs: Mapping[str, Any],
    touchpoints: Mapping[str, Mapping[str, Any]] | None = None,
    roles: Mapping[str, Mapping[str, Any]] | None = None,
    limits: Mapping[str, Any] | None = None,
    result: Any = None,
) -> Plan:
    """A plan whose roles are those the handoffs name, each played by a script (a `set` that nobody evaluates)."""
    made = tuple(handoff(index, given) for index, given in enumerate(handoffs))
    points = {name: touchpoint(name, **given) for name, given in (touchpoints or {}).items()}
    names = [name for given in made for name in (*given.sources, *given.targets)]
    more = roles or {}
    found = {
        name: Role(
            name=name, place=HERE, kind="reader", **{"player": SetPlayer(expr("input"), HERE), **more.get(name, {})}
        )
        for name in dict.fromkeys(names)
        if name not in ("trigger", "end") and name not in points
    }
    spec = Spec(
        path="test.yaml",
        folder=".",
        name="test",
        version="1.0.0",
        trigger=Trigger(HERE),
        roles=found,
        handoffs=made,
        touchpoints=points,
        limits=Limits(**(limits or {})),
        result=Result(HERE, passes=form(result)) if result is not None else None,
    )
    return make_plan(spec, {})


HUMAN = {"player": HumanPlayer(HERE)}


def anything(contract: Any, payload: Payload) -> Verdict:
    return Verdict(contract.ref, contract.digest)


@dataclass
class Script:
    """What each role gives (`outputs`: a value, a list by visit, a function, or an exception code as `fail:CODE`)
    and what people answer (`answers`: touchpoint to a list of decisions)."""

    outputs: Mapping[str, Any] = field(default_factory=dict)
    answers: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    seed: int = 0
    timers: bool = False
    """Whether the time of what is delayed comes, as soon as nothing else can be done."""


class Played:
    """A run played by a script: the events, in order, and how it ended."""

    def __init__(self, plan: Plan, script: Script, trigger: Any = None, stop_after: int | None = None) -> None:
        self.plan = plan
        self.script = script
        self.position = start(plan, "r1")
        self.events: list[Event] = []
        self.clock = 1000.0
        self._random = random.Random(script.seed)
        self.fact(RunStarted(self.clock, Payload.of(trigger if trigger is not None else {})))
        self.go_on(stop_after)

    def fact(self, event: Event) -> None:
        self.events.extend(react(self.plan, self.position, event, anything))

    def go_on(self, stop_after: int | None = None) -> None:
        """Perform actions, in an order drawn by chance, until the run is over or nobody answers."""
        steps = 0
        while stop_after is None or steps < stop_after:
            steps += 1
            actions = advance(self.plan, self.position)
            possible = [action for action in actions if self._can(action)]
            if not possible and self.script.timers and self.position.delayed:
                self.clock += 1.0
                self.fact(TimerFired(self.clock, min(self.position.delayed)))
                continue
            if not possible:
                return
            self._perform(self._random.choice(possible))

    def again(self) -> Played:
        """The same run, rebuilt from its events alone, as another process would."""
        other = object.__new__(Played)
        other.__dict__.update(self.__dict__)
        other.events = list(self.events)
        other.position = rebuild(self.plan, "r1", self.events)
        return other

    @property
    def end(self) -> RunFinished | None:
        return self.position.finished

    @property
    def status(self) -> str | None:
        return self.end.status if self.end else None

    @property
    def result(self) -> Any:
        return self.end.payload.value if self.end and self.end.payload else None

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def visits(self, role: str) -> list[Any]:
        """The inputs of a role's visits."""
        from choreo.trace import HopStarted

        return [event.input.value for event in self.of(HopStarted) if event.role == role]

    def states(self) -> list[str]:
        from choreo.trace import HandedOver

        return [event.state for event in self.of(HandedOver)]

    def _can(self, action: Any) -> bool:
        if isinstance(action, Finish):
            return False
        if isinstance(action, Ask):
            return self._answer(action) is not None
        return True

    def _perform(self, action: Any) -> None:
        self.clock += 1.0
        if isinstance(action, Play):
            self.fact(self._output(action.hop))
        elif isinstance(action, Cancel):
            self.fact(HopFinished(self.clock, action.hop.number, "failed", code="cancelled", cost=0.0))
        else:
            self.fact(self._decision(action))

    def _output(self, hop: Any) -> Event:
        given = self.script.outputs.get(hop.role, {})
        if isinstance(given, Callable):  # type: ignore[arg-type]
            given = given(hop)
        elif isinstance(given, list):
            given = given[min(hop.visit, len(given)) - 1]
        if isinstance(given, str) and given.startswith("fail:"):
            status = "timeout" if given == "fail:timeout" else "failed"
            return HopFinished(self.clock, hop.number, status, code=given[5:], message="as scripted", cost=0.0)  # type: ignore[arg-type]
        cost = given.pop("$cost") if isinstance(given, dict) and "$cost" in given else 0.0
        return finished_hop(self.plan, hop, given, anything, at=self.clock, cost=cost)

    def _answer(self, action: Ask) -> Any:
        answers = self.script.answers.get(action.question.asked.touchpoint, [])
        done = sum(
            1
            for event in self.of(Decided)
            if event.by == "test" and self._asked_at(event.question) == action.question.asked.touchpoint
        )
        return answers[done] if done < len(answers) else None

    def _asked_at(self, number: int) -> str:
        from choreo.trace import Asked

        return next(event.touchpoint for event in self.of(Asked) if event.question == number)

    def _decision(self, action: Ask) -> Decided:
        answer = self._answer(action)
        kind, payload, reason = answer, None, ""
        if isinstance(answer, tuple):
            kind, extra = answer
            payload, reason = (None, extra) if kind == "reject" else (Payload.of(extra), "")
        asked = action.question.asked
        return Decided(self.clock, asked.question, kind, asked.payload.digest, "test", payload, reason)


def play(
    plan: Plan, trigger: Any = None, seed: int = 0, answers: Mapping[str, Sequence[Any]] | None = None, **outputs: Any
) -> Played:
    return Played(plan, Script(outputs, answers or {}, seed), trigger)


__all__ = ["HERE", "HUMAN", "Played", "Position", "Script", "plan_of", "play"]
