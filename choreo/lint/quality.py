"""What contracts leave open where it costs: at the trigger, and in what a model writes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from choreo.contract import Contract, accepts_anything
from choreo.lint.schemas import declared_fields, field_of, is_closed, item_of, of_contract, required_fields
from choreo.lint.survey import Survey
from choreo.lint.types import Alt, Part, Type
from choreo.problem import Place, Problem
from choreo.spec import ModelPlayer, Role

_SHOWN = 6
_UNITS = r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]"
"""What stands for one character in a pattern: an escape, a class."""


def open_trigger(survey: Survey) -> Iterator[Problem]:
    """`open-trigger` (advice): the trigger's contract takes anything: it requires no field and gives none a type.

    A run then starts on whatever comes, is paid for, and fails somewhere inside. Say in the contract what a run
    cannot do without; what does not fit is refused before any role plays.
    """
    contract, accepts = survey.trigger, survey.spec.trigger.accepts
    if contract is not None and not contract.is_broken and accepts is not None and _takes_anything(contract):
        message = f"{contract.ref} takes anything: it requires no field and gives none a type"
        help = "say what a run needs: `required: [subject], properties: {subject: {type: string, maxLength: 300}}`"
        yield Problem(accepts.place, "open-trigger", message, help, "advice", ((contract.place, "the contract"),))


def _takes_anything(contract: Contract) -> bool:
    kind = of_contract(contract)
    if kind.alts is None:
        return accepts_anything(contract.schema)
    return bool(kind.alts) and all(alt.kind == "object" and _is_open(alt) for alt in kind.alts)


def _is_open(alt: Alt) -> bool:
    others = any(isinstance(more := part.schema.get("additionalProperties"), Mapping) and more for part in alt.parts)
    typed = any(kind.known for kind in _fields(alt))
    return not (typed or others or required_fields(alt) or is_closed(alt))


def unbounded_text(survey: Survey) -> Iterator[Problem]:
    """`unbounded-text` (warning): a text in what a model writes has no `maxLength`.

    A model that has lost its thread writes until its room is used up: that is paid for, waited for, and refused in the
    end. Give each text the most that it may sensibly have, with room to spare. A text whose values are listed (`enum`),
    or whose `pattern` has an end (`^[A-Z]{3}$`), needs none.
    """
    told: set[str] = set()
    for role, contract, place in _written_by_models(survey):
        parts = [] if contract.digest in told else list(_endless(of_contract(contract), set()))
        told.add(contract.digest)
        if parts:
            where = _listed([part.pointer for part in parts])
            message = f"the model of `{role.name}` writes texts without `maxLength`: {where} of {_called(contract)}"
            help = 'add `"maxLength": 400` there (characters, with room to spare)'
            also = tuple(_spot(contract, part.pointer) for part in parts[:_SHOWN])
            yield Problem(place, "unbounded-text", message, help, "warning", also)


def not_enforced(survey: Survey) -> Iterator[Problem]:
    """`not-enforced` (advice): the contract of what a local model writes has keywords that it cannot be held to while
    it writes: `uniqueItems`, `not`, `if`, `contains`, `dependentRequired`, `propertyNames`, look-around in a `pattern`.

    Types, fields, `enum`, lengths, bounds and plain patterns hold by construction: the grammar leaves the model no
    other way. The rest is checked afterwards: an answer that breaks it is sent back, at most `repair` times, and then
    the hop fails. Say such a rule in the prompt, too, or check it with a `set:` role.
    """
    told: set[str] = set()
    for role, contract, place in _written_by_models(survey):
        if contract.digest in told or not _plays_locally(survey, role):
            continue
        told.add(contract.digest)
        from choreo.contract.grammar import grammar_of

        lost = grammar_of(contract.schema).not_enforced
        if lost:
            message = f"a local model is not held to {_listed(lost)} of {_called(contract)} while it writes"
            help = f"say it in the prompt of `{role.name}`, too: an answer that breaks it is sent back and costs a call"
            also = tuple(_spot(contract, pointer.partition(" ")[0]) for pointer in lost[:_SHOWN])
            yield Problem(place, "not-enforced", message, help, "advice", also)


def _written_by_models(survey: Survey) -> Iterator[tuple[Role, Contract, Place]]:
    for role in survey.spec.roles.values():
        contract = survey.emits[role.name]
        if contract is None or contract.is_broken or role.emits is None:
            continue
        if isinstance(role.player, ModelPlayer):
            yield role, contract, role.emits.place


def _plays_locally(survey: Survey, role: Role) -> bool:
    """Whether one of the models that may play a role is embedded."""
    name = role.player.model if isinstance(role.player, ModelPlayer) else None
    seen: set[str] = set()
    while name is not None and name not in seen:
        seen.add(name)
        settings = survey.spec.models.get(name)
        if (settings.model if settings else name).startswith("local/"):
            return True
        name = settings.fallback if settings else None
    return False


def _endless(kind: Type, seen: set[str]) -> Iterator[Part]:
    """Where a text may be of any length. `seen` are the places that were looked at, so that what nests itself ends."""
    for alt in kind.alts or ():
        here = "&".join((alt.kind, *(part.pointer for part in alt.parts)))
        if here in seen:
            continue
        seen.add(here)
        if alt.kind == "string" and alt.values is None and not any(_ends(part) for part in alt.parts):
            yield from alt.parts[:1]
        below = [item_of(alt)] if alt.kind == "list" else _fields(alt) if alt.kind == "object" else []
        for one in below:
            yield from _endless(one, seen)


def _fields(alt: Alt) -> list[Type]:
    found = (field_of(alt, name) for name in declared_fields(alt))
    return [field.type for field in found if field is not None]


def _ends(part: Part) -> bool:
    pattern = part.schema.get("pattern")
    return "maxLength" in part.schema or (isinstance(pattern, str) and _is_finite(pattern))


def _is_finite(pattern: str) -> bool:
    """Whether only so many characters match a pattern. What is not plain to see is taken as endless."""
    plain = re.sub(_UNITS, "x", pattern)
    anchored = plain.startswith("^") and plain.endswith("$") and not pattern.endswith(r"\$")
    choice = "|" not in plain or re.fullmatch(r"\^\([^()]*\)\$", plain) is not None
    return anchored and choice and re.search(r"[*+]|\{\d*,\}", plain) is None


def _listed(pointers: list[str] | tuple[str, ...]) -> str:
    more = f" and {len(pointers) - _SHOWN} more" if len(pointers) > _SHOWN else ""
    return ", ".join(dict.fromkeys(pointer or "the whole" for pointer in pointers[:_SHOWN])) + more


def _called(contract: Contract) -> str:
    return f"the inline schema of `{contract.name[1:-1]}`" if contract.name.startswith("<") else contract.ref


def _spot(contract: Contract, pointer: str) -> tuple[Place, str]:
    return contract.at(pointer), f"{_called(contract)} at {pointer}" if pointer else _called(contract)
