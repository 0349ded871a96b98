"""What follows from a fact: the one place that decides.

`react` books a fact (a run started, a hop finished, a person decided, time ran out) and everything that follows
from it, up to the hops that start now, as one list of events: what a runner commits in one
transaction. No clock, no I/O; contract checks come in through `check`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from choreo.canonical import Payload
from choreo.contract import Contract
from choreo.engine.join import Ready, ready_join
from choreo.engine.limits import reached_limit
from choreo.engine.names import Names
from choreo.engine.position import Arrival, HopState, Position, fold, forget, past_after
from choreo.engine.select import Fault, build_payload, picked, select
from choreo.expression import ExpressionError, evaluate_condition
from choreo.plan import Edge, Group, Plan
from choreo.spec import END, TRIGGER, HumanPlayer
from choreo.trace import (
    Asked,
    Blame,
    Decided,
    Event,
    HandedOver,
    HopFinished,
    HopStarted,
    HopStatus,
    RunFinished,
    RunResumed,
    RunStarted,
    RunStatus,
    Verdict,
)

Check = Callable[[Contract, Payload], Verdict]
Sources = tuple[tuple[str, int], ...]


def react(plan: Plan, position: Position, fact: Event, check: Check) -> tuple[Event, ...]:
    """Book `fact` and all that follows. Changes `position`; gives the events in their order."""
    forget(plan, position)
    reaction = _Reaction(plan, position, fact.at, check)
    reaction.book(fact)
    if position.finished is None:
        reaction.follow(fact)
        reaction.settle()
    return tuple(reaction.events)


class _Reaction:
    """One call of `react`: the events so far, and the position after them."""

    def __init__(self, plan: Plan, position: Position, at: float, check: Check) -> None:
        self.plan = plan
        self.position = position
        self.at = at
        self.check = check
        self.events: list[Event] = []

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
                self.finish("refused", "contract-violation", _told(verdict))
            case RunStarted():
                self.raise_event(TRIGGER, "done", (("trigger", 0),), fact.payload)
            case HopFinished(status="done"):
                hop = self.position.hops[fact.hop]
                self.supersede()
                self.raise_event(hop.role, "done", (("hop", hop.number),), fact.output)
            case HopFinished():
                self.fail_hop(fact.hop, fact.status, fact.code or "failed", fact.message)
            case Decided():
                self.decided(fact)
            case RunResumed():
                self.doubt()
            case _:
                pass

    def supersede(self) -> None:
        """Say which older event a newer one replaced in a join's slot (fold keeps the newest)."""
        for group, older in list(self.position.replaced):
            self.hand_over(-1, (("hop", older),), "", "superseded", join=group)

    def doubt(self) -> None:
        """An effect that was begun and never reported back: only a person can say what happened."""
        asked = {question.asked.hop for question in self.position.questions.values()}
        for hop in list(self.position.playing.values()):
            if hop.effect and hop.number not in asked:
                self.ask(hop.role, hop.input, kind="in_doubt", hop=hop.number, why=_IN_DOUBT)

    def decided(self, fact: Decided) -> None:
        hop = self.position.hops.get(self.position.answered_hops.get(fact.question, 0))
        if hop is None:
            if fact.decision in ("reject", "expired"):
                self.turned_down(fact)
        elif fact.decision in ("fill", "done") and fact.payload is not None:
            contract = self.plan.roles[hop.role].emits
            verdict = self.check(contract, fact.payload) if contract is not None else None
            self.hop_ends(HopFinished(self.at, hop.number, "done", fact.payload, cost=0.0, verdict=verdict))
        elif fact.decision != "redo":
            status, code = _WITHOUT_OUTPUT[fact.decision]
            message = fact.reason or _SAID[code]
            self.hop_ends(HopFinished(self.at, hop.number, status, code=code, message=message, cost=0.0))

    def hop_ends(self, event: HopFinished) -> None:
        self.book(event)
        self.follow(event)

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
            self.raise_event(answer.touchpoint, on, (("question", fact.question),), Payload.of(out))
        else:
            self.finish("rejected", on, answer.reason or f"`{answer.touchpoint}` was {on}", payload=answer.payload)

    # -- events and their handoffs -----------------------------------------------------------------

    def raise_event(self, source: str, on: str, sources: Sources, out: Payload | None) -> bool:
        """Give the event to the handoffs that wait for it. False when there are none."""
        group = self.plan.groups.get((source, on))
        if group is None:
            return False
        self.fire(group, sources, out)
        return True

    def fire(self, group: Group, sources: Sources, out: Payload | None) -> None:
        past = past_after(self.position, sources)
        names = Names(self.plan, self.position, past, out=out)
        try:
            selection = select(group, names)
        except ExpressionError as error:
            self.finish("failed", "condition-error", f"{'/'.join(group.sources)}: {error}")
            return
        if not selection:
            join = group.number if group.join else -1
            self.hand_over(-1, sources, "", "stopped", payload=out, join=join)
        for chosen in selection:
            if self.over:
                return
            self.fire_edge(group, chosen, sources, out, names)

    def fire_edge(self, group: Group, edge: Edge, sources: Sources, out: Payload | None, names: Names) -> None:
        fired = self.position.fired.get((edge.counter, ""), 0)
        join = group.number if group.join else -1
        if edge.handoff.at_most is not None and fired >= edge.handoff.at_most:
            self.hand_over(edge.number, sources, "", "exhausted", join=join)
            self.exhausted(group, sources, out, edge)
            return
        try:
            targets = picked(edge, names)
            payloads = [build_payload(self.plan, edge, target, out, names) for target in targets]
        except (ExpressionError, Fault) as error:
            code = getattr(error, "code", "pass-error")
            self.hand_over(
                edge.number,
                sources,
                edge.handoff.targets[0],
                "failed",
                code=code,
                message=str(error),
                blame="mapping",
                firing=fired + 1,
                join=join,
            )
            self.fail_source(group, sources, code, str(error))
            return
        if not targets:
            self.hand_over(edge.number, sources, "", "stopped", payload=out, firing=fired + 1, join=join)
        for place, (target, payload) in enumerate(zip(targets, payloads, strict=True)):
            if not self.over:
                self.deliver(group, edge, sources, target, payload, names, fired + 1 if place == 0 else 0)

    def exhausted(self, group: Group, sources: Sources, out: Payload | None, edge: Edge) -> None:
        source = group.sources[0]
        if group.on == "exhausted" or not self.raise_event(source, "exhausted", sources, out):
            targets, bound = ", ".join(edge.handoff.targets), edge.handoff.at_most
            message = f"the handoff {source} -> {targets} was used up (at_most {bound})"
            self.finish("failed", "exhausted", message, payload=out)

    def deliver(
        self, group: Group, edge: Edge, sources: Sources, target: str, payload: Payload, names: Names, firing: int
    ) -> None:
        join = group.number if group.join else -1
        verdict, blame = self.judge(edge, target, payload)
        if verdict is not None and not verdict.ok:
            self.hand_over(
                edge.number,
                sources,
                target,
                "violation",
                payload=payload,
                verdict=verdict,
                blame=blame,
                code="contract-violation",
                message=_told(verdict),
                firing=firing,
                join=join,
            )
            self.fail_source(group, sources, "contract-violation", f"payload for `{target}`: {_told(verdict)}")
            return
        more = {"firing": firing, "join": join, "exempt": group.on == "over_budget"}
        if edge.handoff.touchpoint is not None:
            number = self.hand_over(edge.number, sources, target, "asked", payload=payload, verdict=verdict, **more)
            self.gate(edge.handoff.touchpoint, number, payload, names)
            return
        self.hand_over(edge.number, sources, target, "delivered", payload=payload, verdict=verdict, **more)
        if edge.handoff.fail and target == END:
            message = f"the handoff {', '.join(edge.sources)} -> end fails the run"
            self.finish("failed", "failed-by-spec", message, outcome=edge.handoff.outcome, payload=payload)

    def judge(self, edge: Edge, target: str, payload: Payload) -> tuple[Verdict | None, Blame | None]:
        if edge.handoff.revise:
            return None, None
        unchanged = self.plan.unchanged[edge.number]
        if target == END and edge.passes is None and self.plan.result_form is not None:
            unchanged = None
        contract = self.plan.receives(target, unchanged)
        if contract is None:
            return None, None
        verdict = self.check(contract, payload)
        if verdict.ok:
            return verdict, None
        return verdict, "receiver" if unchanged is not None else "mapping"

    def hand_over(
        self, edge: int, sources: Sources, target: str, state: Any, payload: Payload | None = None, **more: Any
    ) -> int:
        number = self.position.handoffs + 1
        self.book(HandedOver(self.at, number, edge, sources, target, state, payload, **more))
        return number

    # -- failures ----------------------------------------------------------------------------------

    def fail_hop(self, number: int, on: str, code: str, message: str) -> None:
        hop = self.position.hops[number]
        out = Payload.of({"role": hop.role, "code": code, "message": message, "input": hop.input.value})
        if not self.raise_event(hop.role, on, (("hop", number),), out):
            self.finish("failed", code, f"{hop.role}: {message}")

    def fail_source(self, group: Group, sources: Sources, code: str, message: str) -> None:
        """A handoff that cannot be made is a failure of its sender, unless it already handles one."""
        kind, number = sources[0]
        if kind == "hop" and not group.join and group.on == "done":
            self.fail_hop(number, "failed", code, message)
        else:
            self.finish("failed", code, f"{'/'.join(group.sources)}: {message}")

    # -- touchpoints -------------------------------------------------------------------------------

    def gate(self, name: str, handoff: int, payload: Payload, names: Names) -> None:
        touchpoint, when = self.plan.touchpoints[name]
        why = "this touchpoint always asks"
        needed = True
        if when is not None:
            why = f"`{when.text}` is true"
            try:
                needed = evaluate_condition(when, names.adding(payload=payload))
            except ExpressionError as error:
                why = f"`{when.text}` could not be evaluated ({error}), so a person is asked"
        for number, question in list(self.position.questions.items()):
            if question.asked.touchpoint == name and question.arrival is not None:
                shown = question.asked.payload.digest
                self.book(Decided(self.at, number, "withdrawn", shown, by="choreo", reason="a newer payload came"))
        due = self.at + touchpoint.within if touchpoint.within is not None else None
        if when is not None and not needed:
            why = f"`{when.text}` is false"
        question_number = self.ask(name, payload, handoff=handoff, due=due, why=why)
        if not needed:
            self.book(Decided(self.at, question_number, "not-asked", payload.digest, by="choreo"))

    def ask(self, name: str, payload: Payload, kind: Any = "approve", **more: Any) -> int:
        number = self.position.asked + 1
        self.book(Asked(self.at, number, kind, name, payload, **more))
        return number

    # -- what starts now ---------------------------------------------------------------------------

    def settle(self) -> None:
        """Start what may start, fire the joins that are ready, and end the run when it is at rest."""
        while not self.over:
            if self.start_queued():
                continue
            ready = ready_join(self.plan, self.position)
            if ready is None:
                break
            self.fire_join(ready)
        if not self.over:
            self.rest()

    def fire_join(self, ready: Ready) -> None:
        outputs: dict[str, Any] = dict.fromkeys(ready.group.sources)
        for source, number in ready.filled.items():
            output = self.position.hops[number].output
            outputs[source] = output.value if output is not None else None
        sources = tuple(("hop", number) for number in sorted(ready.filled.values()))
        self.fire(ready.group, sources, Payload.of(outputs))

    def start_queued(self) -> bool:
        """Start every visit that may start. True when something other than a start was decided."""
        for (role, scope), queue in self.in_order():
            if self.position.busy(role, scope) or not self.free_place():
                continue
            limit = None if queue[0].exempt else reached_limit(self.position)
            if limit is not None:
                if self.over_budget(queue[0]):
                    return True
                continue
            self.start_hop(role, scope, queue[0])
        return False

    def in_order(self) -> Iterable[tuple[tuple[str, str], list[Arrival]]]:
        waiting = [(key, queue) for key, queue in self.position.queues.items() if queue]
        return sorted(waiting, key=lambda item: (self.plan.roles[item[0][0]].order, item[0][1]))

    def free_place(self) -> bool:
        parallel = self.position.limits.get("parallel")
        return parallel is None or len(self.position.in_play) < parallel

    def start_hop(self, role: str, scope: str, arrival: Arrival) -> None:
        edge = self.plan.edges[arrival.edge]
        given: dict[str, Any] = {"input": arrival.payload}
        if edge.handoff.revise:
            before = self.position.hops[arrival.past[role]]
            given = {"input": before.input, "previous": before.output, "feedback": arrival.payload}
        self.book(
            HopStarted(
                at=self.at,
                hop=self.position.last_hop + 1,
                role=role,
                visit=self.position.visits.get((role, scope), 0) + 1,
                handoff=arrival.handoff,
                scope=scope,
                effect=self.plan.roles[role].role.effect == "once",
                **given,
            )
        )
        self.ask_person(self.position.playing[self.position.last_hop])

    def ask_person(self, hop: HopState) -> None:
        """A human role waits for its person from the start."""
        player = self.plan.roles[hop.role].role.player
        if isinstance(player, HumanPlayer):
            due = self.at + player.within if player.within is not None else None
            self.ask(hop.role, hop.input, kind="fill", hop=hop.number, due=due, why="this role is played by a person")

    def over_budget(self, arrival: Arrival) -> bool:
        """Hand the arrival's place to its source's `over_budget` handoff. False when there is none."""
        kind, number = arrival.sources[0]
        if kind != "hop":
            return False
        source = self.position.hops[number]
        if (source.role, "over_budget") not in self.plan.groups:
            return False
        self.hand_over(
            arrival.edge,
            arrival.sources,
            arrival.target,
            "over_budget",
            of=arrival.handoff,
            code=reached_limit(self.position),
        )
        return self.raise_event(source.role, "over_budget", arrival.sources, source.output)

    # -- the end -----------------------------------------------------------------------------------

    def rest(self) -> None:
        position = self.position
        if len(position.ended) > 1:
            where = " and ".join(f"handoff {number}" for number, _, _ in position.ended)
            self.finish("failed", "two-results", f"two payloads reached the end: {where}")
        elif position.playing or position.questions:
            return
        elif any(position.queues.values()):
            limit = reached_limit(position)
            self.finish("limit", f"limit-{limit}", f"the limit on {limit} is reached")
        elif position.ended:
            _, edge, payload = position.ended[0]
            outcome = self.plan.edges[edge].handoff.outcome or "done"
            self.finish("done", outcome=outcome, payload=payload)
        else:
            self.finish("failed", "no-result", "the run is at rest and nothing reached the end")


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


def _told(verdict: Verdict) -> str:
    pointer, sentence = verdict.violations[0]
    more = f" (and {len(verdict.violations) - 1} more)" if len(verdict.violations) > 1 else ""
    return f"{verdict.contract} at {pointer or '/'}: {sentence}{more}"
