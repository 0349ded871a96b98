"""The sanity of a contract's own text: what would make it check nothing, refuse everything, or never end."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from choreo.canonical import MAX_DEPTH
from choreo.contract.bounds import MAX_PAIRS, load_of_schema
from choreo.contract.explain import sentence, shortened
from choreo.contract.keywords import Finding, check_keyword, check_schema, meant_keyword
from choreo.contract.tree import Tree, escaped, grow, in_place_order
from choreo.contract.verdict import BACKTRACK_LIMIT, compile_schema
from choreo.problem import suggestion

MAX_SIZE = 1_000_000
"""Bytes of a contract as canonical JSON."""
DRAFT = "https://json-schema.org/draft/2020-12/schema"

_LOCAL = "choreo reads contracts from this file only: put the schema under `$defs` and write `$ref: '#/$defs/NAME'`"
_DRAFTS = {
    "2019-09": "say `$schema` 2020-12, `prefixItems` for lists of `items`, `$dynamicRef` for `$recursiveRef`",
    "draft-07": "say `$schema` 2020-12, `$defs` for `definitions`, `prefixItems` for lists of `items`, and"
    " `dependentRequired` for `dependencies`",
}
_DRAFTS |= dict.fromkeys(("draft-06", "draft-05", "draft-04", "draft-03"), _DRAFTS["draft-07"])


def inspect_schema(schema: Any) -> list[Finding]:
    """All findings, as (JSON pointer, code, message, help), in the order of the text. Nothing is fetched.

    Codes: `bad-default`, `bad-pattern`, `bad-type`, `contract-too-large`, `contract-too-deep`,
    `impossible-contract`, `missing-ref`, `old-keyword`, `ref-loop`, `remote-id`, `remote-ref`,
    `required-not-declared`, `unknown-keyword`, `wrong-draft`, `wrong-schema-value`.
    """
    if _depth_above(schema, MAX_DEPTH):
        return [("", "contract-too-deep", f"nested deeper than {MAX_DEPTH} levels", "name its parts under `$defs`")]
    size = len(json.dumps(schema, ensure_ascii=False, separators=(",", ":"), default=str).encode("utf-8", "replace"))
    if size > MAX_SIZE:
        message = f"{size:,} bytes of schema, at most {MAX_SIZE:,} are read"
        return [("", "contract-too-large", message, "split it into several contracts")]
    tree = grow(schema)
    findings = [finding for pointer, part in tree.schemas.items() for finding in _inspect(part, pointer, tree)]
    findings += _loops(tree)
    return findings or list(_defaults(tree))


def accepts_anything(schema: Any) -> bool:
    """Whether a schema says nothing at all about a value."""
    if not isinstance(schema, Mapping):
        return schema is True
    quiet = ("$schema", "$id", "$comment", "$defs", "title", "description", "default", "examples")
    return all(key in quiet or key.startswith("x-") for key in schema)


def _depth_above(schema: Any, limit: int) -> bool:
    level = [schema]
    for _ in range(limit + 1):
        level = [
            child
            for part in level
            if isinstance(part, Mapping | list)
            for child in (part.values() if isinstance(part, Mapping) else part)
        ]
        if not level:
            return False
    return True


def _inspect(schema: Any, pointer: str, tree: Tree) -> Iterator[Finding]:
    wrong = check_schema(schema, pointer)
    if wrong is not None:
        yield wrong
    if not isinstance(schema, Mapping):
        if schema is False and pointer == "":
            yield "", "impossible-contract", "`false` accepts nothing", "write what the contract accepts"
        return
    for keyword, value in schema.items():
        finding = check_keyword(keyword, value, pointer)
        if finding is not None:
            yield finding
        elif keyword == "$schema":
            yield from _draft(value, f"{pointer}/$schema")
        elif keyword == "$id":
            yield from _id(value, pointer)
        elif keyword in ("$ref", "$dynamicRef"):
            yield from _ref(value, f"{pointer}/{keyword}", pointer, tree)
        elif keyword == "pattern":
            yield from _pattern(value, f"{pointer}/pattern")
        elif keyword == "patternProperties":
            for pattern in value:
                yield from _pattern(pattern, f"{pointer}/patternProperties/{escaped(pattern)}")
    yield from _impossible(schema, pointer)
    yield from _undeclared(schema, pointer)


def _draft(value: str, place: str) -> Iterator[Finding]:
    if re.sub(r"^http:", "https:", value).rstrip("#") == DRAFT:
        return
    for name, help in _DRAFTS.items():
        if f"json-schema.org/{name}/" in value or f"json-schema.org/draft/{name}/" in value:
            yield place, "wrong-draft", f"written for JSON Schema {name}, contracts are read as 2020-12", help
            return
    message = f"`$schema` is not JSON Schema 2020-12: {shortened(value)}"
    yield place, "wrong-draft", message, f"write `{DRAFT}`, or leave it out"


def _id(value: str, pointer: str) -> Iterator[Finding]:
    if pointer == "" and re.fullmatch(r"(urn:)?[\w.:@-]+", value) and not re.match(r"(?!urn:)\w+:", value):
        return
    message = f"`$id` {shortened(value)} points away from this file"
    yield f"{pointer}/$id", "remote-id", message, "leave it out: a contract is named by its file and version"


def _ref(value: str, place: str, pointer: str, tree: Tree) -> Iterator[Finding]:
    if not value.startswith("#"):
        yield place, "remote-ref", f"{shortened(value)} is not in this file, and nothing is fetched", _LOCAL
        return
    keys = [key for key in tree.schemas[pointer] if key in ("$ref", "$dynamicRef")]
    target = tree.refs[pointer][keys.index(place.rsplit("/", 1)[1])]
    if target is None:
        known = [f"#{other}" for other in tree.schemas if other.startswith("/$defs/") and other.count("/") == 2]
        yield place, "missing-ref", f"there is no schema at {shortened(value)}", suggestion(value, known, "`$defs`")


_PLAIN = re.compile(r"(?:[A-Za-z0-9 ^$.|()\[\]{},_:;@#%&=~!<>'\"/*+-]|(?<!\()\?|\\[dws.+*?()\[\]{}|^$/-])*")
"""Patterns of these signs mean the same everywhere, so that Python can tell whether they are well formed ..."""
_ODD = re.compile(r"\[\^?\]|\[[^\]]*(?:\[|\\[dws]-)|[&~|-]{2}|[*+?}][*+]|\\[{}]")
"""... except in these combinations."""


def _is_plain(pattern: str) -> bool:
    """Whether a pattern is certainly usable: spares loading the validator for the patterns most contracts have."""
    if len(pattern) > 200 or not _PLAIN.fullmatch(pattern) or _ODD.search(pattern):
        return False
    if re.search("[{}]", re.sub(r"(?<=[^*+?{}|(^])\{\d{1,2}(?:,\d{0,2})?\}", "", pattern)):
        return False
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def _pattern(pattern: str, place: str) -> Iterator[Finding]:
    if _is_plain(pattern):
        return
    import jsonschema_rs

    reason = _refused(pattern, jsonschema_rs.RegexOptions())
    if reason is not None and _refused(pattern, jsonschema_rs.FancyRegexOptions(backtrack_limit=BACKTRACK_LIMIT)):
        yield place, "bad-pattern", f"{shortened(pattern)} is not a regular expression that can be used", reason


def _refused(pattern: str, options: Any) -> str | None:
    """Why a pattern cannot be compiled, as help."""
    import jsonschema_rs

    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=options, offline=True)
    except ValueError:
        if re.search(r"\[[^\]]*\\[wds]-[^\]]", pattern):
            return r"in brackets, put the `-` last: `[\w.-]`"
        if re.search(r"\\[Zz]", pattern):
            return r"write `$` for the end, not `\Z`"
        return "check its brackets and repetitions; very large repetitions are refused"
    return None


# -- what can never be met -----------------------------------------------------------------------

_RANGES = (
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minProperties", "maxProperties"),
    ("minContains", "maxContains"),
    ("minimum", "maximum"),
)


def _impossible(schema: Mapping[str, Any], pointer: str) -> Iterator[Finding]:
    code, help = "impossible-contract", "nothing can meet it: write what may stand here"
    if schema.get("enum") == []:
        yield f"{pointer}/enum", code, "an empty `enum` accepts nothing", help
    if schema.get("not") in (True, {}):
        yield f"{pointer}/not", code, "`not` anything accepts nothing", help
    if isinstance(schema.get("allOf"), list) and False in [part for part in schema["allOf"] if isinstance(part, bool)]:
        yield f"{pointer}/allOf", code, "`allOf` with `false` accepts nothing", help
    for keyword in ("anyOf", "oneOf"):
        parts = schema.get(keyword)
        if isinstance(parts, list) and parts and all(part is False for part in parts):
            yield f"{pointer}/{keyword}", code, f"`{keyword}` of `false` alone accepts nothing", help
    for low, high in _RANGES:
        least, most = _number(schema.get(low)), _number(schema.get(high))
        if least is not None and most is not None and least > most:
            yield f"{pointer}/{low}", code, f"`{low}` {least} is more than `{high}` {most}", "no value lies between"
    yield from _never_typed(schema, pointer)


def _number(value: Any) -> int | float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _never_typed(schema: Mapping[str, Any], pointer: str) -> Iterator[Finding]:
    """`enum` and `const` whose values are all of another type than `type` allows."""
    types = schema.get("type")
    types = [types] if isinstance(types, str) else types
    if not isinstance(types, list):
        return
    for keyword in ("enum", "const"):
        if keyword not in schema:
            continue
        values = schema[keyword] if keyword == "enum" else [schema[keyword]]
        if isinstance(values, list) and values and not any(_is(value, types) for value in values):
            message = f"no value of `{keyword}` is of type {' or '.join(map(str, types))}"
            yield f"{pointer}/{keyword}", "impossible-contract", message, "change `type`, or the values"


def _is(value: Any, types: list[Any]) -> bool:
    if value is None or isinstance(value, bool):
        return ("null" if value is None else "boolean") in types
    if isinstance(value, int | float):
        return "number" in types or ("integer" in types and value == int(value))
    if isinstance(value, str):
        return "string" in types
    return ("array" if isinstance(value, list) else "object") in types


def _undeclared(schema: Mapping[str, Any], pointer: str) -> Iterator[Finding]:
    """`required` fields that may not be there, or that nothing may fill."""
    required, properties = schema.get("required"), schema.get("properties", {})
    if not isinstance(required, list) or not isinstance(properties, Mapping):
        return
    if "properties" not in schema and any(meant_keyword(keyword) == "properties" for keyword in schema):
        return  # a misspelt `properties`, which is told on its own
    for place, name in enumerate(required):
        where = f"{pointer}/required/{place}"
        if not isinstance(name, str):
            continue
        if properties.get(name) is False:
            yield where, "impossible-contract", f"`{name}` is required, and nothing may stand in it", "allow a value"
        elif name not in properties and schema.get("additionalProperties") is False and not _patterned(name, schema):
            message = f"`{name}` is required but not among `properties`, and other fields are forbidden"
            yield where, "required-not-declared", message, suggestion(name, list(properties), "property")


def _patterned(name: str, schema: Mapping[str, Any]) -> bool:
    patterns = schema.get("patternProperties")
    if not isinstance(patterns, Mapping) or not patterns:
        return False
    try:
        return not compile_schema({"patternProperties": dict.fromkeys(patterns, False)}).is_valid({name: 0})
    except ValueError:  # a bad pattern is told on its own
        return True


# -- references and defaults ---------------------------------------------------------------------


def _loops(tree: Tree) -> Iterator[Finding]:
    _, loop = in_place_order(tree)
    if loop is None:
        return
    place = f"{loop}/$ref" if isinstance(tree.schemas[loop], Mapping) and "$ref" in tree.schemas[loop] else loop
    message = "this schema refers back to itself without going into the value: it says nothing"
    yield place, "ref-loop", message, "refer to it from `properties` or `items`, or write what it accepts"


def _defaults(tree: Tree) -> Iterator[Finding]:
    """Defaults that break the schema they stand in. Only asked where all else is well, and cheap to ask."""
    places = [p for p, schema in tree.schemas.items() if isinstance(schema, Mapping) and "default" in schema]
    if not places or load_of_schema(tree).width > MAX_PAIRS:
        return
    validators = _validators(tree)
    for pointer in places:
        default = tree.schemas[pointer]["default"]
        validator = validators.get(f"#{pointer}")
        if validator is not None and not validator.is_valid(default):
            reason = sentence(next(iter(validator.iter_errors(default))))
            yield f"{pointer}/default", "bad-default", f"the default breaks its own schema: {reason}", "change one"


def _validators(tree: Tree) -> Any:
    """A validator of every schema inside the whole, by pointer, whose references still find their targets."""
    import jsonschema_rs

    whole = {key: value for key, value in tree.schemas[""].items() if key not in ("$id", "$schema")}
    patterns = jsonschema_rs.FancyRegexOptions(backtrack_limit=BACKTRACK_LIMIT)
    return jsonschema_rs.validator_map_for(whole, offline=True, validate_formats=False, pattern_options=patterns)
