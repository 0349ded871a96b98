"""The services of the example specs: real work on real files, every answer inside its contract."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from jsonschema import Draft202012Validator

ROOT = Path(__file__).resolve().parents[2]
MARIA = "maria.lindqvist@posteo.example"


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def module(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / "specs" / path)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def meets(name: str, value: Any) -> Any:
    newest = sorted((ROOT / f"schemas/{name}").glob("*.json"))[-1]
    schema = read(newest)
    assert [error.message for error in Draft202012Validator(schema).iter_errors(value)] == []
    return value


def ask(
    order_id: str | None,
    sender: str = MARIA,
    received: str = "2026-11-16T08:41:00Z",
    text: str | None = None,
) -> Any:
    """What the desk knows when `order_id` was read in an email of this text (where none is given: in itself)."""
    told = {"order_id": order_id, "text": order_id or "" if text is None else text}
    query = meets("order_query", {**told, "sender": sender, "received": received})
    return meets("facts", module("support/orders.py").lookup(query))


# -- the order database ---------------------------------------------------------------------------


@pytest.mark.parametrize("written", ["A-1042", "a-1042", "#A1042", "order A 1042", "A#1042"])
def test_an_order_is_found_however_its_number_is_written(written: str) -> None:
    facts = ask(written)
    assert (facts["found"], facts["order_id"], facts["refundable_cents"]) == (True, "A-1042", 4990)
    assert facts["refundable"] == "49.90 EUR"


@pytest.mark.parametrize("written", [None, "", "the blanket", "12345", "A-10425"])
def test_without_an_order_number_nothing_is_found(written: str | None) -> None:
    assert ask(written)["notes"][0] == "The email gives no order number, so no order was found."


def test_an_unknown_order_is_not_found() -> None:
    facts = ask("A-1086")
    assert (facts["found"], facts["refundable_cents"]) == (False, 0)
    assert facts["notes"][0] == "There is no order A-1086: the number is wrong."


@pytest.mark.parametrize(
    ("read", "text", "order_id"),
    [
        ("A-1042", "Please refund the blanket.", None),
        ("none", "The blanket, order number a1042, is too small.", "A-1042"),
        ("A-1057", "My order A-1042", "A-1042"),
        ("A-1042", "Not A-1057 but A 1042", "A-1042"),
        ("none", "My order A-1086", None),
        ("A-1086", "My order A-1086", None),
        ("none", "since 2026 I paid a 1000 times", None),
        ("none", "the number is 1042-A or 10-42", None),
    ],
)
def test_a_number_that_was_read_counts_only_where_the_email_holds_it(read: str, text: str, order_id: Any) -> None:
    assert ask(read, text=text)["order_id"] == order_id


def test_orders_of_others_do_not_count_as_the_senders() -> None:
    assert ask("none", text="A-1042 and A-1057")["own_orders"] == 1
    assert ask("none", text="A-1094 and A-1095", sender="grace.nakamura@webmail.example")["own_orders"] == 2


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("", False),
        ("Please refund the 49.90 EUR.", False),
        ("Please refund my €49,90!", False),
        ("Please refund 10,000 EUR.", True),
        ("Pay 499 euros.", True),
        ("I paid 49.90 EUR and 5 EUR for postage", True),
        ("It is 120 cm long, I am 49.", False),
    ],
)
def test_an_amount_that_is_not_the_price_is_noticed(text: str, other: bool) -> None:
    assert ask("A-1042", text=f"Order A-1042. {text}")["other_amounts"] is other


@pytest.mark.parametrize(
    ("order_id", "sender", "received", "allows"),
    [
        ("A-1042", MARIA, "2026-11-16T08:41:00Z", ["refund", "replace", "answer_question"]),
        ("A-1042", MARIA, "2027-11-16T08:41:00Z", ["decline", "decline", "answer_question"]),
        ("A-1031", "carl.novak@postbox.example", "2026-11-16T21:48:00Z", ["decline", "decline", "answer_question"]),
        ("A-1080", "liam.byrne@eircom.example", "2026-11-16T13:27:00Z", ["escalate", "escalate", "answer_question"]),
        ("A-1099", "yusuf.aydin@posta.example", "2026-11-16T13:27:00Z", ["refund", "replace", "answer_question"]),
        ("A-1042", "nina.solberg@post.example", "2026-11-16T08:41:00Z", ["ask_order_number"] * 3),
        (None, MARIA, "2026-11-16T08:41:00Z", ["ask_order_number"] * 3),
    ],
)
def test_the_order_says_what_the_house_makes_of_each_wish(
    order_id: str | None, sender: str, received: str, allows: list[str]
) -> None:
    wishes = ("refund", "replace", "track_order")
    assert ask(order_id, sender, received)["allows"] == dict(zip(wishes, allows, strict=True))


def test_nothing_is_told_about_the_order_of_somebody_else() -> None:
    facts = ask("A-1042", sender="nina.solberg@post.example")
    assert (facts["found"], facts["item"], facts["status"], facts["refundable_cents"]) == (False, None, None, 0)
    assert "blanket" not in json.dumps(facts)


def test_the_address_decides_whose_order_it_is_in_upper_or_lower_case() -> None:
    assert ask("A-1042", sender=MARIA.upper())["found"]


def test_after_thirty_days_nothing_can_be_paid_back() -> None:
    assert ask("A-1042", received="2026-12-10T10:00:00Z")["refundable_cents"] == 4990
    assert ask("A-1042", received="2026-12-11T10:00:00Z")["refundable_cents"] == 0


def test_what_was_paid_back_is_not_paid_back_again() -> None:
    facts = ask("A-1031", sender="carl.novak@postbox.example")
    assert facts["refundable_cents"] == 0
    assert "29.90 EUR was already paid back on 2026-11-09." in facts["notes"]


def test_an_order_number_is_never_read_as_sql() -> None:
    assert ask("A-1042' OR 'x'='")["order_id"] == "A-1042"
    assert ask("' OR 1=1 --")["found"] is False


@pytest.mark.parametrize("path", sorted((ROOT / "specs/support/emails").glob("*.json")), ids=lambda path: path.stem)
def test_every_sample_email_can_be_looked_up(path: Path) -> None:
    email = read(path)
    for order_id in (None, email["subject"], email["body"]):
        ask(order_id and order_id[:20], email["sender"], email["received"], email["subject"] + " " + email["body"])


def test_looking_up_changes_no_file() -> None:
    before = {path: path.stat().st_mtime_ns for path in (ROOT / "specs/support").rglob("*") if path.suffix != ".pyc"}
    ask("A-1042")
    after = {path: path.stat().st_mtime_ns for path in (ROOT / "specs/support").rglob("*") if path.suffix != ".pyc"}
    assert {path for path in after if path.is_file() and before.get(path) != after[path]} == set()


# -- the outbox -----------------------------------------------------------------------------------


def reply(**changed: Any) -> dict[str, Any]:
    whole = {
        "case_id": "r1",
        "to": MARIA,
        "order_id": "A-1042",
        "action": "refund",
        "refund_cents": 4990,
        "currency": "EUR",
        "stakes": "low",
        "why": "Within the limits of the desk.",
        "subject": "Your return",
        "body": "Hello",
    }
    return {**whole, **changed}


def test_a_reply_sent_twice_is_one_file_with_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    send = module("support/outbox.py").send
    first = meets("sent", send(meets("reply", reply())))
    data = (tmp_path / first["file"]).read_bytes()
    assert send(reply()) == first
    assert [path.name for path in (tmp_path / "outbox").iterdir()] == ["r1.json"]
    assert (tmp_path / first["file"]).read_bytes() == data
    assert read(tmp_path / first["file"]) == reply()


def test_no_case_number_leads_out_of_the_outbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sent = module("support/outbox.py").send(reply(case_id="../../etc/x"))
    assert (tmp_path / sent["file"]).resolve().parent == (tmp_path / "outbox").resolve()


# -- expense-check --------------------------------------------------------------------------------


def claim(name: str) -> dict[str, Any]:
    given = {"currency": "EUR", **read(ROOT / f"specs/expense/inputs/{name}.json")}
    lines = given["lines"]
    without = [line["what"] for line in lines if not line["receipt"]]
    equipment = any(line["category"] == "equipment" for line in lines)
    return meets("claim", {**given, "without_receipt": without, "equipment": equipment})


def test_the_policy_cuts_what_is_too_dear_and_what_has_no_receipt() -> None:
    found = meets("policy_check", module("expense/policy.py").check(claim("02-dinner-above-limit")))
    assert (found["total_cents"], found["allowed_cents"]) == (25560, 19400)
    assert found["findings"] == [
        "Dinner with a customer: 82.60 EUR, of which the policy pays 45.00 EUR.",
        "Taxi, receipt lost: 24.00 EUR without a receipt, not paid.",
    ]


@pytest.mark.parametrize(("name", "paid"), [("01-small", False), ("03-paid-before", True)])
def test_the_ledger_command_knows_what_was_paid(name: str, paid: bool) -> None:
    script = ROOT / "specs/expense/ledger.py"
    call = [sys.executable, str(script)]
    done = subprocess.run(call, input=json.dumps(claim(name)), capture_output=True, text=True, check=True)
    found = meets("ledger_check", json.loads(done.stdout))
    assert found["already_paid"] is paid
    assert bool(found["findings"]) is paid
    assert script.stat().st_mode & 0o111, "the spec starts it as a program"


def test_each_payment_is_a_line_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pay = module("expense/payments.py").pay
    payout = {
        "id": "E-2041",
        "employee": "Ines Okoro",
        "currency": "EUR",
        "decision": "pay",
        "cents": 8270,
        "findings": [],
    }
    receipts = [meets("payment", pay(meets("payout", payout))) for _ in range(2)]
    assert [receipt["line"] for receipt in receipts] == [1, 2]
    lines = [json.loads(line) for line in (tmp_path / "payments.jsonl").read_text().splitlines()]
    assert [line["cents"] for line in lines] == [8270, 8270]


# -- release-notes --------------------------------------------------------------------------------


def release(name: str) -> dict[str, Any]:
    return {"max_chars": 600, **read(ROOT / f"specs/release/inputs/{name}.json")}


def test_changes_are_sorted_by_the_kind_in_their_titles() -> None:
    grouped = meets("grouped", module("release/notes.py").group(release("04-breaking")))
    assert grouped["breaking"] == ["tokens are valid for one day (#210)"]
    assert grouped["features"] == ["invoices as PDF (#211)"]
    assert grouped["fixes"] == ["slow start after an update (#212)"]


def test_a_title_without_a_kind_is_refused_with_its_number() -> None:
    with pytest.raises(ValueError, match="#210 is titled 'various improvements', expected"):
        module("release/notes.py").group(release("05-unsorted"))


def test_notes_that_are_sent_back_get_shorter_and_keep_what_breaks() -> None:
    notes = module("release/notes.py")
    grouped = notes.group(release("03-too-long"))
    texts = [meets("notes", notes.write(grouped))]
    for _ in range(2):
        texts.append(meets("notes", notes.write(grouped, texts[-1], {"problems": ["too long"]})))
    lengths = [len(notes["text"]) for notes in texts]
    assert lengths[0] > lengths[1] >= lengths[2]
    assert all(change in texts[-1]["text"] for change in grouped["breaking"])


def test_publishing_twice_leaves_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    publish = module("release/notes.py").publish
    publication = meets("publication", {"version": "2.4.1", "text": "# 2.4.1\n"})
    assert publish(publication) == publish(publication) == meets("published", publish(publication))
    assert [path.name for path in (tmp_path / "release-notes").iterdir()] == ["2.4.1.md"]
