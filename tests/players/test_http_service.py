"""An http service, against a misbehaving server in another process: what left, what came back, what is on record."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from model_server import ModelServer, model_server
from model_visits import PLACE, template

from choreo.canonical import Payload
from choreo.errors import PlayFailed
from choreo.players import player_for
from choreo.players.base import Played, Visit
from choreo.spec import Expr, Fields, HttpService, Retry, Role
from choreo.trace import Attempt

TOKEN = "tok-http-service-0123456789"


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    with model_server() as running:
        yield running


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAY_TOKEN", TOKEN)
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)


def at(url: str, *more: str, **settings: Any) -> HttpService:
    """A service at a URL; `more` are further parts of the address, `{{...}}` is an expression."""
    headers = settings.pop("headers", {"Authorization": "Bearer ${env:PAY_TOKEN}"})
    told = tuple((name, template(text)) for name, text in headers.items())
    return HttpService(template(url, *more), PLACE, headers=told, **settings)


def form(**fields: str) -> Fields:
    return Fields(tuple((name, PLACE, Expr(text, PLACE)) for name, text in fields.items()), PLACE)


def play(
    service: HttpService, given: Any = None, *, deadline: float = 30.0, **role: Any
) -> tuple[Played | PlayFailed, list[Attempt]]:
    """What came of a play, and every attempt that is on record after it."""
    recorded: list[Attempt] = []
    played = Role("pay", PLACE, role.pop("kind", "actor"), service, **role)
    visit = Visit("run-1", 3, played, Payload.of({"id": 7} if given is None else given), deadline=deadline, seed=1)
    try:
        found = asyncio.run(player_for(service).play(visit, recorded.append))
    except PlayFailed as failed:
        return failed, recorded
    return found, [*recorded, *found.attempts]


def failed_with(service: HttpService, **more: Any) -> tuple[PlayFailed, list[Attempt]]:
    outcome, attempts = play(service, **more)
    assert isinstance(outcome, PlayFailed), outcome
    return outcome, attempts


def value_of(service: HttpService, given: Any = None, **more: Any) -> Any:
    outcome, _ = play(service, given, **more)
    assert isinstance(outcome, Played), outcome
    found = outcome.value
    return found.value if isinstance(found, Payload) else found


# -- what leaves -----------------------------------------------------------------------------------


def test_the_bytes_that_left_are_on_record_but_for_the_key(server: ModelServer) -> None:
    base = server.script("pays", [{"body": '{"receipt": "r-1"}'}])
    service = at(base, "/refunds/", "{{input.id}}", method="POST", body=form(amount="input.amount"))
    outcome, (attempt,) = play(service, {"id": 7, "amount": 12.5})
    (arrived,) = server.requests("pays")
    assert (arrived.method, arrived.path, arrived.body) == ("POST", "/pays/v1/refunds/7", b'{"amount":12.5}')
    assert arrived.headers["authorization"] == f"Bearer {TOKEN}"
    assert arrived.headers["content-type"] == "application/json"
    assert isinstance(outcome, Played)
    assert outcome.value.value == {"receipt": "r-1"}
    head, _, body = attempt.request.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /pays/v1/refunds/7 HTTP/1.1"
    assert "Authorization: [redacted]" in lines
    sent = {line.partition(": ")[0].lower() for line in lines[1:]}
    assert sent == set(arrived.headers)
    assert body == arrived.body
    assert (attempt.kind, attempt.response, attempt.cost) == ("http", b'{"receipt": "r-1"}', 0.0)
    assert attempt.facts["status"] == 200
    assert TOKEN.encode() not in attempt.request


def test_a_short_key_is_not_on_record_either(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIN", "0412")
    _, (attempt,) = play(at(server.url("echo"), headers={"X-Pin": "${env:PIN}"}))
    assert b"X-Pin: [redacted]" in attempt.request
    assert b"0412" not in attempt.request


def test_a_key_that_the_service_repeats_is_neither_output_nor_on_record(server: ModelServer) -> None:
    outcome, (attempt,) = play(at(server.url("echo")))
    assert isinstance(outcome, Played)
    assert outcome.value.value["headers"]["Authorization"] == "Bearer [redacted]"
    assert TOKEN.encode() not in (attempt.response or b"")
    failed, (attempt,) = failed_with(at(server.url("echo-key")))
    assert (failed.code, attempt.code) == ("auth", "auth")
    assert TOKEN not in failed.message + attempt.message
    assert b"[redacted]" in (attempt.response or b"")


@pytest.mark.parametrize("inserted", ["a/b?c=d#e", "%2e%2e", "x y\r\nHost: evil", "ü", "${env:PAY_TOKEN}", "{{ 1 }}"])
def test_what_is_inserted_into_the_address_stays_one_part_of_it(server: ModelServer, inserted: str) -> None:
    from urllib.parse import quote

    found = value_of(at(server.url("echo"), "/", "{{input.id}}", "/end?q=", "{{input.id}}"), {"id": inserted})
    coded = quote(inserted, safe="")
    assert found["path"] == f"/echo/v1/{coded}/end?q={coded}"


@pytest.mark.parametrize("inserted", ["..", "."])
def test_an_inserted_step_up_is_refused_before_anything_leaves(server: ModelServer, inserted: str) -> None:
    failed, (attempt,) = failed_with(at(server.url("echo:up"), "/", "{{input.id}}", "/x"), given={"id": inserted})
    assert (failed.code, attempt.code) == ("bad-address", "bad-address")
    assert server.requests("echo:up") == []


@pytest.mark.parametrize("url", ["ftp://a.example/", "file:///etc/passwd", "http://", "http://u:p@a.example/", "//a/b"])
def test_only_http_addresses_with_a_host_are_called(url: str) -> None:
    assert failed_with(at("", "{{input.url}}", headers={}), given={"url": url})[0].code == "bad-address"


def test_the_query_is_built_from_the_input(server: ModelServer) -> None:
    given = {"q": "a&b=c", "n": 3, "yes": True, "tags": ["x", "y"], "none": None}
    query = form(**{name: f"input.{name}" for name in given})
    found = value_of(at(server.url("echo") + "?fixed=1", query=query), given)
    assert found["path"] == "/echo/v1?fixed=1&q=a%26b%3Dc&n=3&yes=true&tags=x&tags=y"


def test_a_proxy_of_the_environment_is_used_but_never_for_this_machine(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.url("proxy").removesuffix("/proxy/v1"))
    failed, _ = failed_with(at("http://orders.example/a?b=1", headers={}))
    assert failed.code == "bad-request"
    assert server.requests("http:")[-1].path == "http://orders.example/a?b=1"
    assert value_of(at(server.url("echo")))["path"] == "/echo/v1"


def test_a_header_with_a_line_break_in_it_never_leaves(server: ModelServer) -> None:
    service = HttpService(
        template(server.url("echo:header")), PLACE, headers=(("X-Name", template("a", "{{input.id}}")),)
    )
    failed, _ = failed_with(service, given={"id": "b\r\nX-Evil: 1"})
    assert failed.code == "argument-error"
    assert server.requests("echo:header") == []


def test_a_missing_variable_and_a_null_are_told_before_anything_leaves(server: ModelServer) -> None:
    assert failed_with(at(server.url("echo"), headers={"A": "${env:NO_SUCH_THING}"}))[0].code == "env-missing"
    assert failed_with(at(server.url("echo"), "/", "{{input.id}}"), given={"id": None})[0].code == "argument-error"


def test_an_idempotent_effect_carries_one_key_over_its_retries(server: ModelServer) -> None:
    base = server.script("twice", [{"status": 503}, {"body": "{}"}])
    retry = Retry(attempts=2, backoff=0.01)
    value_of(at(base, method="POST"), effect="idempotent", retry=retry)
    assert [request.headers["idempotency-key"] for request in server.requests("twice")] == ["run-1/3"] * 2
    value_of(at(server.url("echo:own"), method="PUT", headers={"idempotency-key": "mine"}), effect="idempotent")
    assert server.requests("echo:own")[0].headers["idempotency-key"] == "mine"
    value_of(at(server.url("echo:none"), method="POST"))
    assert "idempotency-key" not in server.requests("echo:none")[0].headers


# -- what comes back -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "code", "unsure"),
    [
        ("status:400", "bad-request", False),
        ("status:404", "bad-request", False),
        ("status:403", "auth", False),
        ("status:500", "server-error", True),
        ("status:408", "server-error", True),
        ("retry-after:", "rate-limited", False),
        ("redirect", "redirected", False),
        ("html", "not-data", True),
        ("not-json", "not-data", True),
        ("nul", "not-data", True),
        ("gzip", "not-data", True),
        ("cut", "connection", True),
        ("reset", "connection", True),
    ],
)
def test_every_fault_has_its_own_code_and_is_one_request(
    server: ModelServer, mode: str, code: str, unsure: bool
) -> None:
    if mode == "nul":
        server.script("nul", [{"body": '{"a": "b\\u0000c"}'}])
    before = len(server.requests(mode))
    failed, (attempt,) = failed_with(at(server.url(mode), method="POST", body=form(n="1")))
    assert (failed.code, failed.unsure, failed.timeout, attempt.code) == (code, unsure, False, code)
    assert len(server.requests(mode)) == before + 1
    assert attempt.request.endswith(b'\r\n\r\n{"n":1}')
    if mode.startswith("status"):
        assert json.loads(attempt.response or b"")["error"]["message"] in failed.message


def test_no_redirect_is_followed_so_no_key_goes_anywhere_else(server: ModelServer) -> None:
    with model_server() as other:
        failed, (attempt,) = failed_with(at(server.url(f"redirect:{other.url('echo')}")))
        assert other.requests() == []
    assert failed.code == "redirected"
    assert other.url("echo") in failed.message
    assert attempt.facts["status"] == 307


def test_an_answer_without_a_body_is_null_where_none_was_to_come(server: ModelServer) -> None:
    base = server.script("empty", [{"status": 204, "body": ""}, {"status": 200, "body": ""}])
    assert value_of(at(base, method="DELETE")) is None
    assert failed_with(at(base))[0].code == "not-data"
    assert value_of(at(server.url("echo"), method="HEAD")) is None


@pytest.mark.parametrize("mode", ["hang:s", "drip:s"])
def test_a_call_ends_at_its_deadline_with_what_was_sent_on_record(server: ModelServer, mode: str) -> None:
    began = time.monotonic()
    failed, (attempt,) = failed_with(at(server.url(mode)), deadline=0.5)
    assert time.monotonic() - began < 10
    assert (failed.code, failed.timeout, failed.unsure) == ("timeout", True, True)
    assert attempt.request.startswith(b"GET /")


def test_an_endless_answer_is_cut_off(server: ModelServer) -> None:
    failed, (attempt,) = failed_with(at(server.url("huge:60000000")))
    assert (failed.code, len(attempt.response or b"")) == ("answer-too-large", 65536)
    sent = int(server.requests("huge-sent")[-1].body)
    assert sent < 40_000_000


def test_a_refused_connection_and_a_server_without_tls_are_told_apart(server: ModelServer) -> None:
    nobody = failed_with(at("http://127.0.0.1:9/"))[0]
    assert (nobody.code, nobody.unsure) == ("connection", False)
    plain = failed_with(at(server.url("echo").replace("http:", "https:")))[0]
    assert (plain.code, plain.unsure) == ("tls", False)


def test_cancelling_a_call_closes_its_connection(server: ModelServer) -> None:
    async def cancelled() -> None:
        service = at(server.url("hang:cancel"))
        visit = Visit("run-1", 1, Role("pay", PLACE, "reader", service), Payload.of({}), deadline=50.0)
        task = asyncio.ensure_future(player_for(service).play(visit, lambda _: None))
        for _ in range(1000):
            if server.requests("hang:cancel"):
                break
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    began = time.monotonic()
    asyncio.run(cancelled())
    assert time.monotonic() - began < 20


# -- again -----------------------------------------------------------------------------------------


def test_what_may_help_is_tried_again_and_each_try_is_on_record(server: ModelServer) -> None:
    base = server.script("flaky", [{"status": 500}, {"mode": "reset"}, {"mode": "hang"}, {"body": '{"n": 1}'}])
    outcome, attempts = play(at(base), retry=Retry(attempts=4, backoff=0.01), deadline=4.0)
    assert isinstance(outcome, Played), outcome
    assert [attempt.code for attempt in attempts] == ["server-error", "connection", "timeout", None]
    assert len(server.requests("flaky")) == 4


def test_the_wait_that_the_server_asks_for_is_kept(server: ModelServer) -> None:
    base = server.script("busy", [{"status": 429, "headers": {"retry-after": "0.3"}}, {"body": "{}"}])
    began = time.monotonic()
    outcome, attempts = play(at(base), retry=Retry(attempts=2, backoff=0.01))
    assert isinstance(outcome, Played)
    assert time.monotonic() - began >= 0.3
    late = server.script("late", [{"status": 429, "headers": {"retry-after": "3600"}}])
    failed, attempts = failed_with(at(late), retry=Retry(attempts=5, backoff=0.01))
    assert (failed.code, len(attempts)) == ("rate-limited", 1)


@pytest.mark.parametrize("mode", ["status:404", "html", "redirect"])
def test_what_cannot_help_is_not_tried_again(server: ModelServer, mode: str) -> None:
    assert len(failed_with(at(server.url(mode)), retry=Retry(attempts=3, backoff=0.01))[1]) == 1


def test_an_effect_that_happens_once_is_never_asked_for_twice(server: ModelServer) -> None:
    failed, attempts = failed_with(
        at(server.url("status:502"), method="POST"), retry=Retry(attempts=3, backoff=0.01), effect="once"
    )
    assert (failed.unsure, len(attempts)) == (True, 1)


def test_many_calls_at_once_have_their_own_answers(server: ModelServer) -> None:
    service = at(server.url("echo"), "/", "{{input.id}}")
    player = player_for(service)

    async def all_of_them() -> list[Any]:
        role = Role("find", PLACE, "researcher", service)
        visits = [Visit("run-1", n, role, Payload.of({"id": n}), deadline=60.0) for n in range(40)]
        return await asyncio.gather(*(player.play(visit, lambda _: None) for visit in visits))

    paths = [played.value.value["path"] for played in asyncio.run(all_of_them())]
    assert paths == [f"/echo/v1/{n}" for n in range(40)]
