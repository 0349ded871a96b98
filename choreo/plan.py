"""A Plan: a checked spec with everything it refers to resolved. A run keeps its plan.

`make_plan` expects a spec without errors (see `choreo.lint`): it resolves names and compiles
expressions, and raises SpecErrors where something is left that cannot be resolved.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from choreo.canonical import digest_of, encode
from choreo.contract import Contract, Version, best, optional_fields, parse_range
from choreo.errors import SpecErrors
from choreo.expression import CompiledForm, Expression, compile_expression, compile_form
from choreo.problem import Problem
from choreo.spec import (
    END,
    TRIGGER,
    ContractRef,
    Expr,
    Form,
    Handoff,
    HumanPlayer,
    InlineSchema,
    ModelPlayer,
    Role,
    SetPlayer,
    Spec,
    Touchpoint,
)

Contracts = Mapping[str, tuple[Contract, ...]]


class Edge(Struct, frozen=True):
    """One handoff as it is played from one source (or one join). `from: {any: [a, b]}` gives two edges.

    `counter` is shared by the edges of one handoff: `at_most` counts over all of them.
    """

    number: int
    counter: int
    handoff: Handoff
    sources: tuple[str, ...]
    when: Expression | None
    passes: CompiledForm | None
    pick: Expression | None
    after: Expression | None = None
    each: Expression | None = None
    recalls: frozenset[str] = frozenset()
    """With `each`: those of `out` and `failures` that the payload of a lane is built from."""

    @property
    def join(self) -> bool:
        return self.handoff.sources_as == "join"


class Group(Struct, frozen=True):
    """The handoffs that compete for one event: one source (or join) and one `on`, in file order.

    For a join, `feeders` are the roles and touchpoints from which one of the sources can still be
    reached without passing through what the join feeds (SEMANTICS rule 7).
    """

    number: int
    sources: tuple[str, ...]
    join: bool
    on: str
    edges: tuple[Edge, ...]
    feeders: frozenset[str] = frozenset()
    always: bool = False
    """Whether all of them fire, whatever the event carries."""

    @property
    def targets(self) -> frozenset[str]:
        return frozenset(target for edge in self.edges for target in edge.handoff.targets)


class RolePlan(Struct, frozen=True):
    """A role with its contracts resolved and its expressions compiled."""

    role: Role
    accepts: Contract | None
    accepts_range: ContractRef | None
    emits: Contract | None
    confidence: Expression | None
    form: CompiledForm | None
    order: int
    key: Expression | None = None
    tools: Mapping[str, Contract | None] = {}
    """The contract of the arguments of each tool its model may call; None is any object."""


class Plan(Struct, frozen=True):
    spec: Spec
    roles: Mapping[str, RolePlan]
    edges: tuple[Edge, ...]
    groups: Mapping[tuple[str, str], Group]
    """(source, on) to the group of its handoffs, joins apart."""
    joins: tuple[Group, ...]
    joins_of: Mapping[str, tuple[Group, ...]]
    gathers: Mapping[int, tuple[Group, ...]]
    """By the number of an edge with `each`: the gathering handoffs at which its lanes end."""
    gathered: frozenset[str]
    """The roles whose outputs are gathered."""
    trigger: Contract | None
    result: Contract | None
    result_form: CompiledForm | None
    touchpoints: Mapping[str, tuple[Touchpoint, Expression | None]]
    contracts: Contracts
    unchanged: tuple[Contract | None, ...]
    """By edge: the contract of what it carries unchanged, None where the payload is built on the way."""
    absent: Mapping[str, tuple[str, ...]]
    """Fields that read as null where they were not given: the optional ones of the trigger."""
    once_per: Expression | None = None
    threads: Mapping[str, str] = {}
    """Role to the thread (shared conversation) it takes part in."""

    def receives(self, target: str, unchanged_from: Contract | None) -> Contract | None:
        """The contract a payload for `target` is checked against.

        A payload that reaches its receiver unchanged is checked under the version it was written in,
        where the receiver's range allows it; any other under the newest version of that range.
        """
        if target == END:
            return self.result
        role = self.roles[target]
        sender, wanted = unchanged_from, role.accepts_range
        if (
            sender is not None
            and wanted is not None
            and sender.name == wanted.name
            and parse_range(wanted.range).allows(Version.parse(sender.version))
        ):
            return sender
        return role.accepts


class SubSpec(Struct, frozen=True):
    """A spec that plays a role in another one: its plan, the texts it was made from, and the models that were chosen
    in place of those it names."""

    plan: Plan
    sources: Mapping[str, str]
    models: Mapping[str, str] = {}


def plan_digest(sources: Mapping[str, str]) -> str:
    """The identity of a plan: the digest of every text it was made from."""
    return digest_of(encode(dict(sources)))


# -- making a plan -------------------------------------------------------------------------------


def make_plan(spec: Spec, contracts: Contracts) -> Plan:
    """Resolve and compile. Raises SpecErrors where a contract that is needed cannot be found."""
    edges = tuple(_edges(spec))
    emits = {name: resolve(role.emits, contracts, name) for name, role in spec.roles.items()}
    trigger = resolve(spec.trigger.accepts, contracts, TRIGGER)
    accepts = _accepted(spec, contracts, edges, emits, trigger)
    roles = {
        name: RolePlan(
            role=role,
            accepts=accepts.get(name),
            accepts_range=role.accepts if isinstance(role.accepts, ContractRef) else None,
            emits=emits[name],
            confidence=_confidence(role),
            form=compile_form(role.player.form) if isinstance(role.player, SetPlayer) else None,
            order=order,
            key=compile_expression(role.key.text) if role.key else None,
            tools=_tools(role, contracts),
        )
        for order, (name, role) in enumerate(spec.roles.items())
    }
    groups, joins = _groups(spec, edges)
    result = spec.result
    return Plan(
        spec=spec,
        roles=roles,
        edges=edges,
        groups=groups,
        joins=joins,
        joins_of={name: tuple(join for join in joins if name in join.sources) for name in spec.roles} if joins else {},
        gathers=gathers_of(edges),
        gathered=frozenset(source for edge in edges if edge.handoff.gather for source in edge.sources),
        trigger=trigger,
        result=resolve(result.emits, contracts, END) if result and result.emits else accepts.get(END),
        result_form=_compiled(result.passes) if result else None,
        touchpoints={
            name: (point, compile_expression(point.when.text) if point.when else None)
            for name, point in spec.touchpoints.items()
        },
        contracts=contracts,
        unchanged=tuple(carried(edge, emits, trigger) for edge in edges),
        absent={TRIGGER: optional_fields(trigger)} if trigger is not None else {},
        once_per=compile_expression(spec.trigger.once_per.text) if spec.trigger.once_per else None,
        threads={name: thread for name, role in spec.roles.items() if (thread := _thread(role)) is not None},
    )


def resolve(ref: ContractRef | InlineSchema | None, contracts: Contracts, owner: str) -> Contract | None:
    """The contract that a reference stands for: the newest version its range allows."""
    if ref is None:
        return None
    if isinstance(ref, InlineSchema):
        digest = digest_of(encode(dict(ref.schema)))
        return Contract(f"<{owner}>", digest[7:19], ref.schema, digest, ref.place, ref.where, ref.is_broken)
    known = {contract.version: contract for contract in contracts.get(ref.name, ())}
    version = best(parse_range(ref.range), tuple(known))
    if version is None:
        problem = Problem(ref.place, "missing-contract", f"there is no contract that `{ref}` allows")
        raise SpecErrors((problem,))
    return known[version]


def _edges(spec: Spec) -> Iterable[Edge]:
    number = 0
    for handoff in spec.handoffs:
        apart = handoff.sources_as == "any" and not handoff.gather
        for sources in [(source,) for source in handoff.sources] if apart else [handoff.sources]:
            passes = _compiled(handoff.passes)
            pick = compile_expression(handoff.pick.text) if handoff.pick else None
            after = compile_expression(handoff.after.text) if isinstance(handoff.after, Expr) else None
            yield Edge(
                number=number,
                counter=handoff.index,
                handoff=handoff,
                sources=tuple(sorted(sources)),
                when=compile_expression(handoff.when.text) if handoff.when else None,
                passes=passes,
                pick=pick,
                after=after,
                each=compile_expression(handoff.each.text) if handoff.each else None,
                recalls=_recalls(passes, pick, after) if handoff.each else frozenset(),
            )
            number += 1


def _recalls(*parts: CompiledForm | Expression | None) -> frozenset[str]:
    names = frozenset(name for part in parts if part is not None for name in part.names)
    return names & {"out", "failures"}


def _compiled(form: Form | None) -> CompiledForm | None:
    return compile_form(form) if form is not None else None


def _thread(role: Role) -> str | None:
    return role.player.thread if isinstance(role.player, ModelPlayer | HumanPlayer) else None


def _tools(role: Role, contracts: Contracts) -> dict[str, Contract | None]:
    tools = role.player.tools if isinstance(role.player, ModelPlayer) else ()
    return {tool.name: resolve(tool.accepts, contracts, f"{role.name}.{tool.name}") for tool in tools}


def _confidence(role: Role) -> Expression | None:
    measure = role.confidence
    if measure is None or measure.expression is None:
        return None
    return compile_expression(measure.expression.text)


def carried(edge: Edge, emits: Mapping[str, Contract | None], trigger: Contract | None) -> Contract | None:
    """The contract of what this edge carries unchanged, or None where the payload is built on the way."""
    handoff = edge.handoff
    if edge.passes is not None or edge.join or handoff.revise or handoff.on not in _UNCHANGED:
        return None
    if handoff.each is not None or handoff.gather:
        return None
    source = edge.sources[0]
    if source == TRIGGER:
        return trigger
    return emits.get(source)


_UNCHANGED = ("done", "exhausted", "over_budget")


def _accepted(
    spec: Spec,
    contracts: Contracts,
    edges: tuple[Edge, ...],
    emits: Mapping[str, Contract | None],
    trigger: Contract | None,
) -> dict[str, Contract | None]:
    """What each role accepts: as declared, else the one contract that every incoming handoff carries."""
    found = {name: resolve(role.accepts, contracts, name) for name, role in spec.roles.items()}
    for name in [*(name for name, role in spec.roles.items() if role.accepts is None), END]:
        leading = (edge for edge in edges if name in edge.handoff.targets)
        incoming = [edge for edge in leading if not edge.handoff.revise and not edge.handoff.fails(name)]
        kinds = {kind.ref if kind else "": kind for kind in (carried(edge, emits, trigger) for edge in incoming)}
        found[name] = next(iter(kinds.values())) if len(kinds) == 1 else None
    return found


def _groups(spec: Spec, edges: tuple[Edge, ...]) -> tuple[dict[tuple[str, str], Group], tuple[Group, ...]]:
    by_key: dict[tuple[tuple[str, ...], bool, str], list[Edge]] = {}
    for edge in edges:
        if not edge.handoff.gather:
            by_key.setdefault((edge.sources, edge.join, edge.handoff.on), []).append(edge)
    single: dict[tuple[str, str], Group] = {}
    joins: list[Group] = []
    for number, ((sources, join, on), members) in enumerate(by_key.items()):
        always = all(edge.when is None and not edge.handoff.otherwise for edge in members)
        group = Group(number, sources, join, on, tuple(members), always=always)
        if join:
            joins.append(replace(group, feeders=_feeders(spec, edges, group)))
        else:
            single[sources[0], on] = group
    return single, tuple(joins)


def arrows(edges: Iterable[Edge]) -> set[tuple[str, str]]:
    """The graph of a spec: (from, to) pairs over roles, touchpoints, `trigger` and `end`.

    A handoff with a touchpoint leads through it: source to touchpoint, touchpoint to target.
    """
    pairs: set[tuple[str, str]] = set()
    for edge in edges:
        gate = edge.handoff.touchpoint
        starts: tuple[str, ...] = edge.sources
        if gate is not None:
            pairs.update((source, gate) for source in starts)
            starts = (gate,)
        pairs.update((source, target) for source in starts for target in edge.handoff.targets)
    return pairs


def _feeders(spec: Spec, edges: tuple[Edge, ...], join: Group) -> frozenset[str]:
    before: dict[str, set[str]] = {}
    for source, target in arrows(edges):
        before.setdefault(target, set()).add(source)
    reached: set[str] = set()
    ahead = [source for source in join.sources if source not in join.targets]
    while ahead:
        name = ahead.pop()
        if name in reached or name in join.targets:
            continue
        reached.add(name)
        ahead.extend(before.get(name, ()))
    return frozenset(reached)


def gathers_of(edges: tuple[Edge, ...]) -> dict[int, tuple[Group, ...]]:
    """For each edge with `each`, by its number: the gathering handoffs that its lanes can come to, in file order.

    Those from the same sources compete for one event, as the handoffs of a join do.
    """
    openers = [edge for edge in edges if edge.handoff.each is not None]
    leaving: dict[str, list[Edge]] = {}
    for edge in edges if openers else ():
        for source in edge.sources:
            leaving.setdefault(source, []).append(edge)
    found: dict[int, tuple[Group, ...]] = {}
    for opener in openers:
        groups: dict[tuple[tuple[str, ...], str], list[Edge]] = {}
        for _, edge in sorted(ends_of_lanes(opener, leaving).items()):
            groups.setdefault((edge.sources, edge.handoff.sources_as), []).append(edge)
        found[opener.number] = tuple(
            Group(-1, sources, join=False, on="done", edges=tuple(members)) for (sources, _), members in groups.items()
        )
    return found


def ends_of_lanes(opener: Edge, leaving: Mapping[str, Sequence[Edge]]) -> dict[int, Edge]:
    """The gathering edges that are come to from inside the lanes, by number; those of lanes inside them apart."""
    found: dict[int, Edge] = {}
    seen: set[tuple[str, int]] = set()
    ahead = [(name, 1) for name in _led_to(opener)]
    while ahead:
        name, depth = ahead.pop()
        if (name, depth) in seen or depth > len(leaving):
            continue
        seen.add((name, depth))
        for edge in leaving.get(name, ()):
            if edge.handoff.gather and depth == 1:
                found[edge.number] = edge
                continue
            below = depth + (edge.handoff.each is not None) - edge.handoff.gather
            ahead += [(target, below) for target in _led_to(edge)]
    return found


def _led_to(edge: Edge) -> tuple[str, ...]:
    gate = edge.handoff.touchpoint
    return edge.handoff.targets if gate is None else (*edge.handoff.targets, gate)
