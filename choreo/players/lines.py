"""The connections of model calls: kept for the next call to the same address, closed with their event loop.

aiohttp (which litellm brings) holds them: a call costs it 0.1 ms of CPU. httpx, one connection to a client, took five
times that, and with all connections in one pool fifty times: its pool looks through all of them for every call.
"""

from __future__ import annotations

import asyncio
import functools
import os
import ssl
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from urllib.parse import unquote

import aiohttp
from aiohttp.resolver import ThreadedResolver

from choreo.players import redact
from choreo.players.proxy import LOOPBACK, proxy_for

_LONGEST_HEADER = 65536
IDLE_SECONDS = 3.0
"""How long a connection is kept for the next call to its address: less than servers do, so none is met half closed."""


@dataclass
class Lines:
    """The connections of one event loop. What the environment says of proxies is read once for each address."""

    session: aiohttp.ClientSession
    _proxies: dict[tuple[str, str], str | None] = field(default_factory=dict)

    def proxy(self, scheme: str, host: str) -> str | None:
        """The address of the proxy on the way to a host, None for none."""
        known = (scheme, host)
        if known not in self._proxies:
            self._proxies[known] = _proxy(scheme, host)
        return self._proxies[known]


_lines: dict[asyncio.AbstractEventLoop, tuple[Lines, AsyncGenerator[None, None]]] = {}


async def lines() -> Lines:
    """The connections of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _lines:
        made = Lines(_session())
        closing = _closing(loop, made)
        _lines[loop] = made, closing
        await anext(closing)
    return _lines[loop][0]


async def _closing(loop: asyncio.AbstractEventLoop, made: Lines) -> AsyncGenerator[None, None]:
    """Closes the connections when the loop ends: it ends its generators then."""
    try:
        yield
    finally:
        del _lines[loop]
        await made.session.close()


def _session() -> aiohttp.ClientSession:
    """How many connections there are is decided by who calls; how long a call may take, too; nothing is remembered
    of a server (cookies), nothing added to a request, and what comes is not unpacked unseen."""
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_SECONDS, resolver=ThreadedResolver())
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None),
        skip_auto_headers=("User-Agent", "Content-Type"),
        auto_decompress=False,
        max_line_size=_LONGEST_HEADER,
        max_field_size=_LONGEST_HEADER,
    )


def _proxy(scheme: str, host: str) -> str | None:
    found = proxy_for(scheme, host) or (proxy_for("all", host) if host not in LOOPBACK else None)
    if found is None:
        return None
    if found.password:
        redact.register(unquote(found.password))
    return found.geturl()


@functools.cache
def tls() -> ssl.SSLContext:
    """Made once: reading the certificates takes some 20 ms. As httpx does it, and with it all of litellm."""
    import certifi

    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if file or folder:
        context = ssl.create_default_context(cafile=file or None, capath=None if file else folder)
    else:
        context = ssl.create_default_context(cafile=certifi.where())
    context.set_alpn_protocols(["http/1.1"])
    return context
