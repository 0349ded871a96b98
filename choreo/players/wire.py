"""The one place where a remote model's HTTP call leaves: exact bytes kept, one call, one address, a size cap.

Whoever wrote the request, litellm (`choreo.players.wire_transport`) or choreo in the same form
(`choreo.players.shapes`), it leaves through a `Wire`. Redirects are not followed (a key would travel to an address
that no spec declares).
"""

from __future__ import annotations

import contextvars
import socket
import ssl
import zlib
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import SplitResult, urlsplit

import aiohttp
from yarl import URL

from choreo.players import lines, redact
from choreo.players.client import CallFailed

CURRENT: contextvars.ContextVar[Wire] = contextvars.ContextVar("choreo_wire")
KEPT = 65536
"""Bytes kept of an answer that is too large."""
KEY_HEADERS = ("authorization", "x-api-key", "api-key", "x-goog-api-key", "ocp-apim-subscription-key")

_CONNECTION = frozenset({"host", "connection", "content-length", "transfer-encoding", "accept-encoding"})
"""Headers that belong to a connection, not to what is asked."""


class Wire:
    """One HTTP call: what left, what came back, and why it failed (`failure`) where it did.

    `request` and `response` are the bodies, byte for byte (a content encoding undone), secrets not yet removed.
    """

    def __init__(self, max_bytes: int, api_base: str | None, no_key: str) -> None:
        self.max_bytes = max_bytes
        self.api_base = api_base
        self.no_key = no_key
        self.url = ""
        """Where the call went, without its query: for messages."""
        self.target = ""
        self.asked: list[tuple[str, str]] = []
        """The headers that left, but for those of the connection. Keys are in them: never stored."""
        self.request = b""
        self.response = b""
        self.status: int | None = None
        self.headers: Mapping[str, str] = {}
        """Those of the answer, found by names in any case."""
        self.failure: CallFailed | None = None
        self.on_leave: Callable[[], object] = lambda: None
        """Called when the request is about to leave."""

    async def send(self, method: str, url: str, headers: Iterable[tuple[str, str]], body: bytes) -> None:
        """Make the call. Raises CallFailed, which is kept in `failure`, too."""
        if self.url:
            raise CallFailed("connection", "one HTTP call was made already")
        try:
            address = urlsplit(url)
        except ValueError as error:
            self.failure = CallFailed("bad-address", f"`{url}` is no address: {error}")
            raise self.failure from error
        self.target, self.url = url, f"{address.scheme}://{address.netloc.rpartition('@')[2]}{address.path}"
        self.request = body
        self.asked = [(name, value) for name, value in headers if name.lower() not in _CONNECTION]
        self._learn_keys(address)
        try:
            self._check_address(address)
            self.on_leave()
            await self._exchange(method, address)
        except CallFailed as failure:
            self.failure = failure
            raise
        except (aiohttp.ClientError, OSError, ValueError) as error:
            self.failure = _failure(error, self.url)
            raise self.failure from error

    def _learn_keys(self, address: SplitResult) -> None:
        """A key that came from the environment is known at the latest here."""
        found = [value for name, value in self.asked if name.lower() in KEY_HEADERS]
        if address.query:
            found += URL(self.target, encoded=True).query.getall("key", [])
        for value in found:
            key = value.rpartition(" ")[2]
            if key != self.no_key:
                redact.register(key)

    def _check_address(self, address: SplitResult) -> None:
        declared = urlsplit(self.api_base or "")
        if declared.netloc and (declared.hostname, _port(declared)) != (address.hostname, _port(address)):
            raise CallFailed(
                "other-address",
                f"the call would go to {address.hostname}, but {declared.netloc} is declared; nothing was sent",
            )

    async def _exchange(self, method: str, address: SplitResult) -> None:
        open_lines = await lines.lines()
        response = await open_lines.session.request(
            method,
            URL(self.target, encoded=True),
            data=self.request,
            # what is kept is what was sent, and no bomb to unpack
            headers=[*self.asked, ("Accept-Encoding", "identity")],
            allow_redirects=False,
            proxy=open_lines.proxy(address.scheme, address.hostname or ""),
            ssl=lines.tls() if address.scheme == "https" else True,
        )
        try:
            self.status, self.headers = response.status, response.headers
            self.response = await self._read(response)
        except BaseException:
            response.close()
            raise
        if 300 <= response.status < 400 and "location" in response.headers:
            where = response.headers["location"]
            raise CallFailed(
                "redirected",
                f"{self.url} redirects to {where}, and no redirect is followed: put the final address into `api_base`",
            )

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > self.max_bytes:
                self.response = bytes(body[:KEPT])
                raise self._too_large()
            self.response = bytes(body[:KEPT])
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


def _port(address: SplitResult) -> int | None:
    return address.port or {"http": 80, "https": 443}.get(address.scheme)


def _failure(error: Exception, url: str) -> CallFailed:
    causes = _causes(error)
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        why = _reason(error)
        return CallFailed("tls", f"no safe connection to {url}: {why}; check the address and its certificate")
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return CallFailed("connection", f"the name in {url} is not known: check the address", retriable=True)
    return CallFailed("connection", f"no answer from {url}: {_reason(error)}", retriable=True)


def _reason(error: Exception) -> str:
    """What happened, without the inside of a library."""
    if isinstance(error, aiohttp.ClientPayloadError):
        return "the answer ended before it was whole"
    if isinstance(error, aiohttp.ClientConnectorError):
        return str(error.os_error) or type(error.os_error).__name__
    return str(error) or type(error).__name__


def _causes(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found
