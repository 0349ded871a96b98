"""One HTTP request and its answer, blocking, in a thread: the bytes that left are kept, and no redirect is followed.

The standard library's client: it sends exactly what it is given, needs no further dependency and no start-up time.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, unquote

from choreo.players.proxy import proxy_for
from choreo.players.service import CallError

MOST = 10_000_000
"""Bytes of an answer that are read."""
KEPT = 65536
"""Bytes kept of an answer that is too large."""


@dataclass(frozen=True)
class Request:
    """`target` is the path with the query. `hidden` are the headers (lower case) whose values are never on record."""

    method: str
    address: SplitResult
    target: str
    headers: Mapping[str, str]
    body: bytes | None = None
    hidden: frozenset[str] = frozenset()

    @property
    def url(self) -> str:
        """Where it goes, without the query: for messages."""
        return f"{self.address.scheme}://{self.address.netloc}{self.target.partition('?')[0]}"


@dataclass
class Exchange:
    """`status`, `headers` and `body` are what came back, as far as it came."""

    request: Request
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    _line: _Plain | _Safe | None = None
    _socket: socket.socket | None = None
    _stopped: bool = False

    def make(self, seconds: float) -> None:
        """Send the request and read the answer whole. Raises CallError; `stop`, called elsewhere, ends it early."""
        try:
            self._make(seconds)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._failure(error) from error
        finally:
            if self._line is not None:
                self._line.close()

    def stop(self) -> None:
        """End the exchange from another thread: one that waits for the connection goes on at once.

        It is not closed here: its number could be another connection's before the waiting thread has seen it.
        """
        self._stopped = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    @property
    def sent(self) -> bytes:
        """What left, with the values of the hidden headers taken out."""
        head, end, body = bytes(self._line.noted if self._line else b"").partition(b"\r\n\r\n")
        return b"\r\n".join(map(self._shown, head.split(b"\r\n"))) + end + body

    def _shown(self, line: bytes) -> bytes:
        name, colon, _ = line.partition(b":")
        hidden = name.decode("latin-1").lower() in self.request.hidden
        return name + colon + b" [redacted]" if colon and hidden else line

    def _make(self, seconds: float) -> None:
        request, ends = self.request, time.monotonic() + seconds
        target = self._connect(seconds)
        line = self._line
        if line is None or self._stopped:
            raise TimeoutError
        line.noted.clear()
        if line.sock is not None:
            line.sock.settimeout(max(0.001, ends - time.monotonic()))
        line.request(request.method, target, request.body, dict(request.headers))
        with line.getresponse() as response:
            self.status = response.status
            self.headers = {name.lower(): value for name, value in response.getheaders()}
            self._read(response)

    def _connect(self, seconds: float) -> str:
        """Connect, through the environment's proxy where there is one; the target as the request line names it."""
        address = self.request.address
        scheme, host, port = address.scheme, address.hostname or "", address.port
        proxy = proxy_for(scheme, host)
        if proxy is None:
            self._line = _Safe(host, port, seconds) if scheme == "https" else _Plain(host, port, timeout=seconds)
        elif scheme == "https":
            self._line = _Safe(proxy.hostname or "", proxy.port, seconds)
            self._line.set_tunnel(host, port, _credentials(proxy))
        else:
            self._line = _Plain(proxy.hostname or "", proxy.port, timeout=seconds)
        self._line.connect()
        self._line.auto_open = 0  # a connection that was stopped is not opened again
        self._socket = self._line.sock
        through = proxy is not None and scheme == "http"
        return f"http://{address.netloc}{self.request.target}" if through else self.request.target

    def _read(self, response: http.client.HTTPResponse) -> None:
        found = bytearray()
        while part := response.read1(65536):
            found += part
            self.body = bytes(found[:KEPT])
            if len(found) > MOST:
                message = f"{self.request.url} answers with more than {MOST:,} bytes; reading was stopped"
                raise self.error("answer-too-large", message, unsure=True)
        self.body = bytes(found)
        if response.length:
            raise http.client.IncompleteRead(self.body, response.length)

    # -- what went wrong ---------------------------------------------------------------------------

    def error(self, code: str, message: str, **more: Any) -> CallError:
        """The failure of this call, with all that is known of it."""
        facts = {"url": self.request.url, "status": self.status}
        more = {"retriable": False, **facts, **more}
        return CallError(code, message, request=self.sent, response=self.body or None, **more)

    def _failure(self, error: Exception) -> CallError:
        url, left = self.request.url, bool(self._line and self._line.noted)
        if self._stopped or isinstance(error, TimeoutError):
            return self.error("timeout", f"{url} did not answer in time", retriable=True, unsure=left)
        if isinstance(error, ssl.SSLError) and not left:
            return self.error("tls", f"no safe connection to {url}: {error}; check the address and its certificate")
        if isinstance(error, socket.gaierror):
            message = f"the name in {url} is not known: check the address"
            return self.error("connection", message, retriable=True)
        if isinstance(error, ValueError | http.client.InvalidURL) and not left:
            return self.error("argument-error", f"the request to {url} cannot be sent: {error}")
        why = str(error) or type(error).__name__
        return self.error("connection", f"no answer from {url}: {why}", retriable=True, unsure=left)


class _Noted(http.client.HTTPConnection):
    """A connection that keeps what it sends."""

    noted: bytearray

    def send(self, data: Any) -> None:
        self.noted += data
        super().send(data)


class _Plain(_Noted):
    def __init__(self, host: str, port: int | None, timeout: float) -> None:
        super().__init__(host, port, timeout=timeout)
        self.noted = bytearray()


class _Safe(_Noted, http.client.HTTPSConnection):
    def __init__(self, host: str, port: int | None, timeout: float) -> None:
        http.client.HTTPSConnection.__init__(self, host, port, timeout=timeout, context=_tls())
        self.noted = bytearray()


@functools.cache
def _tls() -> ssl.SSLContext:
    """Made once: reading the certificates takes some 20 ms."""
    return ssl.create_default_context()


def _credentials(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    import base64

    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
