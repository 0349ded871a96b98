"""What someone changes in the store while a run waits is not approved and not played."""

from __future__ import annotations

from pathlib import Path

from command_line import choreo

from choreo.store import Store, driver

SPEC = """
choreo: 1
name: pays
version: 1.0.0
trigger: {accepts: any@^1}
result: {emits: any@1.0.0}
contracts:
  any@1.0.0: {type: object, properties: {n: {type: integer}}}
roles:
  pay: {kind: actor, does: Pay, service: {python: "desk:pay"}, accepts: any@^1, emits: any@1.0.0, effect: once}
handoffs:
  - {from: trigger, to: pay, touchpoint: ok}
  - {from: pay, to: end}
touchpoints:
  ok: {ask: "Pay?"}
"""


def test_a_payload_that_was_changed_while_a_person_was_asked_is_not_delivered(tmp_path: Path) -> None:
    (tmp_path / "pays.yaml").write_text(SPEC)
    (tmp_path / "desk.py").write_text("def pay(x):\n    open('paid', 'w').close()\n    return x\n")
    assert choreo("run", "pays.yaml", "--set", "n=2", cwd=tmp_path).returncode == 4
    connection = driver.connect(str(tmp_path / ".choreo" / "trace.db"))
    connection.execute("UPDATE payload SET data=CAST('{\"n\":900}' AS BLOB) WHERE CAST(data AS TEXT)='{\"n\":2}'")
    connection.close()
    refused = choreo("review", "last", "--approve", cwd=tmp_path)
    assert refused.returncode == 5, refused.stderr
    assert "is not what was written" in refused.stderr
    assert not (tmp_path / "paid").exists()
    assert choreo("resume", "last", cwd=tmp_path).returncode == 5
    store = Store.read(tmp_path / ".choreo" / "trace.db")
    assert store.find("last").owner is None, "it is not left owned by who could not go on with it"
    store.close()
    assert choreo("trace", "last", cwd=tmp_path).returncode == 0
    assert choreo("trace", "last", "--verify", cwd=tmp_path).returncode != 0
