"""A reaction to one fact: the events that follow from it, and the handoffs that they fire.

Where something fails and no handoff takes it (rules 12 to 14), it goes up: to the `on_failure` of the lane it happened
in, and from there to the next. `drop` and `keep` end it: that lane has failed, whether of an error, of a handoff that
was used up or of a person's no, and the others go on. With `stop` (which is the default) all lanes of that handoff are
given up: what is queued or delayed is dropped, questions are withdrawn, visits in play are cancelled (a running
`effect: once` is awaited and recorded), and the event is `failed` of the role that handed over with `each`, in its own
scope; `code` is that of the failure, `message` names the lane. Where that role has no handoff for it, or it was not
`done` itself, the failure goes up to the lane around, at last it fails the run. A rejection is no failure of a role: it
goes up past it, and with `stop` all the way the run is REJECTED (rule 14).

A limit before the first visit of a lane is `over_budget` of the role that handed over with `each`, and its lanes are
given up, too; without a handoff for it the run stops, and goes on with its lanes under a higher limit.
"""

from __future__ import annotations

import contextlib
from typing import Any

from msgspec import Struct

from choreo.canonical import Payload
from choreo.engine.fold import fold, past_after
from choreo.engine.keys import effect_key
from choreo.engine.lanes import Lanes, Sources, inside, opened, within
from choreo.engine.names import Names
from choreo.engine.position import Arrival, HopState, OpenQuestion, Position
from choreo.engine.select import Check, Fault, at_gate, build_payload, delay, elements, judged, picked, select
from choreo.expression import ExpressionError
from choreo.plan import Edge, Group, Plan
from choreo.spec import END, TRIGGER
from choreo.trace import (
    Asked,
    ChildRun,
    Decided,
    Delayed,
    EffectKey,
    Event,
    HandedOver,
    HopFinished,
    HopStatus,
    RunFinished,
    RunResumed,
    RunStarted,
    RunStatus,
    TimerFired,
    Verdict,
)


class Firing(Struct, frozen=True):
    """One handoff that fires: from what, and as its how manieth time (0 where that is on record already).

    `join` is the number of the join that fires, -1 for any other handoff.
    """

    edge: Edge
    sources: Sources
    names: Names
    number: int = 0
    join: int = -1


class Reaction:
    """One call of `react`: the events so far, and the position after them."""

    def __init__(self, plan: Plan, position: Position, at: float, check: Check) -> None:
        self.plan = plan
        self.position = position
        self.at = at
        self.check = check
        self.events: list[Event] = []
        self.touched: set[str] = set()
        """Scopes in which something happened: only there a join can be ready now that was not before."""
        self.opened: set[int] = set()
        """Lanes that may be at rest now, by the number of the handoff that opened them."""

    def take(self, fact: Event) -> None:
        """Book the fact, and what it leads to at once."""
        if isinstance(fact, HopFinished):
            self.touch(self.position.hops[fact.hop].scope)
        elif isinstance(fact, Decided) and fact.question in self.position.questions:
            self.touch(self.position.questions[fact.question].asked.scope)
        elif isinstance(fact, TimerFired) and fact.handoff in self.position.delayed:
            self.touch(self.position.delayed[fact.handoff].arrival.scope)
        elif isinstance(fact, RunResumed):  # what was booked last may have started nothing
            self.touched.update(self.position.scopes)
            self.opened.update(self.position.lanes)
        self.book(fact)
        if not self.over:
            self.follow(fact)

    def touch(self, scope: str) -> None:
        self.touched.add(scope)
        if scope and (found := self.position.lane(scope)) is not None:
            self.opened.add(found[0].number)

    def book(self, event: Event) -> None:
        self.events.append(event)
        fold(self.plan, self.position, event)

    @property
    def over(self) -> bool:
        return self.position.finished is not None

    def finish(self, status: RunStatus, code: str | None = None, message: str = "", **more: Any) -> None:
        if not self.over:
            self.book(RunFinished(self.at, status, code=code, message=message, **more))

    # -- what follows from a fact ------------------------------------------------------------------

    def follow(self, fact: Event) -> None:
        match fact:
            case RunStarted(verdict=verdict) if verdict is not None and not verdict.ok:
                self.finish("refused", "contract-violation", told(verdict))
            case RunStarted():
                self.raise_event(TRIGGER, "done", (("trigger", 0),), fact.payload, "")
            case HopFinished():
                self.hop_ended(fact)
            case Decided():
                self.decided(fact)
            case TimerFired():
                self.timer_fired(fact)
            case ChildRun(state="limit"):
                self.used_up(fact)
            case RunResumed():
                self.doubt()
            case _:
                pass

    def hop_ended(self, fact: HopFinished) -> None:
        hop = self.position.hops[fact.hop]
        if hop.cancelled:
            return
        if fact.status == "done":
            self.supersede(hop.scope)
            self.raise_event(hop.role, "done", (("hop", hop.number),), fact.output, hop.scope)
        else:
            self.fail_hop(fact.hop, fact.status, fact.code or "failed", fact.message)

    def supersede(self, scope: str) -> None:
        """Say which older event a newer one replaced in a join's slot (fold keeps the newest)."""
        for group, older in list(self.position.replaced):
            self.hand_over(-1, (("hop", older),), "", "superseded", join=group, scope=scope)

    def doubt(self) -> None:
        """An effect that was begun and never reported back: only a person can say what happened."""
        asked = {question.asked.hop for question in self.position.questions.values()}
        for hop in list(self.position.playing.values()):
            if hop.intent and hop.number not in asked:
                self.ask(hop.role, hop.input, hop.scope, kind="in_doubt", hop=hop.number, why=_IN_DOUBT)

    def decided(self, fact: Decided) -> None:
        hop = self.position.hops.get(self.position.answered_hops.get(fact.question, 0))
        if hop is None:
            if fact.decision in ("reject", "expired"):
                self.turned_down(fact)
        elif fact.decision in ("fill", "done") and fact.payload is not None:
            contract = self.plan.roles[hop.role].emits
            verdict = self.check(contract, fact.payload) if contract is not None else None
            if fact.decision == "done":
                self.take_key(hop)
            self.hop_ends(HopFinished(self.at, hop.number, "done", fact.payload, cost=0.0, verdict=verdict))
        elif fact.decision != "redo":
            status, code = _WITHOUT_OUTPUT[fact.decision]
            message = fact.reason or _SAID[code]
            self.hop_ends(HopFinished(self.at, hop.number, status, code=code, message=message, cost=0.0))

    def take_key(self, hop: HopState) -> None:
        """A person has said that an effect happened which another hop had the key of: its receipt is here now."""
        with contextlib.suppress(ExpressionError):  # without a key there was nothing to be taken
            name = None if hop.intent else effect_key(self.plan, self.position, hop)
            if name is not None:
                self.book(EffectKey(self.at, hop.number, *name, over=True))

    def hop_ends(self, event: HopFinished) -> None:
        self.book(event)
        self.hop_ended(event)

    def turned_down(self, fact: Decided) -> None:
        answer = self.position.answered[fact.question]
        on = "rejected" if fact.decision == "reject" else "expired"
        out = {
            "touchpoint": answer.touchpoint,
            "payload": answer.payload.value,
            "reason": answer.reason,
            "by": answer.by,
        }
        if (answer.touchpoint, on) in self.plan.groups:
            sources = (("question", fact.question),)
            self.raise_event(answer.touchpoint, on, sources, Payload.of(out), answer.scope)
        else:
            message = answer.reason or f"`{answer.touchpoint}` was {on}"
            self.unhandled(answer.scope, "rejected", on, message, answer.payload)

    def used_up(self, fact: ChildRun) -> None:
        """A child run has stopped because nothing is left here. Whoever handed over to it may take that up as
        `over_budget`; else this run stops at rest, and with a higher limit the child run goes on."""
        hop = self.position.hops[fact.hop]
        source = self.budgeted(hop.sources)
        if source is None:
            return
        told = {"code": fact.code, "message": f"the child run {fact.run} has nothing left to spend"}
        self.book(HopFinished(self.at, hop.number, "failed", cost=fact.cost, priced=fact.priced, **told))  # type: ignore[arg-type]
        self.over_budget(source, hop.sources, hop.scope, fact.code or "limit")

    def budgeted(self, sources: Sources) -> HopState | None:
        """The source of a handoff, where it takes up that a limit stands before the receiver."""
        kind, number = sources[0]
        source = self.position.hops.get(number) if kind == "hop" else None
        return source if source is not None and (source.role, "over_budget") in self.plan.groups else None

    def over_budget(self, source: HopState, sources: Sources, scope: str, limit: str) -> None:
        """Raise the event. Where it was the first visit of a lane that could not be made, all lanes are given up."""
        found = self.position.lane(scope)
        if found is not None and scope != source.scope:
            self.give_up(found[0], limit, f"the limit on {limit} is reached")
        self.raise_event(source.role, "over_budget", sources, source.output, source.scope)

    # -- events and their handoffs -----------------------------------------------------------------

    def raise_event(self, source: str, on: str, sources: Sources, out: Payload | None, scope: str) -> bool:
        """Give the event to the handoffs that wait for it. False when there are none."""
        group = self.plan.groups.get((source, on))
        if group is None:
            return False
        self.fire(group, sources, out, scope)
        return True

    def fire(self, group: Group, sources: Sources, out: Payload | None, scope: str, **more: Any) -> None:
        names = Names(self.plan, self.position, past_after(self.position, sources), scope, out=out, **more)
        join = group.number if group.join else -1
        try:
            selection = select(group, names)
        except ExpressionError as error:
            self.unhandled(scope, "failed", "condition-error", f"{'/'.join(group.sources)}: {error}")
            return
        if not selection and not (scope and group.on == "done" and self.plan.gathered.issuperset(group.sources)):
            self.hand_over(-1, sources, "", "stopped", payload=out, join=join, scope=scope)
        for edge in selection:
            if self.over or not self.position.is_open(scope):
                return
            fired = self.position.scope(scope).fired.get(edge.counter, 0)
            self.fire_edge(Firing(edge, sources, names, fired + 1, join), out)

    def fire_edge(self, firing: Firing, out: Payload | None) -> None:
        edge, names = firing.edge, firing.names
        if edge.handoff.at_most is not None and firing.number > edge.handoff.at_most:
            self.hand_over(edge.number, firing.sources, "", "exhausted", join=firing.join, scope=names.scope)
            self.exhausted(firing, out)
        elif edge.each is not None:
            self.open(firing, out)
        else:
            self.hand_on(firing, out)

    def hand_on(self, firing: Firing, out: Payload | None) -> None:
        """Build what the handoff carries and send it to its targets."""
        edge, names = firing.edge, firing.names
        try:
            targets = picked(edge, names)
            payloads = [build_payload(self.plan, edge, target, out, names) for target in targets]
            wait = delay(edge, names)
        except (ExpressionError, Fault) as error:
            self.mapping_failed(firing, error)
            return
        if not targets:
            more: dict[str, Any] = {"firing": firing.number, "join": firing.join, "scope": names.scope}
            self.hand_over(edge.number, firing.sources, "", "stopped", payload=out, **more)
        for place, (target, payload) in enumerate(zip(targets, payloads, strict=True)):
            if not self.over and self.position.is_open(names.scope):
                self.deliver(firing, target, payload, wait, first=place == 0)

    def open(self, firing: Firing, out: Payload | None) -> None:
        """Open the lanes of a handoff with `each`. They start where there is room for them."""
        edge, names = firing.edge, firing.names
        try:
            payload = opened(edge, elements(edge, names), out, names.get("failures"))
        except (ExpressionError, Fault) as error:
            self.mapping_failed(firing, error)
            return
        more: dict[str, Any] = {"firing": firing.number, "join": firing.join, "scope": names.scope}
        number = self.hand_over(edge.number, firing.sources, edge.handoff.targets[0], "opened", payload, **more)
        self.opened.add(number)

    def mapping_failed(self, firing: Firing, error: Exception) -> None:
        edge, code, message = firing.edge, getattr(error, "code", "pass-error"), str(error)
        more: dict[str, Any] = {"firing": firing.number, "join": firing.join, "scope": firing.names.scope}
        more |= {"code": code, "message": message, "blame": "mapping"}
        self.hand_over(edge.number, firing.sources, edge.handoff.targets[0], "failed", **more)
        self.fail_source(firing, code, message)

    def exhausted(self, firing: Firing, out: Payload | None) -> None:
        edge, scope = firing.edge, firing.names.scope
        source = edge.sources[0]
        own = edge.handoff.on == "exhausted" or edge.handoff.gather
        if own or not self.raise_event(source, "exhausted", firing.sources, out, scope):
            targets, bound = ", ".join(edge.handoff.targets), edge.handoff.at_most
            message = f"the handoff {source} -> {targets} was used up (at_most {bound})"
            self.unhandled(scope, "failed", "exhausted", message, out)

    def deliver(self, firing: Firing, target: str, payload: Payload, wait: float, *, first: bool) -> None:
        edge, names, sources = firing.edge, firing.names, firing.sources
        verdict, blame = judged(self.plan, self.check, edge, target, payload)
        more: dict[str, Any] = {
            "payload": payload,
            "verdict": verdict,
            "scope": names.scope,
            "join": firing.join,
            "firing": firing.number if first else 0,
        }
        if verdict is not None and not verdict.ok:
            more |= {"blame": blame, "code": "contract-violation", "message": told(verdict)}
            self.hand_over(edge.number, sources, target, "violation", **more)
            self.fail_source(firing, "contract-violation", f"payload for `{target}`: {told(verdict)}")
            return
        more["exempt"] = edge.handoff.on == "over_budget"
        if wait > 0:
            number = self.hand_over(edge.number, sources, target, "delayed", **more)
            self.book(Delayed(self.at, number, self.at + wait))
        elif edge.handoff.touchpoint is not None:
            number = self.hand_over(edge.number, sources, target, "asked", **more)
            self.gate(edge.handoff.touchpoint, number, payload, names)
        else:
            self.hand_over(edge.number, sources, target, "delivered", **more)
            self.arrived(edge, target, payload)

    def timer_fired(self, fact: TimerFired) -> None:
        """What was delayed arrives: at its touchpoint, or where it was going."""
        waiting = self.position.waiting.get(fact.handoff)
        if waiting is not None:
            gate = self.plan.edges[waiting.edge].handoff.touchpoint or ""
            names = Names(self.plan, self.position, waiting.past, waiting.scope)
            self.gate(gate, fact.handoff, waiting.payload, names)
            return
        for number, edge, payload in self.position.ended:
            if number == fact.handoff:
                self.arrived(self.plan.edges[edge], END, payload)

    def arrived(self, edge: Edge, target: str, payload: Payload) -> None:
        if edge.handoff.fail and target == END:
            message = f"the handoff {', '.join(edge.sources)} -> end fails the run"
            self.finish("failed", "failed-by-spec", message, outcome=edge.handoff.outcome, payload=payload)

    def hand_over(
        self, edge: int, sources: Sources, target: str, state: Any, payload: Payload | None = None, **more: Any
    ) -> int:
        number = self.position.handoffs + 1
        self.book(HandedOver(self.at, number, edge, sources, target, state, payload, **more))
        self.touch(more.get("scope", ""))
        return number

    # -- failures ----------------------------------------------------------------------------------

    def fail_hop(self, number: int, on: str, code: str, message: str) -> None:
        """The event of a failed hop; where no handoff takes it, see above."""
        hop = self.position.hops[number]
        if not self.failed(hop, on, code, message):
            self.unhandled(hop.scope, "failed", code, f"{hop.role}: {message}")

    def failed(self, hop: HopState, on: str, code: str, message: str) -> bool:
        if (hop.role, on) not in self.plan.groups:
            return False
        out = Payload.of({"role": hop.role, "code": code, "message": message, "input": hop.input.value})
        return self.raise_event(hop.role, on, (("hop", hop.number),), out, hop.scope)

    def fail_source(self, firing: Firing, code: str, message: str) -> None:
        """A handoff that cannot be made is a failure of its sender, unless it already handles one; where it is that
        of one element to its lane, it is a failure of the lane."""
        hop, scope = self.sender(firing.edge, firing.sources), firing.names.scope
        if hop is not None and hop.scope == scope:
            self.fail_hop(hop.number, "failed", code, message)
        else:
            self.unhandled(scope, "failed", code, f"{'/'.join(firing.edge.sources)}: {message}")

    def sender(self, edge: Edge, sources: Sources) -> HopState | None:
        """The visit that is at fault where a handoff fails: one that was done, and was not joined with others."""
        kind, number = sources[0]
        return self.position.hops[number] if kind == "hop" and not edge.join and edge.handoff.on == "done" else None

    def unhandled(self, scope: str, status: RunStatus, code: str, message: str, payload: Payload | None = None) -> None:
        """No handoff takes what went wrong in a scope: it goes up, lane by lane, at last to the run."""
        while scope:
            found = self.position.lane(scope)
            if found is None:
                return  # the lane is over already
            lanes, edge = found[0], self.plan.edges[found[0].edge]
            if edge.handoff.on_failure in ("drop", "keep"):
                self.lane_failed(scope, lanes, code, message)
                return
            message = f"{scope}: {message}"
            self.give_up(lanes, code, message)
            hop, scope = self.sender(edge, lanes.sources), lanes.scope
            if status == "failed" and hop is not None:
                if self.failed(hop, "failed", code, message):
                    return
                message = f"{hop.role}: {message}"
        self.finish(status, code, message, payload=payload)

    def lane_failed(self, scope: str, lanes: Lanes, code: str, message: str) -> None:
        in_play = bool(self.position.scope(scope).flying)
        told: dict[str, Any] = {"code": code, "message": message, "of": lanes.number}
        self.hand_over(lanes.edge, lanes.sources, "", "lane_failed", scope=scope, **told)
        self.opened.add(lanes.number)
        if in_play:
            self.withdraw([one for one in self.position.questions.values() if inside(one.asked.scope, scope)])

    def give_up(self, lanes: Lanes, code: str, message: str) -> None:
        """Nothing of these lanes goes on."""
        told: dict[str, Any] = {"code": code, "message": message, "of": lanes.number}
        self.hand_over(lanes.edge, lanes.sources, "", "cancelled", scope=lanes.scope, **told)
        self.withdraw([one for one in self.position.questions.values() if within(one.asked.scope, lanes.name)])

    def withdraw(self, questions: list[OpenQuestion]) -> None:
        """Nobody needs to answer these any more, but for an effect in doubt."""
        for question in questions:
            asked = question.asked
            if asked.kind == "in_doubt":
                continue
            shown, why = asked.payload.digest, "the lane is over"
            self.book(Decided(self.at, asked.question, "withdrawn", shown, by="choreo", reason=why))
            if asked.kind == "fill":
                self.book(HopFinished(self.at, asked.hop, "failed", code="cancelled", message=why, cost=0.0))

    # -- touchpoints -------------------------------------------------------------------------------

    def gate(self, name: str, handoff: int, payload: Payload, names: Names) -> None:
        touchpoint, needed, why = at_gate(self.plan, name, payload, names)
        newer, reason = self.position.waiting[handoff], "a newer payload came"
        for number in tuple(self.position.scope(names.scope).gates.get(name, ())):
            older = self.position.questions[number]
            if older.arrival is not None and _replaces(newer, older.arrival):
                shown = older.asked.payload.digest
                self.book(Decided(self.at, number, "withdrawn", shown, by="choreo", reason=reason))
        due = self.at + touchpoint.within if touchpoint.within is not None else None
        question_number = self.ask(name, payload, names.scope, handoff=handoff, due=due, why=why)
        if not needed:
            self.book(Decided(self.at, question_number, "not-asked", payload.digest, by="choreo"))

    def ask(self, name: str, payload: Payload, scope: str, kind: Any = "approve", **more: Any) -> int:
        number = self.position.asked + 1
        self.book(Asked(self.at, number, kind, name, payload, scope=scope, **more))
        return number


def _replaces(newer: Arrival, older: Arrival) -> bool:
    """Whether what comes to a touchpoint is a newer payload of what waits there: one for the same receiver, or by the
    same handoff (whose receivers a `pick` may change). Not what one event hands to several, nor that of a branch beside
    it to another receiver: each of them would be lost."""
    return newer.sources != older.sources and (newer.target == older.target or newer.edge == older.edge)


_WITHOUT_OUTPUT: dict[str, tuple[HopStatus, str]] = {
    "reject": ("failed", "declined"),
    "stop": ("failed", "in-doubt"),
    "expired": ("timeout", "expired"),
}
_SAID = {
    "declined": "the person declined",
    "in-doubt": "the effect was left in doubt",
    "expired": "nobody answered in time",
}
_IN_DOUBT = "the effect was begun and the process ended before its result was recorded"


def told(verdict: Verdict) -> str:
    pointer, sentence = verdict.violations[0]
    more = f" (and {len(verdict.violations) - 1} more)" if len(verdict.violations) > 1 else ""
    return f"{verdict.contract} at {pointer or '/'}: {sentence}{more}"
