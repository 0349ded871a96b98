"""`format` and `contentEncoding`: what some readers check in a text and others take for a remark.

A check is ("format", name) or ("content", encoding, media type). Whether a text passes is the validator's to say;
here stands only which check another one implies, and texts that are worth trying.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

Check = tuple[str, str | None] | tuple[str, str | None, str | None]

CHECKS = frozenset({"format", "contentEncoding", "contentMediaType"})
FORMATS = {
    "date": "2024-02-29",
    "date-time": "2024-02-29T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "P1D",
    "email": "a@example.org",
    "idn-email": "é@example.org",
    "hostname": "example.org",
    "idn-hostname": "é.example.org",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.org/a",
    "uri-reference": "/a",
    "iri": "https://example.org/é",
    "iri-reference": "/é",
    "uri-template": "/{a}",
    "json-pointer": "/a",
    "relative-json-pointer": "1/a",
    "regex": "a+",
    "uuid": "12345678-1234-4234-8234-123456789abc",
}
"""The formats that the specifications define, each with a text that has it. Others are remarks to everybody."""
_OTHERS = ("a", "", "%", "(", "\\", "é", "YQ==", "e30=", "{}", "1", "a b", "http://[")
_WIDER = frozenset(
    {
        *(("email", "idn-email"), ("hostname", "idn-hostname"), ("uri", "uri-reference"), ("uri", "iri")),
        *(("uri", "iri-reference"), ("uri-reference", "iri-reference"), ("iri", "iri-reference")),
    }
)


def implied(check: Check, by: Check) -> bool:
    """Whether every text that passes one check passes the other."""
    if check == by:
        return True
    if check[0] != by[0]:
        return False
    if check[0] == "format":
        return (by[1], check[1]) in _WIDER
    return check[1:] == (by[1], None)


@lru_cache(maxsize=20_000)
def passes(check: Check, text: str) -> bool | None:
    """Whether a text passes; None where nobody here can tell."""
    import jsonschema_rs

    if check[0] == "format":
        schema = {"format": check[1]}
        return bool(jsonschema_rs.Draft202012Validator(schema, validate_formats=True).is_valid(text))
    if not is_known(check):
        return None
    schema = {name: part for name, part in zip(("contentEncoding", "contentMediaType"), check[1:], strict=True) if part}
    return bool(jsonschema_rs.Draft7Validator(schema).is_valid(text))


def is_known(check: Check) -> bool:
    """Whether the validator can tell what passes."""
    if check[0] == "format":
        return check[1] in FORMATS
    return check[1] in (None, "base64") and check[2:] in ((None,), ("application/json",))


def tried(checks: list[Check]) -> Iterator[str]:
    """Texts of which some pass and some do not."""
    if checks:
        yield from _OTHERS
        yield from FORMATS.values()
