"""The tables of the trace store, built and migrated with sqlite-utils.

Payloads are kept once each, by digest; other tables name them by `payload.id`. `run.key` is the
short number other tables use. `seq` orders all events of a run. The views give people text.

A released version of the tables never changes: what is new is a further step of `_STEPS`, and `VERSION` counts them.
"""

from __future__ import annotations

from typing import Any

APPLICATION_ID = 0x43484F52  # "CHOR"
VERSION = 2

_TABLES = """
CREATE TABLE plan (
  digest TEXT PRIMARY KEY, spec TEXT NOT NULL, sources BLOB NOT NULL, created REAL NOT NULL
) STRICT;
CREATE TABLE payload (
  id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, data BLOB NOT NULL
) STRICT;
CREATE TABLE run (
  key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, spec TEXT NOT NULL, version TEXT NOT NULL,
  plan TEXT NOT NULL REFERENCES plan(digest), status TEXT NOT NULL, created REAL NOT NULL, changed REAL NOT NULL,
  outcome TEXT, code TEXT, message TEXT, result INTEGER REFERENCES payload(id),
  hops INTEGER NOT NULL DEFAULT 0, cost REAL NOT NULL DEFAULT 0, priced INTEGER NOT NULL DEFAULT 1,
  labels TEXT NOT NULL DEFAULT '{}', settings TEXT NOT NULL DEFAULT '{}',
  seq INTEGER NOT NULL DEFAULT 0, chain BLOB NOT NULL,
  epoch INTEGER NOT NULL DEFAULT 0, pid INTEGER, host TEXT, process TEXT, until REAL
) STRICT;
CREATE INDEX run_status ON run(status);
CREATE TABLE event (
  run INTEGER NOT NULL, seq INTEGER NOT NULL, kind TEXT NOT NULL, at REAL NOT NULL,
  payload INTEGER REFERENCES payload(id), detail TEXT NOT NULL, PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE hop (
  run INTEGER NOT NULL, number INTEGER NOT NULL, seq INTEGER NOT NULL, started REAL NOT NULL,
  role TEXT NOT NULL, visit INTEGER NOT NULL, handoff INTEGER NOT NULL, scope TEXT NOT NULL,
  input INTEGER NOT NULL REFERENCES payload(id), previous INTEGER REFERENCES payload(id),
  feedback INTEGER REFERENCES payload(id), effect INTEGER NOT NULL,
  finished_seq INTEGER, finished REAL, status TEXT, output INTEGER REFERENCES payload(id), code TEXT, message TEXT,
  confidence REAL, confidence_source TEXT, confidence_detail TEXT, cost REAL, priced INTEGER, seconds REAL,
  contract TEXT, contract_digest TEXT, violations TEXT,
  PRIMARY KEY (run, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE attempt (
  run INTEGER NOT NULL, hop INTEGER NOT NULL, number INTEGER NOT NULL, seq INTEGER NOT NULL, kind TEXT NOT NULL,
  request INTEGER REFERENCES payload(id), response INTEGER REFERENCES payload(id), started REAL NOT NULL,
  seconds REAL NOT NULL, code TEXT, message TEXT NOT NULL, model TEXT, tokens_in INTEGER, tokens_out INTEGER,
  cost REAL, finish TEXT, who TEXT, facts TEXT NOT NULL, PRIMARY KEY (run, hop, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE handoff (
  run INTEGER NOT NULL, number INTEGER NOT NULL, seq INTEGER NOT NULL, at REAL NOT NULL, edge INTEGER NOT NULL,
  sources TEXT NOT NULL, target TEXT NOT NULL, state TEXT NOT NULL, payload INTEGER REFERENCES payload(id),
  scope TEXT NOT NULL, contract TEXT, contract_digest TEXT, violations TEXT, blame TEXT, code TEXT,
  message TEXT NOT NULL, firing INTEGER NOT NULL, joined INTEGER NOT NULL, arrival INTEGER NOT NULL,
  exempt INTEGER NOT NULL, PRIMARY KEY (run, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE decision (
  run INTEGER NOT NULL, number INTEGER NOT NULL, seq INTEGER NOT NULL, asked REAL NOT NULL, kind TEXT NOT NULL,
  touchpoint TEXT NOT NULL, payload INTEGER NOT NULL REFERENCES payload(id), handoff INTEGER NOT NULL,
  hop INTEGER NOT NULL, due REAL, why TEXT NOT NULL, scope TEXT NOT NULL,
  answered REAL, decision TEXT, shown TEXT, who TEXT, edited INTEGER REFERENCES payload(id), reason TEXT,
  seconds REAL, decided_seq INTEGER, decided REAL, PRIMARY KEY (run, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX decision_open ON decision(asked) WHERE decision IS NULL;
"""

_VIEWS = """
CREATE VIEW hop_view AS SELECT
  run.id AS run, hop.number, hop.role, hop.visit, hop.status, hop.code, hop.message,
  CAST(i.data AS TEXT) AS input, CAST(o.data AS TEXT) AS output, hop.confidence, hop.confidence_source, hop.cost,
  hop.seconds, hop.contract, hop.violations, datetime(hop.started, 'unixepoch') AS started, run.spec, run.version
  FROM hop JOIN run ON run.key = hop.run JOIN payload i ON i.id = hop.input LEFT JOIN payload o ON o.id = hop.output;
CREATE VIEW correction AS SELECT
  run.id AS run, decision.touchpoint, decision.who, decision.reason, decision.seconds,
  CAST(b.data AS TEXT) AS before, CAST(a.data AS TEXT) AS after, b.digest AS before_digest, a.digest AS after_digest,
  datetime(decision.answered, 'unixepoch') AS at, run.spec, run.version
  FROM decision JOIN run ON run.key = decision.run JOIN payload b ON b.id = decision.payload
  JOIN payload a ON a.id = decision.edited WHERE decision.decision = 'edit';
"""

_WAITING = """
ALTER TABLE run ADD COLUMN due REAL;
ALTER TABLE run ADD COLUMN stop TEXT;
ALTER TABLE run ADD COLUMN parent TEXT;
ALTER TABLE run ADD COLUMN parent_hop INTEGER;
CREATE INDEX run_due ON run(due) WHERE due IS NOT NULL;
CREATE TABLE claim (
  scope TEXT NOT NULL, key TEXT NOT NULL, run INTEGER NOT NULL, hop INTEGER NOT NULL, at REAL NOT NULL,
  PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX attempt_cache_key ON attempt(json_extract(facts, '$.cache_key'))
  WHERE json_extract(facts, '$.cache_key') IS NOT NULL;
"""
"""`run.due`: when the first delay or question of the run runs out. `run.stop`: who asked its owner to stop.
`run.parent`, `run.parent_hop`: the id of the run, and its hop, that a child run plays; its own id is `PARENT.HOP`.
`claim`: what may happen once over all runs: `trigger SPEC` by `once_per`, `effect SPEC/ROLE` by `key`.
`attempt_cache_key`: the answers of roles with `cache: true`, by the digest of role and input."""

_STEPS = (("0001 tables", _TABLES + _VIEWS), ("0002 waiting, claims and child runs", _WAITING))
_TABLES_SINCE = (
    ("plan", "payload", "run", "event", "hop", "attempt", "handoff", "decision"),
    ("claim",),
)


def tables_of(version: int) -> tuple[str, ...]:
    """The tables that a store of this version has."""
    return tuple(name for names in _TABLES_SINCE[:version] for name in names)


def migrate(connection: Any) -> None:
    """Bring a store to `VERSION`: an empty file gets all steps, an older one what is missing.

    The caller has begun a transaction, and commits it.
    """
    from sqlite_utils import Database, Migrations

    migrations = Migrations("choreo")
    for name, statements in _STEPS:
        migrations(name=name)(_step(statements))
    migrations.apply(Database(connection))
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version={VERSION}")


def _step(statements: str) -> Any:
    def apply(db: Any) -> None:
        for statement in statements.split(";"):
            if statement.strip():
                db.execute(statement)

    return apply
