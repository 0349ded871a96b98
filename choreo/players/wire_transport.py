"""What litellm's HTTP clients send through: a transport that hands each request to the `Wire` of the call in progress.

litellm builds its own clients, for some providers the OpenAI SDK's, for others its own; all of them take their
transport from one function, which is replaced by this class (see `choreo.players.library`). It belongs to no event
loop and keeps no connection.
"""

from __future__ import annotations

import httpx

from choreo.players.client import CallFailed
from choreo.players.wire import CURRENT

_HOP_HEADERS = ("content-encoding", "content-length", "transfer-encoding")


class WireTransport(httpx.AsyncBaseTransport):
    """Outside a call nothing leaves."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer; a failure in a form that HTTP libraries know (what really happened is in `Wire.failure`)."""
        wire = CURRENT.get(None)
        if wire is None:
            raise httpx.ConnectError("no model call is in progress", request=request)
        try:
            body = await request.aread()
            await wire.send(request.method, str(request.url), request.headers.multi_items(), body)
        except CallFailed as failure:
            raise httpx.ConnectError(failure.message, request=request) from None
        kept = [(name, value) for name, value in wire.headers.items() if name.lower() not in _HOP_HEADERS]
        return httpx.Response(wire.status or 0, headers=kept, content=wire.response, request=request)
