"""`service: {http: {...}}`: one HTTP request, whose JSON answer is the output."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from choreo.canonical import NotData, decode, encode
from choreo.expression import CompiledForm, ExpressionError, compile_form
from choreo.players import redact
from choreo.players.base import RoleNames, Visit
from choreo.players.completion import message_in, retry_after
from choreo.players.filled import filled
from choreo.players.http_exchange import Exchange, Request
from choreo.players.service import Called, CallError, output_of
from choreo.players.workers import in_worker
from choreo.spec import HttpService, Template

_EARLIER = 0.05
"""Share of its time by which a call ends before the player's own clock, which knows nothing of what was sent."""
_KEYS = frozenset(("authorization", "proxy-authorization", "cookie", "x-api-key", "api-key", "x-goog-api-key"))


class HttpCall:
    """Texts of the spec may hold `{{ CEL }}`; what is inserted into the address is percent-encoded.

    No redirect is followed: a key would travel to an address that no spec declares. An actor's `effect: idempotent`
    sends an `Idempotency-Key` (run id/hop) that stays the same over retries and `resume`, unless the spec sets one.
    """

    kind = "http"
    ends_in_time = True

    def __init__(self, service: HttpService) -> None:
        self._service = service
        self._query = _compiled(service.query)
        self._body = _compiled(service.body)

    async def __call__(self, visit: Visit, seconds: float) -> Called:
        exchange = Exchange(self._request(visit))
        seconds *= 1 - _EARLIER
        late = asyncio.get_running_loop().call_later(seconds, exchange.stop)
        try:
            await in_worker(lambda: exchange.make(seconds))
        finally:
            late.cancel()
            exchange.stop()
        exchange.body = redact.data(exchange.body)  # what a service repeats of a key is no output
        _must_be_good(exchange)
        value = None if _is_empty(exchange) else _read(exchange)
        facts = {"url": redact.text(exchange.request.url), "status": exchange.status}
        return Called(value, exchange.sent, exchange.body, facts)

    def _request(self, visit: Visit) -> Request:
        scope = RoleNames(visit)
        try:
            url = _with_query(self._address(scope), self._query.build(scope).value if self._query else None)
            headers = {name: filled(text, scope) for name, text in self._service.headers}
            body = self._body.build(scope).data if self._body else None
        except ExpressionError as error:
            raise CallError("argument-error", str(error), retriable=False) from error
        parts = urlsplit(url)
        target = quote(parts._replace(scheme="", netloc="", fragment="").geturl() or "/", safe=redact.ADDRESS)
        told = {name.lower(): value for name, value in headers.items()}
        more = {name: value for name, value in self._defaults(visit, body) if name.lower() not in told}
        secret = (name.lower() for name, text in self._service.headers if _holds_secret(text))
        return Request(
            self._service.method,
            parts,
            target if target.startswith("/") else f"/{target}",
            {**headers, **more},
            body,
            _KEYS.union(secret),
        )

    def _address(self, scope: RoleNames) -> str:
        """The address, filled in. Raises CallError where it is none, or leads elsewhere than the spec says."""
        template = self._service.url
        opens = not isinstance(template.parts[0], str)  # begins with an expression: that one is an address itself
        first = filled(Template(template.parts[:1], template.place), scope) if opens else ""
        rest = Template(template.parts[opens:], template.place)
        url = first + filled(rest, scope, lambda text: quote(text, safe=""))
        try:
            parts = urlsplit(url)
            sound = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            sound = False
        if not sound or "@" in parts.netloc or re.search(r"[\x00-\x20\x7f]", url):
            shown = redact.text(url[:200])
            message = f"`{shown}` is no address: it is http or https, with a host, and without a name or key before it"
            raise CallError("bad-address", message, retriable=False)
        if any(part in (".", "..") for part in parts.path.split("/")):
            message = f"the path of `{redact.text(url[:200])}` leads elsewhere than the spec says (`.` or `..`)"
            raise CallError("bad-address", message, retriable=False)
        return url

    def _defaults(self, visit: Visit, body: bytes | None) -> Iterator[tuple[str, str]]:
        yield "Accept", "application/json"
        yield "User-Agent", "choreo"
        yield "Connection", "close"
        if body is not None:
            yield "Content-Type", "application/json"
        if visit.role.effect == "idempotent" and not self._service.reads_only:
            yield "Idempotency-Key", "/".join(filter(None, (visit.run, str(visit.hop), visit.call)))


def _compiled(form: Any) -> CompiledForm | None:
    return None if form is None else compile_form(form)


def _holds_secret(text: Template) -> bool:
    return any(isinstance(part, str) and "${env:" in part for part in text.parts)


def _with_query(url: str, query: Any) -> str:
    """The address with the query's fields: texts as they are, other values as JSON, null left out, a list as one pair
    for each element."""
    if query is None:
        return url
    if not isinstance(query, dict):
        raise CallError("argument-error", "`query` does not give an object", retriable=False)
    pairs = [
        (name, one if isinstance(one, str) else encode(one).decode())
        for name, value in query.items()
        for one in (value if isinstance(value, list) else [value])
        if one is not None
    ]
    joined = "&" if "?" in url else "?"
    return url + joined + urlencode(pairs) if pairs else url


def _must_be_good(exchange: Exchange) -> None:
    """Raises CallError with what a status other than 2xx means. Its body stays on record."""
    status, url = exchange.status or 0, redact.text(exchange.request.url)
    if 200 <= status < 300:
        return
    said = message_in(exchange.body)
    told = f"{url} answers {status}" + (f": {said}" if said else "")
    wait = retry_after(exchange.headers.get("retry-after"), time.time())
    if 300 <= status < 400:
        where = redact.text(exchange.headers.get("location", "nowhere"))[:200]
        message = f"{url} redirects to {where}, and no redirect is followed: write the final address"
        raise exchange.error("redirected", message, unsure=status not in (307, 308))
    if status == 429:
        asked = f" (asks to wait {wait:g} s)" if wait is not None else ""
        raise exchange.error("rate-limited", told + asked, retriable=True, retry_after=wait)
    if status >= 500 or status == 408:
        raise exchange.error("server-error", told, retriable=True, retry_after=wait, unsure=True)
    if status in (401, 403, 407):
        raise exchange.error("auth", f"{told}; check the key (`${{env:NAME}}` in a header)")
    raise exchange.error("bad-request", told, unsure=status < 200)


def _is_empty(exchange: Exchange) -> bool:
    """Whether nothing was to come back: then the output is null."""
    return not exchange.body and (exchange.request.method == "HEAD" or exchange.status in (204, 205))


def _read(exchange: Exchange) -> Any:
    try:
        return output_of(decode(redact.output(exchange.body)))
    except (NotData, ValueError) as error:
        page = b"<html" in exchange.body[:2000].lower()
        hint = " (a web page: a login page, a proxy or a wrong address?)" if page else ""
        message = f"{redact.text(exchange.request.url)} does not answer with one JSON value{hint}: {error}"
        raise exchange.error("not-data", message, unsure=True) from error
