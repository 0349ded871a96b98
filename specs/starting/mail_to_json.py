#!/usr/bin/env python3
"""One mail on stdin becomes the trigger `email@1`.

    mail_to_json.py < mail.eml                                              prints it
    mail_to_json.py choreo run specs/support-desk.yaml --input - --json     starts the command with it on stdin

The mail reaches the command through a pipe: nothing of it stands on a command line, and no shell reads it. Leaves with
what mail filters understand: 0 the run is on record, whatever came of it; 75 it is not, keep the mail and try again;
65 this is no mail that can be read.
"""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parseaddr
from html.parser import HTMLParser

MOST = 10_000_000
"""Bytes of a mail, attachments and all."""
BAD_MAIL, TRY_AGAIN = 65, 75


class Words(HTMLParser):
    """The text of an HTML mail, without scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._hidden += tag in ("script", "style")
        self.text.append("\n" if tag in ("br", "p", "div", "tr", "li") else "")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style") and self._hidden > 0

    def handle_data(self, data: str) -> None:
        self.text.append("" if self._hidden else data)


def clean(text: str, most: int) -> str:
    """Text that JSON can carry, cut where the contract would refuse it, and saying so."""
    text = text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\N{REPLACEMENT CHARACTER}").strip()
    return text if len(text) <= most else f"{text[: most - 60].rstrip()}\n[cut here: {len(text)} characters in all]"


def body_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain", "html"))
    if part is None:
        return "(no text)"
    text = str(part.get_content())
    if part.get_content_subtype() == "html":
        words = Words()
        words.feed(text)
        text = "".join(words.text)
    return text


def received(mail: EmailMessage) -> str:
    try:
        at = mail["date"].datetime.astimezone(UTC)
    except (AttributeError, ValueError, OverflowError):
        at = datetime.now(UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}Z"


def trigger(raw: bytes) -> dict[str, str]:
    """A mail's bytes to `email@1`. ValueError or LookupError where it has no sender or cannot be decoded."""
    mail = message_from_bytes(raw, policy=policy.default)
    sender = parseaddr(str(mail["from"] or ""))[1]
    if "@" not in sender:
        raise ValueError("a mail without a sender")
    return {
        "sender": clean(sender, 254),
        "received": received(mail),
        "subject": clean(str(mail["subject"] or ""), 300),
        "body": clean(body_of(mail), 20_000) or "(no text)",
    }


def started(command: list[str], text: str) -> int:
    """Start the command. It tells on stdout, as JSON, which run it made: without one the mail must not be lost."""
    try:
        told = subprocess.run(command, input=text.encode(), stdout=subprocess.PIPE, check=False).stdout
        return 0 if json.loads(told)["run"] else TRY_AGAIN
    except (OSError, ValueError, LookupError, TypeError):
        sys.stderr.write(f"mail_to_json: no run was started by: {' '.join(command)}\n")
        return TRY_AGAIN


def main() -> int:
    raw = sys.stdin.buffer.read(MOST + 1)
    try:
        if len(raw) > MOST:
            raise ValueError(f"a mail of more than {MOST} bytes")
        text = json.dumps(trigger(raw), ensure_ascii=False)
    except (ValueError, LookupError) as error:
        sys.stderr.write(f"mail_to_json: {error}\n")
        return BAD_MAIL
    if len(sys.argv) > 1:
        return started(sys.argv[1:], text)
    sys.stdout.buffer.write(text.encode() + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
