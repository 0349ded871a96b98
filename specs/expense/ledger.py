#!/usr/bin/env python3
"""Looks a claim up in the ledger: the claim as JSON on stdin, `ledger_check@1` as JSON on stdout."""

import csv
import json
import sys
from pathlib import Path


def main() -> None:
    claim = json.load(sys.stdin)
    with Path(__file__).with_name("ledger.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    year = max(line["date"] for line in claim["lines"])[:4]
    mine = [row for row in rows if row["employee"] == claim["employee"] and row["paid_on"].startswith(year)]
    paid = next((row for row in rows if row["id"] == claim["id"]), None)
    answer = {
        "already_paid": paid is not None,
        "paid_on": paid["paid_on"] if paid else None,
        "year_to_date_cents": sum(int(row["cents"]) for row in mine),
        "findings": [f"Claim {claim['id']} was paid on {paid['paid_on']}."] if paid else [],
    }
    json.dump(answer, sys.stdout)


main()
