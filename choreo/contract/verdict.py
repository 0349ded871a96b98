"""The verdict on a payload: valid, or what broke the contract, in words."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from choreo.canonical import Payload
from choreo.contract.bounds import pairs
from choreo.contract.explain import explain
from choreo.contract.noun import Contract
from choreo.trace import Verdict

MAX_VIOLATIONS = 20
BACKTRACK_LIMIT = 20_000
"""Steps of a pattern that looks around, per text; beyond them the text counts as a violation."""
_ALL_REASONS = 200_000
"""Above so many judgements only the first violation is told: to list them all could take minutes."""

_validators: dict[str, Any] = {}


def check(contract: Contract, payload: Payload) -> Verdict:
    """The verdict, with at most 20 violations. Never raises: a contract that cannot be used is a violation.

    `format` is not asserted; 1.0 is an integer, as JSON Schema has it. There is no deadline in here.
    """
    try:
        validator = _validators.get(contract.digest) or _compiled(contract)
        if validator.is_valid(payload.value):
            return Verdict(contract.ref, contract.digest)
        violations = _violations(validator, payload, pairs(contract, payload))
    except (ValueError, RecursionError) as error:
        reason = f"the contract itself cannot be used: {str(error).strip().splitlines()[0][:200]}"
        violations = (("", reason),)
    return Verdict(contract.ref, contract.digest, violations)


def _violations(validator: Any, payload: Payload, judgements: int) -> tuple[tuple[str, str], ...]:
    if judgements <= _ALL_REASONS:
        return tuple(explain(error) for error in islice(validator.iter_errors(payload.value), MAX_VIOLATIONS))
    import jsonschema_rs

    try:
        validator.validate(payload.value)
    except jsonschema_rs.ValidationError as error:
        return (explain(error),)
    return (("", "the value does not meet the contract"),)


def _compiled(contract: Contract) -> Any:
    if len(_validators) > 1_000:
        _validators.clear()
    validator = _validators[contract.digest] = compile_schema(contract.schema)
    return validator


def compile_schema(schema: Mapping[str, Any]) -> Any:
    """A validator that knows no other text than this schema. Raises ValueError.

    Linear-time patterns, unless one looks around: then a matcher with a limit on its steps.
    """
    import jsonschema_rs

    text = {key: value for key, value in schema.items() if key not in ("$id", "$schema")}
    try:
        return _validator(text, jsonschema_rs.RegexOptions())
    except ValueError:
        return _validator(text, jsonschema_rs.FancyRegexOptions(backtrack_limit=BACKTRACK_LIMIT))


def _validator(schema: dict[str, Any], patterns: Any) -> Any:
    import jsonschema_rs

    try:
        return jsonschema_rs.Draft202012Validator(
            schema,
            offline=True,
            registry=jsonschema_rs.Registry([]),
            pattern_options=patterns,
            validate_formats=False,
        )
    except jsonschema_rs.ReferencingError as error:
        raise ValueError(error.message) from None
