"""Formats and encodings, which some readers check and some do not: compatible is what is so for both."""

from __future__ import annotations

import jsonschema
import pytest

from choreo.compat import compare, includes
from choreo.compat.checks import FORMATS, passes, tried

Y, N, U = "compatible", "breaking", "unknown"
D7, D20 = "http://json-schema.org/draft-07/schema#", "https://json-schema.org/draft/2020-12/schema"
S = {"type": "string"}


def text(name, **more):
    return {"type": "string", "format": name, **more}


def encoded(name, **more):
    return {"type": "string", "contentEncoding": name, **more}


CASES = {
    "a format more": (S, text("email"), N, Y),
    "the same format beside other words": (text("email", maxLength=9), text("email"), Y, N),
    "another one of another kind": (text("date"), text("date-time"), N, N),
    "a wider one": (text("uri"), text("uri-reference"), Y, N),
    "a format that bounds the length binds only some": (text("uuid"), text("uuid", minLength=3), N, Y),
    "a format under listed values": ({"enum": ["a@example.org"]}, text("email"), Y, N),
    "a format of numbers is a remark": ({"type": "integer"}, {"type": "integer", "format": "int32"}, Y, Y),
    "a format inside an object": (
        {"type": "object", "properties": {"when": S}, "required": ["when"]},
        {"type": "object", "properties": {"when": text("date")}, "required": ["when"]},
        N,
        Y,
    ),
    "a format of names": (
        {"type": "object", "propertyNames": text("uuid")},
        {"type": "object"},
        Y,
        N,
    ),
    "what is not of a format": ({"not": text("ipv4")}, {"not": S}, N, Y),
    "either of a format or not": ({"anyOf": [text("ipv4"), {"not": text("ipv4")}]}, True, Y, Y),
    "a format that a pattern leaves no room for": (
        {"type": "string", "pattern": "^[a-z]$"},
        {"type": "string", "pattern": "^[a-z]$", "not": text("date")},
        N,
        Y,
    ),
    "a draft that calls formats remarks": ({"$schema": D20, **S}, {"$schema": D20, **text("email")}, Y, Y),
    "a draft that leaves it to the reader": ({"$schema": D7, **S}, {"$schema": D7, **text("email")}, N, Y),
    "an encoding more": (S, encoded("base64"), N, Y),
    "an encoding that nobody here can check": (S, encoded("base45"), U, Y),
    "another one of those": (encoded("base45"), encoded("base46"), U, U),
    "the same one": (encoded("base45", minLength=2), encoded("base45"), Y, N),
    "what is inside an encoding is checked beyond it": (
        {"$schema": D7, **encoded("base64", contentMediaType="application/json")},
        {"$schema": D7, **encoded("base64")},
        Y,
        N,
    ),
    "a kind of content more": (S, {**S, "contentMediaType": "application/json"}, N, Y),
    "and is nothing by itself": (
        {"$schema": D7, **encoded("base64", contentMediaType="application/json")},
        {"$schema": D7, "type": "string", "contentMediaType": "application/json"},
        N,
        N,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_compatible_is_so_for_readers_who_check_and_for_those_who_do_not(name):
    old, new, backward, forward = CASES[name]
    found = compare(old, new)
    assert (found.backward.answer, found.forward.answer) == (backward, forward), found


@pytest.mark.parametrize("name", [name for name in CASES if "format" in name])
def test_a_second_validator_that_checks_agrees(name):
    old, new, *_ = CASES[name]
    found = compare(old, new)
    for direction, writer, reader in ((found.backward, old, new), (found.forward, new, old)):
        if direction.answer == N and direction.message.startswith("for a reader that checks"):
            assert _accepts(writer, direction.counterexample.value)
            assert not _accepts(reader, direction.counterexample.value)


def _accepts(schema, value):
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    return jsonschema.Draft202012Validator(schema, format_checker=checker).is_valid(value)


def test_the_message_says_for_whom_it_breaks():
    found = compare(S, text("email")).backward
    assert found.message.startswith("for a reader that checks `format`: the old one accepts what the new one refuses")
    assert (found.rule, found.pointer) == ("format", "/format")


def test_what_choreo_itself_refuses_is_asked_without_formats():
    assert includes(text("email"), S).answer == Y


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_a_text_that_passes_and_one_that_does_not(name):
    check = ("format", name)
    assert passes(check, FORMATS[name])
    assert not all(passes(check, sample) for sample in tried([check]))
