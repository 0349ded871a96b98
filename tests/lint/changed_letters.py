"""Every key and every reference of a spec, and what one changed letter makes of each."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from eighteen_faults import SPEC, good

from choreo.lint import check
from choreo.lint.survey import Survey
from choreo.lint.uses import uses
from choreo.loading import load_spec, load_stored
from choreo.problem import Place
from choreo.spec import ContractRef, Fields, HumanPlayer, ModelPlayer, Spec

ROOT = Path(__file__).resolve().parents[2]
_IDENTIFIER = re.compile(r"r?'(?:\\.|[^'\\])*'|r?\"(?:\\.|[^\"\\])*\"|[A-Za-z_][A-Za-z0-9_]*|\d[\w.]*")
_WORDS = ("true", "false", "null", "in", "has")
_FREE = {"description", "examples", "params", "questions", "show", "systems", "default", "title", "x-owner"}
"""Keys whose values hold words that nothing refers to; the keys themselves are judged."""
_NAMED = {"roles", "models", "touchpoints", "people", "contracts", "properties", "set", "pass", "$defs"}
"""Keys under which the author gives names."""


@dataclass(frozen=True, order=True)
class Spot:
    """A word of a file that means something elsewhere: `what` it is, in which text, from which offset on."""

    what: str
    path: str
    start: int
    word: str

    def replaced(self, texts: dict[str, str], word: str) -> dict[str, str]:
        text = texts[self.path]
        return {**texts, self.path: text[: self.start] + word + text[self.start + len(self.word) :]}


@dataclass(frozen=True)
class Source:
    """The texts of a good spec, by path from its folder, and the path of the spec as it is loaded."""

    path: str
    texts: dict[str, str]

    def errors(self, texts: dict[str, str]) -> list[str]:
        """The codes of what is found. Raises whatever loading or checking raises: nothing should."""
        loaded = load_stored(texts, self.path)
        found = list(loaded.problems)
        if loaded.spec is not None:
            found += check(loaded.spec, loaded.contracts)
        return [one.code for one in found if one.severity == "error"]


def sources() -> dict[str, Source]:
    desk = load_spec(os.fspath(ROOT / "specs" / "support-desk.yaml"))
    return {
        "eighteen": Source(SPEC, good()),
        "support-desk": Source("support-desk.yaml", dict(desk.sources)),
    }


def mutations(word: str, letters: str = "x") -> Iterator[str]:
    """The word without one letter, with one more, and with two neighbours swapped: at every place."""
    for at in range(len(word)):
        yield word[:at] + word[at + 1 :]
        yield word[:at] + word[at : at + 2][::-1] + word[at + 2 :]
    for at in range(len(word) + 1):
        for letter in letters:
            yield word[:at] + letter + word[at:]


def spots(source: Source) -> list[Spot]:
    """Every key and reference, in the order of the files, each once."""
    loaded = load_stored(source.texts, source.path)
    assert loaded.spec is not None
    found = {*_keys(source), *_expressions(source, Survey(loaded.spec, loaded.contracts)), *_names(source, loaded.spec)}
    return sorted(spot for spot in found if source.texts[spot.path].startswith(spot.word, spot.start))


# -- keys ----------------------------------------------------------------------------------------


def _keys(source: Source) -> Iterator[Spot]:
    root = yaml.compose(source.texts[source.path], Loader=yaml.CSafeLoader)
    assert root is not None
    yield from _below(root, source.path, named=False)


def _below(node: yaml.Node, path: str, named: bool) -> Iterator[Spot]:
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _below(item, path, named=False)
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        if not named:
            yield Spot("key", path, _first(key), key.value)
        if key.value not in _FREE:
            yield from _below(value, path, named=not named and key.value in _NAMED)


def _first(node: yaml.ScalarNode) -> int:
    return int(node.start_mark.index) + (node.style in ("'", '"'))


# -- names ---------------------------------------------------------------------------------------


def _names(source: Source, spec: Spec) -> Iterator[Spot]:
    def at(place: Place | None, what: str, word: str | None) -> Iterator[Spot]:
        if place is not None and word:
            start = _offset(source.texts[place.path], place)
            start += source.texts[place.path].startswith(('"', "'"), start)
            yield Spot(what, place.path, start, word)

    for name, role in spec.roles.items():
        yield from at(role.place, "role", name)
        for ref in (role.accepts, role.emits):
            if isinstance(ref, ContractRef):
                yield from at(ref.place, "contract", ref.name)
        if isinstance(role.player, ModelPlayer):
            yield from at(role.player.place, "model", role.player.model)
        if isinstance(role.player, HumanPlayer):
            yield from at(role.player.who_place, "person", role.player.who)
    for handoff in spec.handoffs:
        for name, place in zip(handoff.sources, handoff.source_places, strict=True):
            yield from at(place, "role", name)
        for name, place in zip(handoff.targets, handoff.target_places, strict=True):
            yield from at(place, "role", name)
        yield from at(handoff.touchpoint_place, "touchpoint", handoff.touchpoint)
        if isinstance(handoff.passes, Fields) and not handoff.revise:
            for key, place, _ in handoff.passes.entries:
                yield from at(place, "field", key)
    for name, gate in spec.touchpoints.items():
        yield from at(gate.place, "touchpoint", name)
        yield from at(gate.who_place, "person", gate.who)
    for name, settings in spec.models.items():
        yield from at(settings.place, "model", name)
        provider, _, rest = settings.model.partition("/")
        yield from at(settings.model_place, "model", settings.model if provider == "local" else provider)
        yield from at(settings.fallback_place, "model", settings.fallback)
        assert rest
    for written in (spec.trigger.accepts, spec.result.emits if spec.result else None):
        if isinstance(written, ContractRef):
            yield from at(written.place, "contract", written.name)
    for ref, (_, place) in spec.contracts.items():
        yield from at(place, "contract", ref.partition("@")[0])
    if spec.result is not None and isinstance(spec.result.passes, Fields):
        for key, place, _ in spec.result.passes.entries:
            yield from at(place, "field", key)
    yield from _of_map(source, spec, at)


def _of_map(source: Source, spec: Spec, at) -> Iterator[Spot]:  # type: ignore[no-untyped-def]
    if spec.map is None:
        return
    text = source.texts[source.path]
    listed = re.search(r"people:\s*\{([^}]*)\}", text)
    assert listed is not None
    for name in re.finditer(r"(\w+):", listed.group(1)):
        yield Spot("person", source.path, listed.start(1) + name.start(1), name.group(1))
    for decision in spec.map.decisions:
        yield from at(decision.by_place, "owner", decision.by)
    for breakdown in spec.map.breakdowns:
        for name, place in zip(breakdown.covered_by, breakdown.covered_by_places, strict=True):
            yield from at(place, "cover", name)


# -- expressions ---------------------------------------------------------------------------------


def _expressions(source: Source, survey: Survey) -> Iterator[Spot]:
    """The names, fields and functions in expressions; not what stands in quotes, and no variable of a macro's own."""
    for use in uses(survey):
        for found in _IDENTIFIER.finditer(use.expr.text):
            word = found.group()
            if word[0].isalpha() and word not in _WORDS and not word.endswith(("'", '"')):
                place = use.expr.at(found.start())
                what = "name" if use.expr.text[found.start() - 1 : found.start()] != "." else "selected"
                yield Spot(what, place.path, _offset(source.texts[place.path], place), word)


def _offset(text: str, place: Place) -> int:
    """The place of a Problem as an offset in its text."""
    return sum(len(line) for line in text.splitlines(keepends=True)[: place.line - 1]) + place.column - 1
