"""What may happen once over all runs: who claimed it, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from choreo.canonical import Payload
from choreo.store import driver
from choreo.store.owner import Owner, is_alive


class ClaimTaken(Exception):
    """Another run or hop has the key. Nothing was written."""

    def __init__(self, run: str, name: tuple[str, str]) -> None:
        super().__init__(run)
        self.run = run
        self.scope, self.key = name


@dataclass(frozen=True, slots=True)
class Claim:
    """Who has a key: the hop of a run (0: the run as a whole), and how that hop ended.

    `status` is None while it has not ended. `played`: a living process owns the run; `asked`: a person is asked
    what became of the hop.
    """

    run: str
    hop: int
    status: str | None
    code: str | None
    output: Payload | None
    played: bool
    asked: bool


def take_claim(db: driver.Connection, name: tuple[str, str], owner: tuple[int, int], at: float, over: bool) -> None:
    """Claim `name` (scope, key) for `owner` (key of the run, hop), in the open transaction. Raises ClaimTaken."""
    verb = "INSERT OR REPLACE" if over else "INSERT OR IGNORE"
    done = db.execute(f"{verb} INTO claim(scope,key,run,hop,at) VALUES(?,?,?,?,?)", (*name, *owner, at))
    if done.rowcount != 1:
        query = "SELECT run.id FROM claim JOIN run ON run.key=claim.run WHERE scope=? AND claim.key=?"
        raise ClaimTaken(db.execute(query, name).fetchone()[0], name)


def find_claim(db: driver.Connection, name: tuple[str, str], now: float) -> Claim | None:
    """Who has claimed `name` (scope, key), as far as it is on disk."""
    row = db.execute(
        "SELECT run.id, c.hop, h.status, h.code, p.data, run.pid, run.host, run.process, run.until,"
        " EXISTS(SELECT 1 FROM decision d WHERE d.run=c.run AND d.hop=c.hop AND d.decision IS NULL)"
        " FROM claim c JOIN run ON run.key=c.run LEFT JOIN hop h ON h.run=c.run AND h.number=c.hop"
        " LEFT JOIN payload p ON p.id=h.output WHERE c.scope=? AND c.key=?",
        name,
    ).fetchone()
    if row is None:
        return None
    run, hop, status, code, data, pid, host, process, until, asked = row
    played = pid is not None and is_alive(Owner(pid, host, process or ""), until or 0.0, now)
    output = Payload(bytes(data)) if data is not None else None
    return Claim(run, hop, status, code, output, played, bool(asked))
