"""`choreo diff`: what changed from one run to another. Looks at the record, plays nothing."""

from __future__ import annotations

import json

from choreo.commands.speech import out
from choreo.errors import DONE, FAILED
from choreo.render.compared import Told, compare
from choreo.render.run_diff import diff_json, diff_text
from choreo.store import RunRecord, Store, find_store


def diff(before: str, after: str, *, every: bool, exit_code: bool, as_json: bool, db: str | None) -> int:
    """Compare two runs. Gives 0, or with `exit_code` 1 where they differ in more than cost and latency."""
    store = Store.read(find_store(db))
    try:
        found = compare(_told(store, store.find(before)), _told(store, store.find(after)))
    finally:
        store.close()
    if as_json:
        out(json.dumps(diff_json(found, every=every), ensure_ascii=False, indent=2))
    else:
        out(diff_text(found, every=every).rstrip("\n"))
    return FAILED if exit_code and found.differs else DONE


def _told(store: Store, record: RunRecord) -> Told:
    taken = {hop: kind for hop, (kind, _, _) in store.taken(record).items()}
    below = {one.parent_hop or 0: _told(store, one) for one in store.below(record.id) if one.parent == record.id}
    return Told(record, store.history(record), taken, below)
