"""A misbehaving OpenAI-compatible server, in another process, on loopback; standard library only.

    with model_server() as server:
        base = server.url("finish-length")          # give it to choreo as api_base
        server.requests("finish-length")            # what arrived: method, path, headers, body (bytes)

The mode is the first part of the path: a key of `CONTENTS` or a `mode_...` method below; what follows a colon is its
argument (`retry-after:1`, `content:{"a":1}`). `server.script(name, answers)` makes a mode of its own: one answer a
call, each a text, or a dict with any of `status`, `headers`, `body`, `content`, `finish`, `usage`, `message`,
`logprobs`, `mode`; the last one is repeated. `obedient` does what the user texts demand, as far as it can.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import re
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

GOOD = '{"action":"pay","amount":3}'
USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
HTML = "<!doctype html><html><body>Welcome to Station WiFi. Please log in.</body></html>"

CONTENTS = {
    "ok": GOOD,
    "fenced": f"```json\n{GOOD}\n```",
    "prose": f"Sure! Here is the answer: {GOOD}",
    "two-objects": f"{GOOD}\n{GOOD}",
    "two-fences": f"```json\n{GOOD}\n```\n```json\n{GOOD}\n```",
    "trailing-comma": '{"action":"pay","amount":3,}',
    "bom": f"\ufeff{GOOD}",
    "truncated": '{"action":"pay","amou',
    "nul": '{"action":"p\\u0000y","amount":3}',
    "deep": "[" * 100_000,
    "duplicate-key": '{"action":"pay","action":"decline","amount":3}',
    "wrong": '{"action":"steal","amount":"three"}',
    "blank": "",
}


# -- the answers -----------------------------------------------------------------------------------


def completion(content: Any, model: str = "m", finish: Any = "stop", **extra: Any) -> dict[str, Any]:
    """A chat completion as OpenAI writes it."""
    choice: dict[str, Any] = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": content}}
    if "message" in extra:
        choice["message"] = extra.pop("message")
    if "logprobs" in extra:
        choice["logprobs"] = extra.pop("logprobs")
    whole = {"id": "c-1", "object": "chat.completion", "created": 1, "model": model, "choices": [choice]}
    return {**whole, "usage": USAGE, **extra}


def token(text: str, logprob: float = 0.0, others: tuple[tuple[str, float], ...] = ()) -> dict[str, Any]:
    """One answered token with its alternatives."""
    top = [{"token": other, "logprob": chance, "bytes": None} for other, chance in ((text, logprob), *others)]
    return {"token": text, "logprob": logprob, "bytes": None, "top_logprobs": top}


class Answers(BaseHTTPRequestHandler):
    """One request: logged whole, then answered as its mode says."""

    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: the log is kept for the tests."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.path == "/-/script":
            name, answers = json.loads(body)
            self.server.scripts[name] = answers
            return self.send(200, b"{}")
        mode = urllib.parse.unquote(self.path.strip("/").split("/")[0])
        with self.server.lock:
            entry = (mode, self.command, self.path, list(self.headers.items()), base64.b64encode(body).decode())
            self.server.log.append(entry)
        self.body = body
        self.asked = json.loads(body) if body[:1] == b"{" else {}
        if mode in self.server.scripts:
            return self.scripted(self.server.scripts[mode])
        return self.answer(mode)

    def do_GET(self) -> None:
        if self.path == "/-/log":
            with self.server.lock:
                return self.send(200, json.dumps(self.server.log).encode())
        return self.do_POST()

    do_HEAD = do_PUT = do_PATCH = do_DELETE = do_POST

    def answer(self, mode: str) -> None:
        name, _, argument = mode.partition(":")
        method = getattr(self, "mode_" + name.replace("-", "_"), None)
        if method is not None:
            return method(argument)
        if name in CONTENTS:
            return self.complete(CONTENTS[name])
        return self.send(404, json.dumps({"error": {"message": f"no mode {name}"}}).encode())

    def scripted(self, answers: list[Any]) -> None:
        now = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(now, str):
            return self.complete(now)
        if "mode" in now:
            return self.answer(now["mode"])
        if "body" in now or "status" in now:
            body = now.get("body", json.dumps({"error": {"message": "scripted"}}))
            return self.send(now.get("status", 200), body.encode(), **now.get("headers", {}))
        extra = {key: now[key] for key in ("usage", "message", "logprobs") if key in now}
        return self.complete(now.get("content"), finish=now.get("finish", "stop"), **extra)

    def complete(self, content: Any, **extra: Any) -> None:
        self.send(200, json.dumps(completion(content, self.asked.get("model", "m"), **extra)).encode())

    def fail(self, status: int, message: str, **headers: str) -> None:
        self.send(status, json.dumps({"error": {"message": message, "type": "error"}}).encode(), **headers)

    def send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"content-type": "application/json", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(b"" if self.command == "HEAD" else body)

    # -- modes: HTTP ---------------------------------------------------------------------------------

    def mode_status(self, argument: str) -> None:
        self.fail(int(argument), f"status {argument}")

    def mode_retry_after(self, argument: str) -> None:
        """429 with this Retry-After (seconds or a date); without an argument there is no such header."""
        self.fail(429, "slow down", **({"retry_after": argument} if argument else {}))

    def mode_echo_key(self, _: str) -> None:
        """A 401 whose body repeats the whole Authorization header."""
        self.fail(401, f"Incorrect API key provided: {self.headers.get('authorization')}")

    def mode_echo(self, _: str) -> None:
        """What arrived, as JSON: for services."""
        told = {"method": self.command, "path": self.path, "headers": dict(self.headers.items()), "body": self.asked}
        self.send(200, json.dumps(told).encode())

    def mode_redirect(self, argument: str) -> None:
        self.send(307, b"", location=argument or "http://127.0.0.1:9/v1/chat/completions")

    def mode_html(self, _: str) -> None:
        self.send(200, HTML.encode(), content_type="text/html")

    def mode_not_json(self, _: str) -> None:
        self.send(200, b'{"choices": [')

    def mode_gzip_bomb(self, argument: str) -> None:
        import gzip

        packed = gzip.compress(b" " * int(argument or 100_000_000), compresslevel=9)
        self.send(200, packed, content_encoding="gzip")

    def mode_gzip(self, _: str) -> None:
        import gzip

        self.send(200, gzip.compress(json.dumps(completion(GOOD)).encode()), content_encoding="gzip")

    # -- modes: the connection -------------------------------------------------------------------------

    def mode_hang(self, _: str) -> None:
        self.close_connection = True
        time.sleep(60)

    def mode_drip(self, _: str) -> None:
        """One byte every 20 ms, for ever: no single read ever takes long."""
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", "1000000")
        self.end_headers()
        with contextlib.suppress(OSError):
            while True:
                self.wfile.write(b" ")
                self.wfile.flush()
                time.sleep(0.02)

    def mode_cut(self, _: str) -> None:
        """The connection ends in the middle of the body."""
        whole = json.dumps(completion(GOOD)).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(whole)))
        self.end_headers()
        self.wfile.write(whole[: len(whole) // 2])
        self.close_connection = True

    def mode_reset(self, _: str) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def mode_huge(self, argument: str) -> None:
        """A body of this many bytes; how many could be sent is logged under `huge-sent`."""
        total, sent, block = int(argument or 100_000_000), 0, b" " * 65536
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        with contextlib.suppress(OSError):
            while sent < total:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(block), block))
                sent += len(block)
        with self.server.lock:
            self.server.log.append(("huge-sent", "", "", [], base64.b64encode(str(sent).encode()).decode()))
        self.close_connection = True

    # -- modes: the completion -------------------------------------------------------------------------

    def mode_content(self, argument: str) -> None:
        self.complete(argument)

    def mode_finish(self, argument: str) -> None:
        self.complete(GOOD, finish=argument or None)

    def mode_empty_choices(self, _: str) -> None:
        self.send(200, json.dumps({**completion(""), "choices": []}).encode())

    def mode_null(self, _: str) -> None:
        self.complete(None)

    def mode_refusal(self, _: str) -> None:
        self.complete(None, message={"role": "assistant", "content": None, "refusal": "I cannot help with that"})

    def mode_no_usage(self, _: str) -> None:
        whole = completion(GOOD)
        del whole["usage"]
        self.send(200, json.dumps(whole).encode())

    def mode_surrogate(self, _: str) -> None:
        self.complete('{"action":"p\\ud800y","amount":3}')

    def mode_raw_surrogate(self, _: str) -> None:
        self.complete('{"action":"p\ud800y","amount":3}')

    def mode_refuse_format(self, argument: str) -> None:
        """400 naming response_format, for the kinds in the argument (`json_schema,json_object`)."""
        kind = (self.asked.get("response_format") or {}).get("type")
        if kind in argument.split(","):
            return self.fail(400, f"Invalid parameter: 'response_format' of type '{kind}' is not supported")
        return self.complete(GOOD)

    def mode_no_logprobs(self, _: str) -> None:
        if self.asked.get("logprobs"):
            return self.fail(400, "'logprobs' is not supported with this model")
        return self.complete(GOOD)

    def mode_logprobs(self, _: str) -> None:
        content = [token('{"action":"'), token("pay", -0.1, (("dec", -2.4),)), token('","amount":3}')]
        self.complete(GOOD, logprobs={"content": content, "refusal": None})

    def mode_obedient(self, _: str) -> None:
        """A flat JSON object after `answer with` in any user text is the whole answer; else every text field of the
        asked schema gets the whole newest user text."""
        texts = [m["content"] for m in self.asked["messages"] if m["role"] == "user"]
        text, wanted = texts[-1], re.search(r"answer with (\{.*?\})", "\n".join(texts).replace('\\"', '"'))
        if wanted is not None:
            return self.complete(wanted.group(1))
        schema = ((self.asked.get("response_format") or {}).get("json_schema") or {}).get("schema") or {}
        return self.complete(json.dumps(instance(schema, text)))


def instance(schema: dict[str, Any], text: str) -> Any:
    """A value that meets a simple schema, with `text` wherever free text may stand."""
    if "const" in schema or "enum" in schema:
        return schema.get("const", (schema.get("enum") or [None])[0])
    kind = schema.get("type")
    if kind == "object":
        return {name: instance(part, text) for name, part in schema.get("properties", {}).items()}
    if kind == "array":
        return [instance(schema.get("items", {}), text)] * schema.get("minItems", 0)
    simple = {"integer": schema.get("minimum", 0), "number": schema.get("minimum", 0.5), "boolean": True, "null": None}
    return simple.get(str(kind), text[: schema.get("maxLength", 100_000)])


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.lock = threading.Lock()
        self.log: list[tuple[str, str, str, list[tuple[str, str]], str]] = []
        self.scripts: dict[str, list[Any]] = {}

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is what half of these tests are about."""


# -- the tests' side -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Request:
    """One request as it arrived. `headers` has lower-case names."""

    mode: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class ModelServer:
    port: int

    def url(self, mode: str) -> str:
        return f"http://127.0.0.1:{self.port}/{urllib.parse.quote(mode, safe='')}/v1"

    def requests(self, mode: str | None = None) -> list[Request]:
        """All requests so far, oldest first; of one mode where it is named."""
        log = json.loads(self._talk("GET", "/-/log", b""))
        found = [
            Request(name, method, path, {key.lower(): value for key, value in headers}, base64.b64decode(body))
            for name, method, path, headers, body in log
        ]
        return [request for request in found if mode in (None, request.mode)]

    def script(self, name: str, answers: list[Any]) -> str:
        """Make a mode that gives these answers in turn; returns its base URL."""
        self._talk("POST", "/-/script", json.dumps([name, answers]).encode())
        return self.url(name)

    def _talk(self, method: str, path: str, body: bytes) -> bytes:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(line):
            line.request(method, path, body)
            return line.getresponse().read()


@contextlib.contextmanager
def model_server() -> Iterator[ModelServer]:
    """A server process of its own; gone when the block ends."""
    command = [sys.executable, "-S", os.path.abspath(__file__)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield ModelServer(int(process.stdout.readline()))
        finally:
            process.kill()


def main() -> None:
    server = Server()
    print(server.server_port, flush=True)
    # when the parent dies its end of the pipe closes, and so does this process
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    main()
