"""Mail in and out: the text of an HTML mail, and the outbox from which the mail system takes what it sends."""

from __future__ import annotations

import hashlib
import json
import os
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

BREAKS = {"p", "div", "br", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "table", "ul", "ol"}
UNSEEN = {"script", "style", "head", "title", "template"}


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._unseen += tag in UNSEEN
        if tag in BREAKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._unseen -= tag in UNSEEN and self._unseen > 0
        if tag in BREAKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.parts.append(data)


def to_text(mail: dict[str, Any]) -> dict[str, Any]:
    """`html_mail@1` to `plain_mail@1`: what a reader would see, one line a paragraph."""
    reader = _Text()
    reader.feed(mail["html"])
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.parts).splitlines())
    return {"text": "\n".join(line for line in lines if line)}


def send(mail: dict[str, Any]) -> dict[str, Any]:
    """`outgoing_mail@1` to `mail_sent@1`. Writes `outbox/<digest>.json` in the working directory."""
    data = (json.dumps(mail, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()
    file = Path("outbox") / f"{hashlib.sha256(data).hexdigest()[:16]}.json"
    file.parent.mkdir(exist_ok=True)
    partial = file.with_suffix(".partial")
    partial.write_bytes(data)
    os.replace(partial, file)
    return {"to": mail["to"], "file": file.as_posix()}
