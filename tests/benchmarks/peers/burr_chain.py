"""A 3-action chain in Burr with its SQLite persister: seconds per action for each line it reads. See ../peers.py."""

from __future__ import annotations

import itertools
import json
import sys
import time
from typing import Any

from burr.core import ApplicationBuilder, State, action
from burr.core.persistence import SQLitePersister


def main() -> None:
    value, runs = json.loads(sys.argv[2]), int(sys.argv[3])
    persister = SQLitePersister(db_path=sys.argv[1], table_name="burr_state")
    persister.initialize()
    numbers = itertools.count()
    for _ in sys.stdin:
        began = time.perf_counter()
        for _ in range(runs):
            _chain(persister, str(next(numbers)), value).run(halt_after=["c"])
        print((time.perf_counter() - began) / (3 * runs), flush=True)


def _chain(persister: Any, run: str, value: Any) -> Any:
    @action(reads=["payload"], writes=["payload"])
    def same(state: State) -> State:
        return state.update(payload=state["payload"])

    return (
        ApplicationBuilder()
        .with_actions(a=same, b=same, c=same)
        .with_transitions(("a", "b"), ("b", "c"))
        .with_state(payload=value)
        .with_entrypoint("a")
        .with_identifiers(app_id=run, partition_key="bench")
        .with_state_persister(persister)
        .build()
    )


if __name__ == "__main__":
    main()
