"""Secrets never reach the trace, a log or the terminal: every value that was used as one is taken out of all text.

A secret is known from the moment it is read (`${env:NAME}`) or leaves in a header. The list lives as long as the
process and is written nowhere.
"""

from __future__ import annotations

import json
import re
import urllib.parse

REDACTED = "[redacted]"
ADDRESS = "!#$%&'()*+,/:;=?@[]~"
"""Characters that an address keeps as they are."""
SHORTEST = 6
"""Shorter values are not taken out: they would tear ordinary words apart, and are no secrets."""

KEY = 16
"""Characters from which on a secret can only be a key: that is taken out of outputs, too, which are data."""

_secrets: set[str] = set()
_text_pattern: re.Pattern[str] | None = None
_data_pattern: re.Pattern[bytes] | None = None
_key_pattern: re.Pattern[bytes] | None = None


def register(secret: str) -> None:
    """Remember a value that must not be stored or shown, in every form in which it may come back."""
    global _text_pattern, _data_pattern, _key_pattern  # noqa: PLW0603 - one list for the process is the point
    secret = secret.strip()
    if len(secret) < SHORTEST or secret in _secrets:
        return
    quoted = (urllib.parse.quote(secret, safe=plain) for plain in ("", ADDRESS))
    _secrets.update({secret, json.dumps(secret)[1:-1], *quoted})
    longest_first = sorted(_secrets, key=len, reverse=True)
    _text_pattern = re.compile("|".join(map(re.escape, longest_first)))
    forms = [re.escape(form.encode("utf-8", "replace")) for form in longest_first]
    _data_pattern = re.compile(b"|".join(forms))
    keys = [form for form, plain in zip(forms, longest_first, strict=True) if len(plain) >= KEY]
    _key_pattern = re.compile(b"|".join(keys)) if keys else None


def text(shown: str) -> str:
    """`shown` without any registered secret, and with what no payload can hold (NUL, lone surrogates) written out."""
    shown = shown.replace("\0", "\\x00")
    if not shown.isascii():
        shown = shown.encode("utf-8", "backslashreplace").decode("utf-8")
    return shown if _text_pattern is None else _text_pattern.sub(REDACTED, shown)


def data(stored: bytes) -> bytes:
    """`stored` without any registered secret."""
    return stored if _data_pattern is None else _data_pattern.sub(REDACTED.encode(), stored)


def output(given: bytes) -> bytes:
    """What a model or a service gave back, without the keys that it was called with: it may echo them."""
    return given if _key_pattern is None else _key_pattern.sub(REDACTED.encode(), given)


def output_text(given: str) -> str:
    """The same for text."""
    return (
        given
        if _key_pattern is None
        else output(given.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")
    )
