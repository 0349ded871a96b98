"""The drafts of JSON Schema: which one a schema is written for, and the validator that has the last word on it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

DRAFTS = (4, 6, 7, 19, 20)
"""4, 6, 7, 2019-09 and 2020-12."""
CONTRACTS = 20
URIS = {
    4: "http://json-schema.org/draft-04/schema#",
    6: "http://json-schema.org/draft-06/schema#",
    7: "http://json-schema.org/draft-07/schema#",
    19: "https://json-schema.org/draft/2019-09/schema",
    20: "https://json-schema.org/draft/2020-12/schema",
}
_UNDECLARED = (20, 7, 19, 4)
_BACKTRACKS = 20_000
_SINCE = {
    **dict.fromkeys(("const", "contains", "propertyNames"), 6),
    **dict.fromkeys(("if", "contentEncoding", "contentMediaType"), 7),
    **dict.fromkeys(("dependentRequired", "dependentSchemas", "unevaluatedItems", "unevaluatedProperties"), 19),
    **dict.fromkeys(("minContains", "maxContains", "$recursiveRef", "$anchor"), 19),
    **dict.fromkeys(("prefixItems", "$dynamicRef", "$dynamicAnchor"), 20),
}
_NAMES = {"draft-04": 4, "draft-06": 6, "draft-07": 7, "draft/2019-09": 19, "draft/2020-12": 20}


class Unusable(ValueError):
    """A schema that no validator takes."""


def declared(schema: Any) -> int | None:
    """The draft that `$schema` names, or None."""
    named = schema.get("$schema") if isinstance(schema, Mapping) else None
    if not isinstance(named, str):
        return None
    found = re.match(r"https?://json-schema\.org/(draft(?:-0[467]|/2019-09|/2020-12))/schema#?$", named)
    return _NAMES[found[1]] if found else None


def since(words: Iterable[str]) -> int:
    """The oldest draft that knows all of these keywords."""
    return max((_SINCE.get(word, 4) for word in words), default=4)


def open_schema(
    schema: Any, words: Iterable[str] = (), draft: int | None = None, *, checked: bool = False
) -> tuple[int, Any]:
    """(draft, map of validators by pointer `#/...`) of a schema. Raises Unusable with the reason.

    The draft is the one that is given or that `$schema` names; else 2020-12, or an older one in which the schema is
    well formed (lists under `items` are draft 7, `exclusiveMinimum: true` is draft 4) and that knows all its `words`.
    """
    named = draft or declared(schema)
    least = since(words)
    reason = ""
    for tried in (named,) if named else [tried for tried in _UNDECLARED if tried >= least]:
        try:
            found = _validators(schema, tried, checked)
            if tried < 19:
                check_definitions(schema, tried)
            return tried, found
        except ValueError as error:
            reason = reason or _reason(error)
    raise Unusable(reason)


def _reason(error: ValueError) -> str:
    """What a validator says about a text, with the place in it where it tells one."""
    place = "".join(f"/{part}" for part in getattr(error, "instance_path", ()))
    return str(error).strip().splitlines()[0][:200] + (f" at #{place}" if place else "")


def _validators(schema: Any, draft: int, checked: bool) -> Any:
    """Formats are asserted where they are `checked`. Nothing is fetched. Patterns take linear time where they can."""
    import jsonschema_rs

    text: Any = {"allOf": [schema]} if isinstance(schema, bool) and draft == 4 else schema
    if isinstance(schema, Mapping):
        text = {**schema, "$schema": URIS[draft]}
    for patterns in (jsonschema_rs.RegexOptions(), jsonschema_rs.FancyRegexOptions(backtrack_limit=_BACKTRACKS)):
        options: Any = {
            "offline": True,
            "registry": jsonschema_rs.Registry([]),
            "validate_formats": checked,
            "pattern_options": patterns,
            "keywords": {"contentEncoding": Encoded, "contentMediaType": Encoded} if checked and draft > 7 else None,
        }
        found: Any = jsonschema_rs.validator_map_for(text, **options)
        if "#" in found.keys():  # noqa: SIM118 - no mapping: parts that cannot be used are just not in it
            if "$ref" in str(text):
                # a part with a reference to nothing may be missing from the map without a word
                jsonschema_rs.validator_for(text, **options)
            return found
    jsonschema_rs.validator_for(text, offline=True, registry=jsonschema_rs.Registry([]), validate_formats=False)
    raise Unusable("the validator cannot use it")


def check_definitions(schema: Any, draft: int) -> None:
    """Raises Unusable where a definition is no schema of the draft, be its place called `definitions` or `$defs`."""
    import jsonschema_rs

    named = _as_definitions(schema)
    if isinstance(named, Mapping):
        try:
            jsonschema_rs.meta.validate({**named, "$schema": URIS[draft]})
        except jsonschema_rs.ValidationError as error:
            raise Unusable(_reason(error)) from error


def _as_definitions(part: Any) -> Any:
    """The schema with each `$defs`, which the drafts before 2019-09 do not look into, as `definitions`."""
    if isinstance(part, list):
        return [_as_definitions(value) for value in part]
    if not isinstance(part, Mapping):
        return part
    found = {name: value if name in ("enum", "const", "default", "examples") else _as_definitions(value)
             for name, value in part.items()}  # fmt: skip
    inside = found.pop("$defs", None)
    if inside is None and "$defs" not in part:
        return found
    both = all(isinstance(value, Mapping) for value in (inside, found.get("definitions", {})))
    return {**found, "definitions": {**found.get("definitions", {}), **inside} if both else inside}


class Encoded:
    """What is said about the content of a text, for the validator, which takes it for a remark after draft 7."""

    def __init__(self, parent: Mapping[str, Any], value: Any, path: object) -> None:
        import jsonschema_rs

        self._told = value
        schema = {word: parent[word] for word in ("contentEncoding", "contentMediaType") if word in parent}
        self._validator = jsonschema_rs.Draft7Validator(schema)

    def validate(self, instance: Any) -> None:
        if not self._validator.is_valid(instance):
            raise ValueError(f"expected a text in {self._told}")


def finds(pattern: str, text: str) -> bool | None:
    """Whether the validator finds a pattern in a text; None where it cannot use the pattern."""
    import jsonschema_rs

    for options in (jsonschema_rs.RegexOptions(), jsonschema_rs.FancyRegexOptions(backtrack_limit=_BACKTRACKS)):
        try:
            return bool(
                jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=options).is_valid(text)
            )
        except ValueError:
            continue
    return None
