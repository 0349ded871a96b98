"""The five steps as a conversation: map, roles, contracts, what to observe, touchpoints."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from msgspec.structs import replace

from choreo.starter import answers
from choreo.starter.answers import Unclear
from choreo.starter.draft import (
    KINDS,
    PLAYERS,
    USUAL,
    Breakdown,
    Decision,
    Draft,
    Field,
    GateDraft,
    RoleDraft,
)

T = TypeVar("T")
Trial = Callable[[Draft], str | None]
"""Whether a draft would be a sound project: None, or the first thing that is wrong with it."""

NONE = "-"
MODEL = "local/qwen2.5-coder-1.5b"
_MOST = 9


class Interview:
    """`read(prompt)` gives one typed line, `tell(text, style)` shows one; `trial` is the real validator."""

    def __init__(self, read: Callable[[str], str], tell: Callable[[str, str], None], trial: Trial) -> None:
        self._read = read
        self._tell = tell
        self._trial = trial

    def draft(self, name: str) -> Draft:
        """Ask everything. `name` is offered as the project's name."""
        self._tell("Five steps. Enter takes what stands in [brackets].", "quiet")
        self._tell("Nothing is written before the last answer; Ctrl-C ends it.", "quiet")
        draft = self._map(name)
        draft = self._roles(draft)
        draft = self._contracts(draft)
        draft = self._observe(draft)
        return self._close_map(self._touchpoints(draft))

    # -- one question ----------------------------------------------------------------------------

    def _ask(self, question: str, offered: str, read: Callable[[str], T], hint: str = "") -> T:
        """The value of the first answer that can be taken."""
        self._tell(question, "bold")
        if hint:
            self._tell(f"  {hint}", "quiet")
        while True:
            line = self._read(f"  [{offered}] > " if offered else "  > ")
            try:
                return read(line if line.strip() else offered)
            except Unclear as unclear:
                self._tell(f"  Not taken: {unclear}.", "warn")
                offered = unclear.better or offered

    def _step(self, number: int, title: str) -> None:
        self._tell("", "")
        self._tell(f"{number} of 5  {title}", "step")

    def _sound(self, draft: Draft) -> Draft:
        """The draft, if the validator takes it."""
        wrong = self._trial(draft)
        if wrong is not None:
            raise Unclear(wrong)
        return draft

    # -- 1 map -----------------------------------------------------------------------------------

    def _map(self, name: str) -> Draft:
        self._step(1, "Map: the work as it is done today")
        named = self._ask("What is this project called?", name, answers.project_name)
        job = self._ask("What is the job?", "Answer the mail of the help desk", answers.some)
        starts = self._ask("What starts it?", "A customer writes to the help desk", answers.some)
        people = self._ask(
            "Who has a say in it?",
            "lead: Team lead",
            answers.people,
            "a short name, who that is; several with ; between",
        )
        breakdowns = self._several("Where does it go wrong today?", "A reply goes out that nobody has read")
        decided = self._several("What is decided in it?", "Whether a reply leaves the house")
        decisions = [(what, self._stakes(f"How much is at stake? ({what})")) for what in decided]
        minutes = self._ask(
            "How many minutes does one case take today?", "", answers.amount, "Enter where you do not know"
        )
        return Draft(
            name=named,
            job=job,
            starts=starts,
            input="",
            fields=(),
            people=people,
            roles=(),
            breakdowns=tuple(Breakdown(what) for what in breakdowns),
            decisions=tuple(Decision(what, stakes) for what, stakes in decisions),
            minutes=minutes,
        )

    def _several(self, question: str, offered: str) -> list[str]:
        """One answer after another, until Enter; Enter at once takes what is offered."""
        found: list[str] = []
        while len(found) < _MOST:
            taken = self._ask(question, "" if found else offered, answers.plain)
            if not taken or taken == NONE:
                return found
            found.append(taken)
            if taken == offered:
                return found
            question = "And? (Enter: that is all)"
        return found

    def _stakes(self, question: str) -> str:
        return self._ask(question, "high", answers.one_of("low", "high"), "low or high")

    # -- 2 roles ---------------------------------------------------------------------------------

    def _roles(self, draft: Draft) -> Draft:
        self._step(2, "Roles: what is needed, and who plays it")
        for kind in KINDS:
            self._tell(f"  {kind:<11} {USUAL[kind].about}", "quiet")
        kinds = self._ask("Which kinds of role does the work need, in order?", "reader, drafter, actor", answers.kinds)
        roles: list[RoleDraft] = []
        for kind in kinds:
            roles.append(self._role(kind, draft, roles))
        model = ""
        if any(role.player == "model" for role in roles):
            model = self._ask(
                "Which model?", MODEL, _model, "embedded as offered, or a hosted one such as openai/gpt-5-mini"
            )
        return replace(draft, roles=tuple(roles), model=model)

    def _role(self, kind: str, draft: Draft, before: list[RoleDraft]) -> RoleDraft:
        usual = USUAL[kind]
        taken = [role.name for role in before]
        name = self._ask(
            f"What is the {kind} called?",
            answers.unused(usual.name, taken),
            lambda text: answers.role_name(text, taken),
        )
        does = self._ask(f"What does `{name}` do?", usual.does, answers.some)
        player = self._ask(
            f"Who plays `{name}`?",
            usual.player,
            answers.one_of(*PLAYERS),
            "set (expressions), service (a Python function), model, or human",
        )
        who = self._person("Who is that?", draft) if player == "human" else None
        used = [role.contract for role in before]
        return RoleDraft(name, kind, does, player, answers.unused(usual.contract, used), (), who)

    def _person(self, question: str, draft: Draft) -> str:
        names = [name for name, _ in draft.people]
        if len(names) == 1:
            return names[0]
        return self._ask(question, names[0], answers.one_of(*names), ", ".join(names))

    # -- 3 contracts -----------------------------------------------------------------------------

    def _contracts(self, draft: Draft) -> Draft:
        self._step(3, "Contracts: the fields of each handoff")
        self._tell(
            "  A text is just its name; else: amount number, count whole, urgent yes/no, tags list, action pay|decline",
            "quiet",
        )
        used = [role.contract for role in draft.roles]
        called = self._ask("What is the thing called that comes in?", "email", lambda text: _free_name(text, used))
        fields = self._ask(f"What is in `{called}`?", "sender, subject, body", answers.fields)
        roles, known = [], fields
        for role in draft.roles:
            own = [field for field in USUAL[role.kind].adds if field.name not in {one.name for one in known}]
            # A receipt says what was done; everybody else hands on what they got, and adds to it.
            offered = ", ".join(map(str, own if own and role.kind == "actor" else [*known, *own]))
            known = self._ask(f"What does `{role.name}` hand over?", offered, answers.fields)
            roles.append(replace(role, fields=known))
        return replace(draft, input=called, fields=fields, roles=tuple(roles))

    # -- 4 what to observe -----------------------------------------------------------------------

    def _observe(self, draft: Draft) -> Draft:
        self._step(4, "Observe: confidence, labels, limits")
        roles = tuple(self._measured(role) for role in draft.roles)
        label = self._ask(
            "Which label do the first runs get?", "stage=trial", _label, f"KEY=VALUE, to find them by; {NONE} for none"
        )
        hops = self._ask("How many hops may one run take at most?", str(max(10, 2 * len(roles))), answers.whole)
        time = self._ask("How long may it play? (waiting for a person does not count)", "10m", answers.duration)
        return replace(draft, roles=roles, label=label, hops=hops, time=time)

    def _measured(self, role: RoleDraft) -> RoleDraft:
        listed = [field.name for field in role.fields if field.choices]
        if role.player != "model" or not listed:
            return role
        chosen = self._ask(
            f"Of which field is it measured how sure `{role.name}` is?",
            listed[0],
            answers.one_of(*listed, NONE),
            f"{', '.join(listed)}, or {NONE} for none",
        )
        return role if chosen == NONE else replace(role, sure_of=chosen)

    # -- 5 touchpoints ---------------------------------------------------------------------------

    def _touchpoints(self, draft: Draft) -> Draft:
        self._step(5, "Touchpoints: where a person approves")
        names = [role.name for role in draft.roles]
        offered = ", ".join(role.name for role in draft.roles if role.kind == "actor") or NONE
        chosen = self._ask(
            "Before which roles does a person say yes?",
            offered,
            lambda text: _some_of(text, names),
            f"{', '.join(names)}, or {NONE} for none",
        )
        for role in draft.roles:
            if role.name in chosen:
                draft = self._gate(draft, role)
        return draft

    def _gate(self, draft: Draft, role: RoleDraft) -> Draft:
        names = (*(one.name for one in draft.roles), *(one.name for one in draft.gates))
        name = answers.unused(f"approve_{role.name}"[:40], names)
        who = self._person(f"Who is asked before `{role.name}`?", draft)

        def with_gate(ask: str, when: str | None = None, within: str = "48h", stakes: str = "high") -> Draft:
            gate = GateDraft(name, role.name, who, ask, when, within, stakes)
            return self._sound(replace(draft, gates=(*draft.gates, gate)))

        def asked(text: str) -> str:
            with_gate(answers.some(text))
            return answers.some(text)

        offered = "Go ahead?" if "{{" in role.does else f"{role.does[: answers.LONGEST - 1]}?"
        ask = self._ask(f"What is {who} asked before `{role.name}`?", offered, asked)

        def condition(text: str) -> str | None:
            when = None if answers.some(text) == "always" else answers.some(text)
            with_gate(ask, when)
            return when

        fields = _received_by(draft, role)
        hint = f"always, or an expression over {', '.join(f'payload.{field.name}' for field in fields)}"
        when = self._ask("Always, or only when?", "always", condition, hint)
        within = self._ask("How long does the question stay open? (then it is not approved)", "48h", answers.duration)
        return with_gate(ask, when, within, self._stakes("How much is at stake there?"))

    # -- the map, closed -------------------------------------------------------------------------

    def _close_map(self, draft: Draft) -> Draft:
        """What was mapped in step 1, against what is there now."""
        names = [*(role.name for role in draft.roles), *(gate.name for gate in draft.gates)]
        people = [name for name, _ in draft.people]
        offered = draft.gates[-1].name if draft.gates else draft.roles[-1].name
        if draft.breakdowns or draft.decisions:
            self._tell("", "")
            self._tell("Back to the map", "step")
        open_breakdowns, open_decisions = draft.breakdowns, draft.decisions
        draft = replace(draft, breakdowns=(), decisions=())
        for breakdown in open_breakdowns:
            cover = self._ask(f"What covers: {breakdown.what}?", offered, answers.one_of(*names), ", ".join(names))
            draft = replace(draft, breakdowns=(*draft.breakdowns, Breakdown(breakdown.what, cover)))
        for decision in open_decisions:
            owned = self._owner(draft, decision, [*names, *people])
            draft = self._ask(f"Who decides: {decision.what}?", offered, owned, ", ".join([*names, *people]))
        return draft

    def _owner(self, draft: Draft, decision: Decision, owners: list[str]) -> Callable[[str], Draft]:
        """A reader of who takes a decision: it gives the draft with it, where the validator takes that."""

        def owned(text: str) -> Draft:
            taken = replace(decision, by=answers.one_of(*owners)(text))
            closed = replace(draft, decisions=(*draft.decisions, taken))
            wrong = self._trial(closed)
            if wrong is not None:
                raise Unclear(wrong, draft.people[0][0])  # a person may always decide
            return closed

        return owned


def _received_by(draft: Draft, role: RoleDraft) -> tuple[Field, ...]:
    place = draft.roles.index(role)
    return draft.roles[place - 1].fields if place else draft.fields


def _model(answer: str) -> str:
    text = answers.some(answer)
    provider, slash, name = text.partition("/")
    if not slash or not provider or not name or " " in text:
        raise Unclear("a model is PROVIDER/NAME", MODEL)
    return text


def _free_name(answer: str, used: list[str]) -> str:
    name = answers.plain_name(answer)
    if name in used:
        raise Unclear(f"`{name}` is what one of the roles hands over", answers.unused(name, used))
    return name


def _label(answer: str) -> str:
    text = answers.some(answer)
    if text == NONE:
        return ""
    key, equals, value = text.partition("=")
    if not equals or not key.strip() or not value.strip():
        raise Unclear("a label is KEY=VALUE")
    return text


def _some_of(answer: str, names: list[str]) -> list[str]:
    text = answers.some(answer)
    if text == NONE:
        return []
    found = [part.strip() for part in text.split(",") if part.strip()]
    for name in found:
        if name not in names:
            raise Unclear(f"`{name}` is none of the roles: {', '.join(names)}")
    return found
