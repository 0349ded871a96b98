"""The connections of model calls: kept for the next call to the same address, closed with the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from choreo.players import lines, redact, wire
from choreo.players.client import CallFailed

BODY = b'{"ok": true}'


class Counting:
    """A server that counts its connections and how many of them are open."""

    def __init__(self, long: bytes = BODY) -> None:
        self.bodies = [long]
        self.connections = self.open = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                body = self.bodies.pop() if self.bodies else BODY
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.open -= 1
        finally:
            writer.close()


def served(server: Counting, calls: Callable[[str], Awaitable[None]]) -> None:
    """Make the calls in an event loop of their own."""

    async def main() -> None:
        async with await asyncio.start_server(server, "127.0.0.1", 0) as listening:
            await calls(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/")

    asyncio.run(main())


async def call(url: str, max_bytes: int = 1000) -> bytes:
    sent = wire.Wire(max_bytes, url, "")
    await sent.send("POST", url, (), b"")
    return sent.response


def test_calls_one_after_another_share_a_connection_and_calls_at_once_have_one_each() -> None:
    server = Counting()

    async def calls(url: str) -> None:
        for _ in range(5):
            assert await call(url) == BODY
        assert server.connections == 1
        for _ in range(2):
            await asyncio.gather(*(call(url) for _ in range(3)))
        assert server.connections == 3

    served(server, calls)


def test_the_end_of_the_event_loop_closes_what_is_open_and_the_next_one_begins_anew() -> None:
    server = Counting()

    async def calls(url: str) -> None:
        await call(url)

    served(server, calls)
    assert not lines._lines
    served(server, calls)
    assert server.connections == 2


def test_a_connection_whose_answer_was_not_read_to_its_end_is_not_used_again() -> None:
    server = Counting(long=b" " * 3_000_000)

    async def calls(url: str) -> None:
        with pytest.raises(CallFailed):
            await call(url, max_bytes=1000)
        assert await call(url) == BODY
        assert server.connections == 2

    served(server, calls)


def test_no_cookie_of_one_call_travels_with_the_next() -> None:
    seen: list[bytes] = []

    class Cookies(Counting):
        async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for _ in range(2):
                seen.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(b"HTTP/1.1 200 OK\r\nSet-Cookie: who=me\r\nContent-Length: 2\r\n\r\n{}")
            writer.close()

    async def calls(url: str) -> None:
        await call(url)
        await call(url)

    served(Cookies(), calls)
    assert len(seen) == 2
    assert not any(b"cookie" in head.lower() for head in seen)


def test_a_proxy_of_the_environment_is_gone_through_but_never_to_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []

    class Noting(Counting):
        async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            seen.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}")
            writer.close()

    async def calls(url: str) -> None:
        for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("http_proxy", url.replace("//", "//me:secret-of-the-proxy@"))
        await call("http://model.invalid/v1")
        await call(url)

    served(Noting(), calls)
    assert [head.split(b" ")[1] for head in seen] == [b"http://model.invalid/v1", b"/"]
    assert [b"proxy-authorization: basic" in head.lower() for head in seen] == [True, False]
    assert "secret-of-the-proxy" not in redact.text("it said secret-of-the-proxy")
