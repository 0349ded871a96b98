"""`cache: true`: a model is not asked again what it has answered before, in this run or an earlier one."""

from __future__ import annotations

from pathlib import Path

import pytest
from runners.replaying import CHAIN, Desk, desk_in

from choreo.errors import SpecErrors
from choreo.store import driver
from choreo.trace import HopFinished

CACHED = CHAIN.replace("prompt: Second", "prompt: Second, cache: true, confidence: out.sure")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return desk_in(tmp_path, monkeypatch)


def test_the_same_question_gives_the_same_answer_at_no_cost_and_names_the_hop_it_is_from(desk: Desk) -> None:
    desk.write(CACHED)
    desk.model.answers = [{"n": 5}, {"n": 7, "sure": 0.9}, {"n": 0}, {"n": 5}, {"n": 0}]
    assert desk.run() == 0
    first = desk.record.id
    assert desk.run() == 0
    assert desk.taken == {"a": "played", "b": "cached", "c": "played"}
    assert desk.store.taken(desk.record) == {2: ("cached", first, 2)}
    (hop,) = [event for event in desk.events if isinstance(event, HopFinished) and event.hop == 2]
    assert (hop.cost, hop.priced, hop.confidence, hop.confidence_source) == (0.0, True, 0.9, "self-report")
    assert hop.output is not None
    assert hop.output.value == {"n": 7, "sure": 0.9}
    assert (desk.record.cost, len(desk.model.calls)) == (1.0, 5)
    assert desk.store.verify(desk.record)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Second", "Two"),
        ("temperature: 0", "temperature: 1"),
        ("openai/small", "openai/large"),
        ("{n: {type: integer}", "{n: {type: number}"),
        ("does: Draft", "does: Draft well"),
    ],
)
def test_another_question_is_asked(desk: Desk, old: str, new: str) -> None:
    desk.write(CACHED)
    desk.model.answers = [{"n": 5, "sure": 1}] * 6
    desk.run()
    written = (desk.folder / "spec.yaml").read_text()
    assert old in written
    (desk.folder / "spec.yaml").write_text(written.replace(old, new))
    desk.run()
    assert desk.taken["b"] == "played"


def test_another_input_is_another_question(desk: Desk) -> None:
    desk.write(CACHED)
    desk.run()
    desk.run()
    assert desk.taken["b"] == "played"


def test_a_prompt_that_uses_the_run_is_never_asked_the_same(desk: Desk) -> None:
    desk.write(CACHED.replace("prompt: Second", 'prompt: "For {{ run.id }}"'))
    desk.model.answers = [{"n": 5, "sure": 1}] * 6
    desk.run()
    desk.run()
    assert desk.taken["b"] == "played"


def test_an_answer_that_broke_the_contract_is_never_taken(desk: Desk) -> None:
    desk.write(CACHED.replace("cache: true", "cache: true, repair: 0"))
    desk.model.answers = [{"n": 5}, {"n": "seven"}]
    assert desk.run() == 1
    desk.model.answers = [{"n": 5}, {"n": 7, "sure": 1}]
    assert desk.run() == 0
    assert desk.taken["b"] == "played"


def test_of_an_answer_that_was_mended_the_mended_one_is_taken(desk: Desk) -> None:
    desk.write(CACHED)
    desk.model.answers = [{"n": 5}, {"n": "seven"}, {"n": 7}, {"n": 0}, {"n": 5}]
    assert desk.run() == 0
    assert desk.run() == 0
    assert desk.taken["b"] == "cached"
    assert [event.output.value for event in desk.events if isinstance(event, HopFinished) and event.output][1] == {
        "n": 7
    }


def test_bytes_that_are_not_what_was_written_are_not_taken(desk: Desk) -> None:
    desk.write(CACHED)
    desk.model.answers = [{"n": 5}, {"n": 77}, {"n": 0}, {"n": 5}]
    desk.run()
    damaged = driver.connect(str(desk.folder / "trace.db"))
    assert damaged.execute("UPDATE payload SET data=? WHERE data=?", (b'{"n":78}', b'{"n":77}')).rowcount == 1
    damaged.commit()
    damaged.close()
    desk.run()
    assert desk.taken["b"] == "played"


def test_to_begin_anew_with_a_cached_role_is_to_ask_its_model(desk: Desk) -> None:
    desk.write(CACHED)
    desk.run()
    assert desk.replay() == 0
    assert len(desk.model.calls) == 3
    assert desk.replay(since="b") == 0
    assert desk.taken["b"] == "played"


def test_the_answer_is_found_through_an_index(desk: Desk) -> None:
    desk.write(CACHED)
    desk.run()
    store = driver.connect(str(desk.folder / "trace.db"))
    query = "EXPLAIN QUERY PLAN SELECT run FROM attempt a WHERE json_extract(a.facts,'$.cache_key')=?"
    (step,) = store.execute(query, ("x",)).fetchall()
    store.close()
    assert "attempt_cache_key" in step[-1]


def test_only_a_role_that_a_model_plays_can_be_cached(desk: Desk) -> None:
    desk.write(CHAIN.replace("model: small, prompt: Second", "set: input, cache: true"))
    with pytest.raises(SpecErrors, match="`cache` only means something beside a role that a model plays"):
        desk.run()
