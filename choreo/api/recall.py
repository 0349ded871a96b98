"""The record that a replay takes from, made ready: the run it replays, its child runs, and what was taken already."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from choreo.api.checked import Checked
from choreo.errors import UsageError
from choreo.problem import closest
from choreo.runners.recorded import Ran, Recorded, recorded
from choreo.runners.replay import Recall
from choreo.store import RunRecord, Store
from choreo.trace import PlanChanged, Recalled

PlanOf = Callable[[Store, RunRecord], Checked]


def recall_for(store: Store, replay: RunRecord, plan_of: PlanOf) -> Recall:
    """For a replay that is on record, with what it took before."""
    settings = replay.settings
    earlier, since = store.find(str(settings["replay_of"])), settings.get("from")
    made = Recall(what_ran(store, earlier, plan_of, since), replay.id, since, bool(settings["effects"]))
    for record in (replay, *store.below(replay.id)):
        made.hops_used |= {(run, hop) for _, run, hop in store.taken(record).values()}
        recalled = [event for event in store.history(record) if isinstance(event, Recalled)]
        made.answers_used |= {(event.run, event.earlier) for event in recalled}
    return made


def what_ran(store: Store, earlier: RunRecord, plan_of: PlanOf, since: str | None) -> Recorded:
    """What a run and its child runs have on record. Raises UsageError where the role `since` never played."""
    kept = recorded(store, [_ran(store, record, plan_of) for record in (earlier, *store.below(earlier.id))], since)
    if since is not None and since not in kept.roles:
        near = closest(since, sorted(kept.roles))
        help = f"did you mean `{near}`?" if near else f"what played: {', '.join(sorted(kept.roles)) or 'nothing'}"
        raise UsageError("unknown-role", f"run {earlier.id} has no hop of a role `{since}`", help)
    return kept


def _ran(store: Store, record: RunRecord, plan_of: PlanOf) -> Ran:
    before = {event.before for event in store.history(record) if isinstance(event, PlanChanged)}
    earlier = {digest: plan_of(store, replace(record, plan=digest)).plan for digest in before}
    return Ran(record, plan_of(store, record).plan, earlier)
