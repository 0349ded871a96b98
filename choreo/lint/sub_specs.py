"""Roles played by another spec: what crosses the border fits on both sides, and no spec plays itself without end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from choreo.contract import BadVersion, Contract, Version, parse_range
from choreo.lint.survey import Survey
from choreo.problem import Place, Problem
from choreo.spec import ContractRef, InlineSchema, Role, SpecPlayer

_FED_BACK = ("previous", "feedback")


def sub_spec_mismatch(survey: Survey) -> Iterator[Problem]:
    """`sub-spec-mismatch`: a role and the spec that plays it do not agree on what goes in or what comes out.

    The trigger of the other spec takes every version that the role's `accepts` lets in; its `result` is the very
    version that the role's `emits` names. Both specs mean the same text by it: a name and a version stand for one
    contract. Inline schemas have neither, so they cannot cross the border.
    """
    for role, sub in _played_by_specs(survey):
        for key, written in (("accepts", role.accepts), ("emits", role.emits)):
            if isinstance(written, InlineSchema):
                message = f"`{role.name}` has an inline schema under `{key}`, and another spec plays it"
                help = "move the schema under `contracts:` with a name and a version, and name it here and there"
                yield Problem(written.place, "sub-spec-mismatch", message, help)
        yield from _goes_in(survey, role, sub)
        yield from _comes_out(survey, role, sub)


def _goes_in(survey: Survey, role: Role, sub: Survey) -> Iterator[Problem]:
    wanted = sub.spec.trigger.accepts
    if not isinstance(wanted, ContractRef) or isinstance(role.accepts, InlineSchema):
        return
    place = role.place if role.accepts is None else role.accepts.place
    also = (wanted.place, f"what the trigger of `{sub.spec.name}` accepts")
    for contract in _let_in(survey, role):
        if not _allows(wanted, contract):
            message = f"`{role.name}` lets in {contract.ref}, and the trigger of `{sub.spec.name}` accepts {wanted}"
            help = "accept the same here and there, or build what the other spec wants with `pass`"
            yield Problem(place, "sub-spec-mismatch", message, help, also=(also,))
            return
        yield from _other_text(contract, sub, place)


def _let_in(survey: Survey, role: Role) -> tuple[Contract, ...]:
    """Every version that can reach the role."""
    if isinstance(role.accepts, ContractRef):
        known = survey.contracts.get(role.accepts.name, ())
        return tuple(contract for contract in known if _allows(role.accepts, contract))
    agreed = survey.accepts.get(role.name)
    return () if agreed is None else (agreed,)


def _allows(ref: ContractRef, contract: Contract) -> bool:
    try:
        return ref.name == contract.name and parse_range(ref.range).allows(Version.parse(contract.version))
    except BadVersion:
        return True  # told by another rule


def _comes_out(survey: Survey, role: Role, sub: Survey) -> Iterator[Problem]:
    given, wanted = sub.result, survey.emits.get(role.name)
    if given is None or wanted is None or not isinstance(role.emits, ContractRef):
        return
    if given.ref != wanted.ref:
        declared = sub.spec.result.emits if sub.spec.result is not None else None
        also = (given.place if declared is None else declared.place, f"what `{sub.spec.name}` gives")
        message = f"`{role.name}` emits {wanted.ref}, and the result of `{sub.spec.name}` is {given.ref}"
        help = f"write `emits: {given.ref}`, or change the result of the other spec"
        yield Problem(role.emits.place, "sub-spec-mismatch", message, help, also=(also,))
    else:
        yield from _other_text(wanted, sub, role.emits.place)


def _other_text(contract: Contract, sub: Survey, place: Place) -> Iterator[Problem]:
    twin = next((one for one in sub.contracts.get(contract.name, ()) if one.version == contract.version), None)
    if twin is not None and twin.digest != contract.digest:
        message = f"{contract.ref} is one text here and another for `{sub.spec.name}`"
        help = "keep it once, in a `schemas` folder above both specs, or give one of them another version"
        also = ((contract.place, "the one here"), (twin.place, "the other one"))
        yield Problem(place, "sub-spec-mismatch", message, help, also=also)


def feedback_undeclared(survey: Survey) -> Iterator[Problem]:
    """`feedback-undeclared`: a spec takes feedback, and the contract of its trigger has no place for it.

    A sub-spec that is sent back to gets its earlier input with two more fields, `previous` (what it gave) and
    `feedback`. Its trigger contract declares both, and requires neither: the first time they are not there.
    """
    for role, sub in _played_by_specs(survey):
        contract = sub.trigger
        if not isinstance(role.player, SpecPlayer) or not role.player.takes_feedback or contract is None:
            continue
        known, required = contract.schema.get("properties"), contract.schema.get("required")
        declared = known if isinstance(known, Mapping) else {}
        wrong = [name for name in _FED_BACK if name not in declared or name in (required or ())]
        if wrong:
            fields = " and ".join(f"`{name}`" for name in wrong)
            message = f"`{role.name}` takes feedback, and {contract.ref} does not declare {fields} as optional"
            help = "declare `previous` and `feedback` in the trigger's contract, and require neither"
            also = ((contract.place, "the contract of the trigger"),)
            yield Problem(role.player.place, "feedback-undeclared", message, help, also=also)


def not_for_sub_specs(survey: Survey) -> Iterator[Problem]:
    """`not-for-sub-specs`: `retry` or `effect` at a role that is played by another spec.

    The roles of the other spec are retried and have effects, each as it says itself: a run is never played twice.
    """
    for role, _ in _played_by_specs(survey):
        words = [word for word, there in (("retry", role.retry), ("effect", role.effect != "none")) if there]
        for word in words:
            message = f"`{role.name}` is played by another spec, so `{word}` means nothing here"
            help = f"remove it, and write `{word}` at the roles of the other spec that need it"
            yield Problem(role.place, "not-for-sub-specs", message, help)


def once_per_below(survey: Survey) -> Iterator[Problem]:
    """`once-per-below` (warning): a role is played by a spec whose trigger has `once_per`, which says nothing there.

    `once_per` keeps a second run from being started. A child run is begun by its role, as often as that is visited.
    Where an effect in it must not happen twice, its actor has `effect: once` and a `key`.
    """
    for role, sub in _played_by_specs(survey):
        if isinstance(role.player, SpecPlayer) and sub.spec.trigger.once_per is not None:
            message = f"`{role.name}` is played by `{sub.spec.name}`, and its `once_per` holds only for runs of its own"
            help = "give the actor that must not act twice a `key`, or drop `once_per` there"
            yield Problem(role.player.place, "once-per-below", message, help, severity="warning")


def undeclared_recursion(survey: Survey) -> Iterator[Problem]:
    """`undeclared-recursion`: a spec plays itself, directly or through others, and nothing bounds it.

    Recursion is allowed where it is declared: `limits: {depth: 3}`, in one spec of the circle, is how many child runs
    may be open below a run, one inside the other. A role that would go deeper fails with `too-deep`.
    """
    for role, sub in _played_by_specs(survey):
        way = _way_back(survey, sub)
        if way is None or survey.spec.path != min(way) or not isinstance(role.player, SpecPlayer):
            continue
        told = " -> ".join((survey.spec.path, *way))
        message = f"`{role.name}` leads back to this spec ({told}), and nothing bounds how deep"
        yield Problem(role.player.place, "undeclared-recursion", message, "declare it: `limits: {depth: 3}`")


def _way_back(survey: Survey, sub: Survey) -> list[str] | None:
    """The specs from `sub` back to this one, none of which declares a depth."""
    ahead = [[sub]]
    seen: set[str] = set()
    while ahead:
        way = ahead.pop(0)
        last = way[-1].spec
        if last.limits.depth is not None or last.path in seen:
            continue
        if last.path == survey.spec.path:
            return [one.spec.path for one in way]
        seen.add(last.path)
        ahead += [[*way, further] for _, further in _played_by_specs(way[-1])]
    return None


def _played_by_specs(survey: Survey) -> Iterator[tuple[Role, Survey]]:
    """The roles that are played by specs that could be read."""
    for role in survey.spec.roles.values():
        sub = survey.sub_spec(role)
        if sub is not None:
            yield role, sub
