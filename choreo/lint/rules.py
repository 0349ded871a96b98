"""All rules, in the order in which they are asked, and the manual of each."""

from __future__ import annotations

from choreo.lint import (
    asking,
    contracts,
    ends,
    events,
    examples,
    graph,
    joins,
    lane_ends,
    misspelt,
    models,
    names,
    people,
    quality,
    references,
    routing,
    services,
    sub_specs,
    typed,
)
from choreo.lint.rule import Rule
from choreo.lint.survey import Family, Survey
from choreo.plan import Contracts
from choreo.problem import Problem
from choreo.spec import Spec

RULES: tuple[Rule, ...] = (
    Rule(references.unknown_role, ("unknown-role", "wrong-end")),
    Rule(references.unknown_touchpoint, ("unknown-touchpoint",)),
    Rule(references.unknown_person, ("unknown-person",)),
    Rule(references.unknown_model, ("unknown-model", "fallback-loop")),
    Rule(models.misnamed_model, ("unknown-provider", "unknown-weights")),
    Rule(references.unknown_in_map, ("unknown-owner", "unknown-cover")),
    Rule(events.wrong_event, ("wrong-event",)),
    Rule(events.bad_join, ("bad-join",)),
    Rule(events.revise_nothing, ("revise-nothing", "no-feedback")),
    Rule(contracts.missing_contract, ("missing-contract", "bad-range")),
    Rule(contracts.missing_emits, ("missing-emits",)),
    Rule(contracts.missing_accepts, ("missing-accepts",)),
    Rule(contracts.missing_result, ("missing-result",)),
    Rule(contracts.contract_mismatch, ("contract-mismatch",)),
    Rule(contracts.unnamed_contract, ("unnamed-contract",)),
    Rule(misspelt.unknown_format, ("unknown-format",)),
    Rule(misspelt.required_not_described, ("required-not-described",)),
    Rule(graph.unbounded_loop, ("unbounded-loop",)),
    Rule(graph.unreachable_role, ("unreachable-role", "no-start")),
    Rule(graph.unreached_touchpoint, ("unreached-touchpoint",)),
    Rule(asking.idle_touchpoint, ("never-asks", "never-approves")),
    Rule(graph.no_end, ("no-end",)),
    Rule(ends.dead_end, ("dead-end",)),
    Rule(joins.not_a_join, ("not-a-join",)),
    Rule(joins.join_cycle, ("join-cycle",)),
    Rule(lane_ends.lane_leak, ("lane-leak", "bad-gather")),
    Rule(joins.double_arrival, ("double-arrival", "two-results")),
    Rule(people.ungated_actor, ("ungated-actor",)),
    Rule(people.unseen_decision, ("unseen-decision",)),
    Rule(people.silence_approves, ("silence-approves",)),
    Rule(people.refusal_approves, ("refusal-approves",)),
    Rule(models.many_models, ("many-models",)),
    Rule(models.frontier_router, ("frontier-router",)),
    Rule(models.same_model, ("same-model",)),
    Rule(examples.refused_example, ("refused-example",)),
    Rule(quality.open_trigger, ("open-trigger",)),
    Rule(quality.unbounded_text, ("unbounded-text",)),
    Rule(quality.not_enforced, ("not-enforced",)),
    Rule(routing.never_happens, ("never-happens",)),
    Rule(routing.idle_words, ("otherwise-alone", "two-otherwise", "also-without-when")),
    Rule(routing.coverage, ("gap", "never-chosen", "overlap")),
    Rule(services.bad_service, ("bad-target", "empty-command", "bad-tool")),
    Rule(services.misplaced_effect, ("effect-not-actor", "effect-unsaid")),
    Rule(services.open_address, ("open-address",)),
    Rule(services.local_tools, ("no-tools",)),
    Rule(services.unmeasurable_confidence, ("bad-confidence",)),
    Rule(sub_specs.sub_spec_mismatch, ("sub-spec-mismatch",)),
    Rule(sub_specs.feedback_undeclared, ("feedback-undeclared",)),
    Rule(sub_specs.not_for_sub_specs, ("not-for-sub-specs",)),
    Rule(sub_specs.once_per_below, ("once-per-below",)),
    Rule(sub_specs.undeclared_recursion, ("undeclared-recursion",)),
    Rule(names.expression_syntax, ("expression-syntax",)),
    Rule(names.unknown_name, ("unknown-name",)),
    Rule(typed.types, typed.CODES),
)


_OF_NAMES = frozenset(("unknown-role", "wrong-end", "unknown-touchpoint"))
"""What tells of the name itself that made a guess necessary."""


def check(spec: Spec, contracts: Contracts, family: Family | None = None) -> tuple[Problem, ...]:
    """Everything the rules find, sorted by place, each finding once. Raises nothing, runs nothing, reads nothing.

    `family` are the specs that play roles in it, which are looked at only where they meet this one.
    """
    survey = Survey(spec, contracts, family)
    found = [problem for rule in RULES for problem in rule.find(survey)]
    if survey.guessed:
        found = [one for one in found if one.code in _OF_NAMES or not survey.hangs_on_a_guess(one)]
    once = {(problem.place, problem.code, problem.message): problem for problem in found}
    return tuple(sorted(once.values(), key=lambda problem: problem.order))


def explain(code: str) -> str | None:
    """The manual of the rule behind a code; None where no rule uses it."""
    return next((rule.manual for rule in RULES if code in rule.codes), None)
