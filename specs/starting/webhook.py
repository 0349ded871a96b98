#!/usr/bin/env python3
"""Starts a run for each JSON that is posted to it.

    CHOREO_WEBHOOK_TOKEN=... webhook.py 8321 choreo run specs/expense-check.yaml --input -

    curl -H "Authorization: Bearer $CHOREO_WEBHOOK_TOKEN" --json @claim.json http://127.0.0.1:8321/

It listens on this machine only: what the world may reach is the TLS proxy before it. The answer comes as soon as the
run is on record (202 with its id); the run goes on after that. What `once_per` knows already is answered with the run
that it is a duplicate of (200), what is no data with 400. What was posted reaches the command as a file on stdin:
nothing of it stands on a command line, and no shell reads it.
"""

from __future__ import annotations

import hmac
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import IO

MOST = 1_000_000
"""Bytes of one payload."""
SLOTS = threading.BoundedSemaphore(8)
"""Runs that play at the same time; one more is told to come again."""
RUN = re.compile(rb"run (\S+)")
NO_DATA = re.compile(rb"error\[not-data\]: (.*)")
QUIET = ("--quiet", "-q")
"""Words that the command is started without: it would tell of its run only when that is over."""

Reply = tuple[int, dict[str, str]]
"""The HTTP status, and what is told with it."""


def log(line: bytes) -> None:
    sys.stderr.write(line.decode("utf-8", "replace"))
    sys.stderr.flush()


def start(command: list[str], payload: bytes, quiet: bool) -> tuple[Reply, subprocess.Popen[bytes]]:
    """Start a run: what the caller is told, once the run is on record or none will be, and the process."""
    said: list[bytes] = []
    with tempfile.TemporaryFile() as file, tempfile.TemporaryFile() as result:
        file.write(payload)
        file.seek(0)
        child = subprocess.Popen(command, stdin=file, stdout=result, stderr=subprocess.PIPE)
        for line in child.stderr or ():
            if not quiet:
                log(line)
            if found := RUN.match(line):
                return (202, {"run": found[1].decode()}), child
            said.append(line)
        child.wait()
        result.seek(0)
        reply = ended(result.read(), said)
    if quiet and reply[0] >= 400:
        log(b"".join(said))
    return reply, child


def ended(result: bytes, said: list[bytes]) -> Reply:
    """What is told of a command that has ended and named no run on its way: its result, as JSON, may do so."""
    try:
        told = json.loads(result)
        if told["status"] == "duplicate":
            return 200, {"run": told["run"], "duplicate_of": told["duplicate_of"]}
        return 202, {"run": told["run"]}
    except (ValueError, LookupError, TypeError):
        pass
    for line in said:
        if found := NO_DATA.match(line):
            return 400, {"error": found[1].decode("utf-8", "replace")}
    return 500, {"error": "no run was started; the reason is in this server's log"}


def see_off(child: subprocess.Popen[bytes], quiet: bool) -> None:
    """Pass on what a run says until it ends or waits, then free its slot."""
    said: IO[bytes] | None = child.stderr
    for line in said or ():
        if not quiet:
            log(line)
    child.wait()
    if said:
        said.close()
    SLOTS.release()


class Webhook(BaseHTTPRequestHandler):
    timeout = 10  # seconds in which a caller must have said something
    argv: list[str]
    quiet: bool
    token: bytes

    def do_POST(self) -> None:
        given = self.headers.get("Authorization", "").encode("utf-8", "replace")
        if not hmac.compare_digest(given, b"Bearer " + self.token):
            return self.answer(401, {"error": "a token is needed: Authorization: Bearer ..."})
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit():
            return self.answer(411, {"error": "Content-Length is needed"})
        if len(length) > 9 or int(length) > MOST:
            return self.answer(413, {"error": f"at most {MOST} bytes"})
        payload = self.rfile.read(int(length))
        try:
            json.loads(payload)
        except (ValueError, RecursionError):
            return self.answer(400, {"error": "this is no JSON"})
        return self.play(payload)

    def play(self, payload: bytes) -> None:
        if not SLOTS.acquire(blocking=False):
            return self.answer(503, {"error": "too many runs at once"})
        try:
            reply, child = start(self.argv, payload, self.quiet)
        except OSError as error:
            SLOTS.release()
            sys.stderr.write(f"webhook: {error}\n")
            return self.answer(500, {"error": "no run was started; the reason is in this server's log"})
        threading.Thread(target=see_off, args=(child, self.quiet)).start()
        return self.answer(*reply)

    def answer(self, status: int, told: dict[str, str]) -> None:
        text = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(text)


def main() -> int:
    token = os.environ.pop("CHOREO_WEBHOOK_TOKEN", "")
    if len(sys.argv) < 3 or not sys.argv[1].isdigit() or len(token) < 16:
        sys.stderr.write("usage: CHOREO_WEBHOOK_TOKEN=<16 characters or more> webhook.py PORT COMMAND...\n")
        return 2
    command = [word for word in sys.argv[2:] if word not in QUIET]
    Webhook.quiet = len(command) < len(sys.argv) - 2
    Webhook.argv, Webhook.token = [*command, *(() if "--json" in command else ("--json",))], token.encode()
    with ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Webhook) as server:
        sys.stderr.write(f"listening on http://127.0.0.1:{server.server_address[1]}/\n")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
