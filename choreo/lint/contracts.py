"""Contracts that must exist, be named where a name is needed, and fit at both ends of a handoff."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from choreo.contract import BadVersion, Contract, Version, best, parse_range
from choreo.lint.survey import Survey
from choreo.plan import Edge, carried
from choreo.problem import Place, Problem, closest
from choreo.spec import ANY_VERSION, END, ContractRef, HumanPlayer, InlineSchema, ModelPlayer, Role


def missing_contract(survey: Survey) -> Iterator[Problem]:
    """`missing-contract`: a reference to a contract, or to a version of one, that is nowhere.

    Contracts live in `schemas/<name>/<version>.json` or inline under `contracts:`. A range takes the newest
    version it allows: `^1` any 1.x.y, `^1.2` 1.2.0 or newer below 2, `~1.2` any 1.2.x.

    `bad-range`: what stands after the `@` is no version and no range.
    """
    for ref in _refs(survey):
        versions = [contract.version for contract in survey.contracts.get(ref.name, ())]
        try:
            allowed = best(parse_range(ref.range), versions)
        except BadVersion as error:
            yield Problem(ref.place, "bad-range", error.message, error.help)
            continue
        if allowed is not None:
            continue
        if versions:
            message = f"no version of the contract `{ref.name}` is within `{ref.range}`"
            yield Problem(ref.place, "missing-contract", message, f"what exists: {', '.join(versions)}")
        else:
            yield Problem(ref.place, "missing-contract", f"there is no contract `{ref.name}`", _where(survey, ref))


def _refs(survey: Survey) -> Iterator[ContractRef]:
    spec = survey.spec
    written = [spec.trigger.accepts, spec.result.emits if spec.result else None]
    for role in spec.roles.values():
        written += [role.accepts, role.emits]
        written += [tool.accepts for tool in role.player.tools] if isinstance(role.player, ModelPlayer) else []
    yield from (ref for ref in written if isinstance(ref, ContractRef) and ref.range != ANY_VERSION)


def _where(survey: Survey, ref: ContractRef) -> str:
    known = tuple(survey.contracts)
    near = closest(ref.name, known)
    made = f"write it as schemas/{ref.name}/1.0.0.json, or inline under `contracts:`"
    if near:
        return f"did you mean `{near}`? Otherwise {made}"
    return f"what exists: {', '.join(sorted(known))}; otherwise {made}" if 0 < len(known) <= _FEW else made


_FEW = 12
"""Names up to which a list of them is read."""


def missing_emits(survey: Survey) -> Iterator[Problem]:
    """`missing-emits`: a role that hands over says nothing about what it hands over.

    Every role with an outgoing handoff, and every role played by a model or a person, has `emits`: one exact
    version of a contract, or an inline schema for a shape that stays inside the spec.
    """
    for role in survey.spec.roles.values():
        if role.emits is not None:
            continue
        help = f"give it one exact version, such as `emits: {role.name}@1.0.0`, or an inline schema"
        if isinstance(role.player, ModelPlayer | HumanPlayer):
            player = "a model" if isinstance(role.player, ModelPlayer) else "a person"
            message = f"`{role.name}` is played by {player} and has no `emits`"
            yield Problem(role.place, "missing-emits", message, help)
        elif survey.outgoing.get(role.name):
            yield Problem(role.place, "missing-emits", f"`{role.name}` hands over and has no `emits`", help)


def missing_accepts(survey: Survey) -> Iterator[Problem]:
    """`missing-accepts`: it cannot be told what a role accepts.

    `accepts` may be left out only where every handoff to a role carries one and the same contract unchanged. With a
    `pass`, a join, or senders of different contracts it must be written. The trigger always has it.
    """
    if survey.spec.trigger.accepts is None:
        help = "say what starts a run: `trigger: {accepts: NAME@^1}`"
        yield Problem(survey.spec.trigger.place, "missing-accepts", "the trigger has no `accepts`", help)
    for role in survey.spec.roles.values():
        if role.accepts is None:
            why = _not_agreed(survey, role.name)
            if why is not None:
                help = "write `accepts` with the contract of its input, such as `accepts: NAME@^1`"
                yield Problem(role.place, "missing-accepts", f"`{role.name}` has no `accepts`, and {why}", help)


def missing_result(survey: Survey) -> Iterator[Problem]:
    """`missing-result`: it cannot be told what a run gives.

    `result: {emits: NAME@1.0.0, pass: {...}}` may be left out only where every handoff to `end` carries one and the
    same contract unchanged. A `result` with a `pass` needs `emits`, so that what it builds can be checked.
    """
    result = survey.spec.result
    help = "write `result: {emits: NAME@1.0.0, pass: {...}}`"
    if result is not None and result.emits is None and result.passes is not None:
        yield Problem(result.place, "missing-result", "the result is built by `pass` and has no `emits`", help)
    elif result is None or result.emits is None:
        why = _not_agreed(survey, END)
        if why is not None:
            place = result.place if result is not None else survey.incoming[END][-1].handoff.place
            yield Problem(place, "missing-result", f"there is no `result` with `emits`, and {why}", help)


def _not_agreed(survey: Survey, target: str) -> str | None:
    """Why the contract of what `target` gets cannot be told; None where it can, or where another rule says it."""
    edges = survey.first_time(target)
    if not edges or survey.agreed(target) is not None:
        return None
    built = next((edge for edge in edges if _is_built(edge)), None)
    if built is not None:
        return _how(built)
    kinds = list(dict.fromkeys(kind.ref for kind in map(survey.carried, edges) if kind is not None))
    if len(kinds) > 1:
        return f"its handoffs carry different contracts: {', '.join(kinds)}"
    return None


def _is_built(edge: Edge) -> bool:
    """Whether an edge carries something else than its source's output."""
    source = edge.sources[0]
    return carried(edge, {source: _STAND_IN}, _STAND_IN) is None


_STAND_IN = Contract("stand-in", "1.0.0", {}, "", Place(""))


def _how(edge: Edge) -> str:
    if edge.passes is not None:
        return f"what {_sources(edge)} hands over is built by `pass`"
    if edge.join:
        return f"what arrives are the outputs of {_sources(edge)} together"
    return f"what arrives is what {_sources(edge)} tells `on: {edge.handoff.on}`"


def _sources(edge: Edge) -> str:
    return " and ".join(f"`{source}`" for source in edge.sources)


def contract_mismatch(survey: Survey) -> Iterator[Problem]:
    """`contract-mismatch`: a handoff carries its sender's output unchanged, and the receiver accepts another contract.

    Either the receiver's range must allow the sender's version (`accepts: case@^2` does not take case@1.0.0), or the
    handoff builds what the receiver wants with `pass`.
    """
    for edge in survey.edges:
        sent = survey.carried(edge)
        if sent is None or edge.handoff.revise:
            continue
        for target, place in zip(edge.handoff.targets, edge.handoff.target_places, strict=False):
            wanted = None if edge.handoff.fails(target) else _wanted(survey, target)
            if (
                wanted is None
                or sent.name.startswith("<")
                or _allows(wanted.name, wanted.range, sent.name, sent.version)
            ):
                continue
            if survey.resolved(wanted, target) is None:
                continue
            message = f"{_sources(edge)} hands over {sent.ref}, and {_called(target)} accepts {wanted}"
            help = f"accept {_range_of(sent)}, emit what is accepted, or build it with `pass`"
            yield Problem(place, "contract-mismatch", message, help, also=_ends(survey, edge, target, wanted))


def _wanted(survey: Survey, target: str) -> ContractRef | None:
    if target == END:
        result = survey.spec.result
        wanted = result.emits if result is not None and result.passes is None else None
    else:
        role = survey.spec.roles.get(target)
        wanted = role.accepts if role is not None else None
    return wanted if isinstance(wanted, ContractRef) else None


@lru_cache(maxsize=1024)
def _allows(wanted: str, range: str, sent: str, version: str) -> bool:
    try:
        return wanted == sent and parse_range(range).allows(Version.parse(version))
    except BadVersion:
        return False


def _called(target: str) -> str:
    return "the result" if target == END else f"`{target}`"


def _range_of(contract: Contract) -> str:
    return f"`{contract.name}@^{contract.version.split('.', maxsplit=1)[0]}`"


def _ends(survey: Survey, edge: Edge, target: str, wanted: ContractRef) -> tuple[tuple[Place, str], ...]:
    source = edge.sources[0]
    role = survey.spec.roles.get(source)
    written = survey.spec.trigger.accepts if role is None else role.emits
    found = [] if written is None else [(written.place, f"what `{source}` hands over")]
    return (*found, (wanted.place, f"what {_called(target)} accepts"))


def unnamed_contract(survey: Survey) -> Iterator[Problem]:
    """`unnamed-contract`: what crosses the border of a spec, has effects, or is put before a person has a name and a
    version: the trigger, the result, what an actor accepts, what waits at a touchpoint. An inline schema has neither:
    move it under `contracts:`.
    """
    help = "move the schema under `contracts:` with a name and a version, and name it here"
    result = survey.spec.result
    for what, written in (("trigger", survey.spec.trigger.accepts), ("result", result.emits if result else None)):
        if isinstance(written, InlineSchema):
            yield Problem(written.place, "unnamed-contract", f"the {what} has an inline schema", help)
    for role in survey.spec.roles.values():
        if role.kind == "actor" and role.accepts is None and _is_unnamed(survey.accepts[role.name]):
            message = f"the actor `{role.name}` accepts an inline schema"
            yield Problem(role.place, "unnamed-contract", message, help, also=_senders(survey, role))
    for edge in survey.edges:
        for target in edge.handoff.targets if edge.handoff.touchpoint else ():
            if edge.handoff.fails(target):
                continue
            contract = survey.result if target == END else survey.accepts.get(target)
            if _is_unnamed(contract):
                place = edge.handoff.touchpoint_place or edge.handoff.place
                message = f"what waits at `{edge.handoff.touchpoint}` for {_called(target)} has an inline schema"
                yield Problem(place, "unnamed-contract", message, help)


def _is_unnamed(contract: Contract | None) -> bool:
    return contract is not None and contract.name.startswith("<")


def _senders(survey: Survey, role: Role) -> tuple[tuple[Place, str], ...]:
    found: list[tuple[Place, str]] = []
    for edge in survey.first_time(role.name):
        for source in edge.sources:
            emits = survey.spec.roles[source].emits if source in survey.spec.roles else None
            if isinstance(emits, InlineSchema):
                found.append((emits.place, f"what `{source}` emits"))
    return tuple(found)
