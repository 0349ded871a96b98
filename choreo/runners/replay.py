"""A replay: a run that takes what an earlier run gave, wherever the same is asked again, and plays the rest.

A hop is taken over where its role (definition, models, prompt, contracts) and all that was handed to it are what they
were: its attempt is `reused` and names the hop it is from. Each recorded hop stands for one new hop, that at the same
place first, so that a role asked the same twice gives what it gave then, in the order in which it did. Decisions of
people are taken over where the same payload stands at the same touchpoint (`Recalled`).

An effect that cannot be taken over is not done again: where the recorded hop at the same place has a receipt, that is
taken (an attempt `receipt`); else a person is asked, as for an effect in doubt, or `--effects` allows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from choreo.engine.answer import decided
from choreo.engine.keys import effect_key
from choreo.engine.position import HopState, OpenQuestion, Position
from choreo.engine.react import Check
from choreo.errors import ChoreoError
from choreo.expression import ExpressionError
from choreo.plan import Plan
from choreo.players.base import Instant, Played, Player, Visit
from choreo.players.cached import Cached, from_record
from choreo.players.identity import Identity, asked, identity
from choreo.runners.once import InDoubt
from choreo.runners.recorded import Answer, Hop, Recorded, Spot, shown, visit_of
from choreo.spec import PythonService
from choreo.store import Store
from choreo.store.remembered import Remembered
from choreo.trace import Decided, Event, Recalled

WITHHELD = "a replay does not do effects again"
Kept = TypeVar("Kept", Hop, Answer)


class Replaying(Protocol):
    """The run as this module sees it."""

    plan: Plan
    position: Position

    @property
    def store(self) -> Store: ...

    @property
    def clock(self) -> Callable[[], float]: ...

    @property
    def check(self) -> Check: ...

    def commit(self, fact: Event, attempts: tuple[()] = (), first: tuple[Event, ...] = ()) -> None: ...


@dataclass(frozen=True)
class _Taken:
    """Plays a visit by what is on record."""

    kind: str
    gave: Remembered

    def play_now(self, visit: Visit) -> Played:
        return from_record(self.kind, visit.input, self.gave)


@dataclass(frozen=True)
class _Withheld:
    """An effect that is not done again."""

    why: str

    def play_now(self, visit: Visit) -> Played:
        raise InDoubt(self.why)


@dataclass
class Recall:
    """What one run (and its child runs) takes from the record of another. `since`: the role to begin anew with;
    `by`: who allows effects; `used`: (run, hop) and (run, question) that were taken before this process."""

    recorded: Recorded
    run: str
    since: str | None = None
    effects: bool = False
    by: str = ""
    hops_used: set[tuple[str, int]] = field(default_factory=set)
    answers_used: set[tuple[str, int]] = field(default_factory=set)
    _chosen: dict[tuple[str, int], Player | Instant] = field(default_factory=dict)
    _identities: dict[tuple[int, str], Identity] = field(default_factory=dict)
    _tried: set[tuple[str, int]] = field(default_factory=set)

    # -- hops ------------------------------------------------------------------------------------

    def player(self, runner: Replaying, hop: HopState, own: Player | Instant) -> Player | Instant:
        """Who plays a visit: the record, or `own`. What a person has said is to be done is done."""
        if hop.redo:
            return own
        name = (runner.position.run, hop.number)
        if name not in self._chosen:
            self._chosen[name] = self._choose(runner, hop, own)
        return self._chosen[name]

    def _choose(self, runner: Replaying, hop: HopState, own: Player | Instant) -> Player | Instant:
        role = runner.plan.roles[hop.role]
        spot = Spot(runner.position.run[len(self.run) :], hop.scope, hop.role, hop.visit)
        key = asked(self._identity(runner.plan, hop.role), visit_of(runner.plan, runner.position, hop))
        same = [one for one in self.recorded.hops.get(key, ()) if not one.fresh and _same_code(runner.plan, one)]
        found = _first(same, spot, lambda one: (one.gave.run, one.gave.hop) not in self.hops_used)
        if found is not None:
            return self._take("reused", found.gave)
        if role.role.effect != "none" and not self.effects:
            receipt = self._receipt(runner, hop, spot)
            return self._take("receipt", receipt) if receipt is not None else _Withheld(self._why(hop.role))
        return own.player if hop.role == self.since and isinstance(own, Cached) else own

    def _identity(self, plan: Plan, role: str) -> Identity:
        name = (id(plan), role)
        return self._identities.get(name) or self._identities.setdefault(name, identity(plan, role))

    def _take(self, kind: str, gave: Remembered) -> _Taken:
        self.hops_used.add((gave.run, gave.hop))
        return _Taken(kind, gave)

    def _receipt(self, runner: Replaying, hop: HopState, spot: Spot) -> Remembered | None:
        """What the effect gave at this place of the recorded run, or when its `key` was done before."""
        for one in self.recorded.every_hop():
            if one.spot == spot and (one.gave.run, one.gave.hop) not in self.hops_used:
                return one.gave
        try:
            name = effect_key(runner.plan, runner.position, hop)
        except ExpressionError:
            return None
        claim = runner.store.claim(name, runner.clock()) if name is not None else None
        done = claim is not None and claim.status == "done" and claim.output is not None
        return Remembered(claim.run, claim.hop, claim.output) if done and claim and claim.output else None

    def _why(self, role: str) -> str:
        allow = "`redo` does it now, as does `choreo resume RUN --effects`"
        return f"{WITHHELD}, and there is no receipt of `{role}` on record for this place: {allow}"

    # -- decisions -------------------------------------------------------------------------------

    def answer(self, runner: Replaying) -> None:
        """Book what people decided in the recorded run about the payloads that are asked about now."""
        for number, question in list(runner.position.questions.items()):
            name = (runner.position.run, number)
            if name in self._tried or number not in runner.position.questions:
                continue
            self._tried.add(name)
            if question.asked.kind == "in_doubt":
                self._allow(runner, question)
            elif (found := self._decision(runner, question)) is not None:
                self._book(runner, question, found)

    def _allow(self, runner: Replaying, question: OpenQuestion) -> None:
        asked_now = question.asked
        if self.effects and asked_now.why.startswith(WITHHELD):
            reason, shown_now = "--effects", asked_now.payload.digest
            runner.commit(Decided(runner.clock(), asked_now.question, "redo", shown_now, by=self.by, reason=reason))

    def _decision(self, runner: Replaying, question: OpenQuestion) -> Answer | None:
        now = question.asked
        spot = Spot(runner.position.run[len(self.run) :], now.scope, now.touchpoint, 0)
        found = self.recorded.answers.get(shown(now), [])
        if now.kind == "fill" and not self._same_form(runner, now.hop):
            return None
        return _first(found, spot, lambda one: (one.run, one.fact.question) not in self.answers_used)

    def _same_form(self, runner: Replaying, number: int) -> bool:
        """Whether a person who plays a role is asked what was asked then, and not because all begins anew here."""
        hop = runner.position.hops[number]
        key = asked(self._identity(runner.plan, hop.role), visit_of(runner.plan, runner.position, hop))
        return any(not one.fresh for one in self.recorded.hops.get(key, ()))

    def _book(self, runner: Replaying, question: OpenQuestion, found: Answer) -> None:
        now, fact = question.asked, found.fact
        try:
            answer = decided(
                runner.plan,
                runner.position,
                now.question,
                fact.decision,
                now.payload.digest,
                check=runner.check,
                at=runner.clock(),
                by=fact.by,
                payload=fact.payload,
                reason=fact.reason,
            )
        except ChoreoError:
            return  # the contract, or what may be answered, is another now: a person is asked
        self.answers_used.add((found.run, fact.question))
        runner.commit(answer, first=(Recalled(answer.at, now.question, found.run, fact.question),))


def _first(found: Iterable[Kept], spot: Spot, free: Callable[[Kept], bool]) -> Kept | None:
    """Of those that were not taken yet the one from the same place, else the earliest."""
    left = [one for one in found if free(one)]
    return next((one for one in left if one.spot == spot), left[0] if left else None)


def _same_code(plan: Plan, hop: Hop) -> bool:
    """Whether the python module that played a hop is what it was, as far as that can be told."""
    player = plan.roles[hop.spot.name].role.player
    if hop.gave.code is None or not isinstance(player, PythonService):
        return True
    from choreo.players.python_service import code_of

    return code_of(plan.spec.folder, player.target) in (None, hop.gave.code)
