"""The one place where a remote model's HTTP call leaves: exact bytes kept, one call, one address, a size cap.

litellm builds its own HTTP clients, for some providers the OpenAI SDK's, for others its own; all of them take their
transport from one function, which is replaced by `WireTransport` (see `choreo.players.remote`). The transport belongs
to no event loop and keeps no connection: it finds the `Wire` of the call in progress and sends through that. The
connections of an event loop are kept in `_lines` for the next calls to the same address, and closed with the loop.
Redirects are not followed (a key would travel to an address that no spec declares).
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import itertools
import socket
import ssl
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import httpx

from choreo.players import redact
from choreo.players.client import CallFailed

CURRENT: contextvars.ContextVar[Wire] = contextvars.ContextVar("choreo_wire")
KEPT = 65536
"""Bytes kept of an answer that is too large."""
IDLE_SECONDS = 3.0
"""How long a connection is kept for the next call to its address: less than servers do, so none is met half closed."""

_KEY_HEADERS = ("authorization", "x-api-key", "api-key", "x-goog-api-key", "ocp-apim-subscription-key")
_HOP_HEADERS = ("content-encoding", "content-length", "transfer-encoding")
_Idle = dict[tuple[str, str, int | None], list[httpx.AsyncClient]]
_lines: dict[asyncio.AbstractEventLoop, tuple[_Idle, AsyncGenerator[None, None]]] = {}
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class WireTransport(httpx.AsyncBaseTransport):
    """Hands every request to the `Wire` of the call in progress; outside a call nothing leaves."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        wire = CURRENT.get(None)
        if wire is None:
            raise httpx.ConnectError("no model call is in progress", request=request)
        return await wire.send(request)


class Wire:
    """One HTTP call: what left, what came back, and why it failed (`failure`) where it did.

    `request` and `response` are the bodies, byte for byte (a content encoding undone), secrets not yet removed.
    """

    def __init__(self, max_bytes: int, api_base: str | None, no_key: str) -> None:
        self.max_bytes = max_bytes
        self.api_base = api_base
        self.no_key = no_key
        self.url = ""
        self.request = b""
        self.response = b""
        self.status: int | None = None
        self.headers: httpx.Headers = httpx.Headers()
        self.failure: CallFailed | None = None
        self.on_leave: Callable[[], object] = lambda: None
        """Called when the request is about to leave."""

    async def send(self, request: httpx.Request) -> httpx.Response:
        """Make the call. What goes wrong is kept in `failure`, and raised in a form that HTTP libraries know."""
        if self.url:
            raise httpx.ConnectError("one HTTP call was made already", request=request)
        self.url = f"{request.url.scheme}://{request.url.netloc.decode()}{request.url.path}"
        self.request = await request.aread()
        self._learn_keys(request)
        try:
            self._check_address(request)
            self.on_leave()
            return await self._exchange(request)
        except httpx.TransportError as error:
            self.failure = _transport_failure(error, self.url)
        except CallFailed as failure:
            self.failure = failure
        raise httpx.ConnectError(self.failure.message, request=request)

    def _learn_keys(self, request: httpx.Request) -> None:
        """A key that came from the environment is known at the latest here."""
        found = [request.headers.get(name, "") for name in _KEY_HEADERS]
        for value in [*found, *request.url.params.get_list("key")]:
            key = value.rpartition(" ")[2]
            if key != self.no_key:
                redact.register(key)

    def _check_address(self, request: httpx.Request) -> None:
        declared = urlsplit(self.api_base or "")
        if declared.netloc and (declared.hostname, declared.port) != (request.url.host, request.url.port):
            raise CallFailed(
                "other-address",
                f"the call would go to {request.url.host}, but {declared.netloc} is declared; nothing was sent",
            )

    async def _exchange(self, request: httpx.Request) -> httpx.Response:
        request.headers["accept-encoding"] = "identity"  # what is kept is what was sent, and no bomb to unpack
        async with _line(request.url) as line:
            response = await line.send(request, stream=True)
            self.status, self.headers = response.status_code, response.headers
            body = await self._read(response)
        self.response = body
        if response.is_redirect:
            where = response.headers.get("location", "nowhere")
            raise CallFailed(
                "redirected",
                f"{self.url} redirects to {where}, and no redirect is followed: put the final address into `api_base`",
            )
        kept = [(name, value) for name, value in response.headers.multi_items() if name not in _HOP_HEADERS]
        return httpx.Response(response.status_code, headers=kept, content=body, request=request)

    async def _read(self, response: httpx.Response) -> bytes:
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            self.response = bytes(body[:KEPT])
            if len(body) > self.max_bytes:
                raise self._too_large()
        return self._unpack(bytes(body), response.headers.get("content-encoding", "identity").lower())

    def _unpack(self, body: bytes, encoding: str) -> bytes:
        if encoding in ("", "identity"):
            return body
        if encoding not in ("gzip", "deflate"):
            raise CallFailed("not-json", f"{self.url} answers in the encoding {encoding!r}, which was not asked for")
        try:
            unpacking = zlib.decompressobj(zlib.MAX_WBITS | 32)
            whole = unpacking.decompress(body, self.max_bytes + 1)
        except zlib.error as error:
            raise CallFailed("not-json", f"{self.url} answers with broken {encoding} data: {error}") from error
        if len(whole) > self.max_bytes:
            self.response = whole[:KEPT]
            raise self._too_large()
        return whole

    def _too_large(self) -> CallFailed:
        return CallFailed(
            "answer-too-large", f"{self.url} answers with more than {self.max_bytes:,} bytes; reading was stopped"
        )


@asynccontextmanager
async def _line(url: httpx.URL) -> AsyncIterator[httpx.AsyncClient]:
    """A connection for one call: one that an earlier call has left whole, else a new one."""
    idle = await _idle_lines()
    address = (url.scheme, url.host, url.port)
    waiting = idle.setdefault(address, [])
    line = waiting.pop() if waiting else _new_line(own_machine=url.host in _LOOPBACK)
    try:
        yield line
    except BaseException:
        await line.aclose()
        raise
    waiting.append(line)


def _new_line(own_machine: bool) -> httpx.AsyncClient:
    one = httpx.Limits(max_connections=1, keepalive_expiry=IDLE_SECONDS)
    return httpx.AsyncClient(verify=_tls(), trust_env=not own_machine, limits=one)


async def _idle_lines() -> _Idle:
    """The connections that no call of this event loop uses."""
    loop = asyncio.get_running_loop()
    if loop not in _lines:
        idle: _Idle = {}
        closing = _closing(loop, idle)
        _lines[loop] = idle, closing
        await anext(closing)
    return _lines[loop][0]


async def _closing(loop: asyncio.AbstractEventLoop, idle: _Idle) -> AsyncGenerator[None, None]:
    """Closes the connections when the loop ends: it ends its generators then."""
    try:
        yield
    finally:
        del _lines[loop]
        for line in itertools.chain.from_iterable(idle.values()):
            await line.aclose()


@functools.cache
def _tls() -> ssl.SSLContext:
    """Made once: reading the certificates takes some 20 ms."""
    return httpx.create_ssl_context()


def _transport_failure(error: httpx.TransportError, url: str) -> CallFailed:
    causes = _causes(error)
    if isinstance(error, httpx.TimeoutException):
        return CallFailed("timeout", f"{url} did not answer in time", retriable=True)
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return CallFailed("tls", f"no safe connection to {url}: {error}; check the address and its certificate")
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return CallFailed("connection", f"the name in {url} is not known: check the address", retriable=True)
    return CallFailed("connection", f"no answer from {url}: {error or type(error).__name__}", retriable=True)


def _causes(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found
