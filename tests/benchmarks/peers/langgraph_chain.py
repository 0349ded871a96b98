"""A 3-node chain in LangGraph with SqliteSaver: seconds per node for each line it reads. See ../peers.py."""

from __future__ import annotations

import itertools
import json
import sqlite3
import sys
import time
from typing import Any, TypedDict

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph


class State(TypedDict):
    payload: dict[str, Any]


def same(state: State) -> State:
    return {"payload": state["payload"]}


def main() -> None:
    value, runs = json.loads(sys.argv[2]), int(sys.argv[3])
    connection = sqlite3.connect(sys.argv[1], check_same_thread=False)
    graph = StateGraph(State)
    for name in "abc":
        graph.add_node(name, same)
    for source, target in ((START, "a"), ("a", "b"), ("b", "c"), ("c", END)):
        graph.add_edge(source, target)
    chain = graph.compile(checkpointer=SqliteSaver(connection))
    threads = itertools.count()
    for _ in sys.stdin:
        began = time.perf_counter()
        for _ in range(runs):
            chain.invoke({"payload": value}, {"configurable": {"thread_id": str(next(threads))}}, durability="sync")
        print((time.perf_counter() - began) / (3 * runs), flush=True)


if __name__ == "__main__":
    main()
