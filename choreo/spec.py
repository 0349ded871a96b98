"""The nouns of the spec language: frozen data with positions, made once by `choreo.loading`.

Inside the package there are no raw dicts from YAML. Durations are seconds. Every part keeps the
`Place` it was written at, so that a Problem can point at it.
"""

from __future__ import annotations

import os.path
from collections.abc import Callable, Mapping
from typing import Any, Literal

from msgspec import Struct, field

from choreo.problem import Place, Spots, spot_at

RoleKind = Literal["reader", "researcher", "reasoner", "drafter", "reviewer", "actor"]
On = Literal["done", "failed", "timeout", "exhausted", "over_budget", "rejected", "expired"]
Effect = Literal["none", "once", "idempotent"]
Stakes = Literal["low", "high"]
Choice = Literal["approve", "edit", "reject"]

ANY_VERSION = "*"
"""The range of a reference that could not be read, which was told: no version is within it."""
END = "end"
TRIGGER = "trigger"


# -- expressions and forms -----------------------------------------------------------------------


class Expr(Struct, frozen=True):
    """One CEL expression as written. `place` is where its first character stands.

    `spots` is set where the characters do not stand side by side in the file (several lines, escapes).
    """

    text: str
    place: Place
    spots: Spots = ()

    def at(self, offset: int) -> Place:
        """The place of the character (code point) at `offset` of the text."""
        if not self.spots:
            return Place(self.place.path, self.place.line, self.place.column + offset)
        return Place(self.place.path, *spot_at(self.spots, offset))


class Fixed(Struct, frozen=True):
    """A number, a boolean or null written as itself in a form."""

    value: bool | int | float | None
    place: Place


class Fields(Struct, frozen=True):
    """A mapping in a form: each entry is (key, place of the key, form)."""

    entries: tuple[tuple[str, Place, Form], ...]
    place: Place


class Items(Struct, frozen=True):
    """A list in a form."""

    entries: tuple[Form, ...]
    place: Place


Form = Expr | Fixed | Fields | Items
"""What `pass`, `show`, `set` and `result.pass` hold: CEL at the string leaves."""


class Template(Struct, frozen=True):
    """A text with `{{ CEL }}` in it: literal text and expressions in turn.

    `path` is the file it was read from (relative to the spec's folder), or None where it is inline.
    """

    parts: tuple[str | Expr, ...]
    place: Place
    path: str | None = None

    @property
    def expressions(self) -> tuple[Expr, ...]:
        return tuple(part for part in self.parts if isinstance(part, Expr))


# -- contracts -----------------------------------------------------------------------------------


class ContractRef(Struct, frozen=True):
    """A contract as a spec names it: `case@1.2.0`, `case@^1`, `case@~1.2`. `range` is the part after `@`."""

    name: str
    range: str
    place: Place

    def __str__(self) -> str:
        return f"{self.name}@{self.range}"


class InlineSchema(Struct, frozen=True):
    """An anonymous contract written inside the spec (`emits: {type: object, ...}`). The rest is as in `Contract`."""

    schema: Mapping[str, Any]
    place: Place
    where: Callable[[str, bool], Place] | None = None
    is_broken: bool = False


# -- players -------------------------------------------------------------------------------------


class ModelPlayer(Struct, frozen=True):
    """A role played by a model. `model` is a key of `models:` or a model name itself."""

    model: str
    place: Place
    prompt: Template | None = None
    repair: int = 2
    examples: tuple[tuple[Any, Any], ...] = ()
    """Worked examples, each (input, output), given to the model before the real input."""
    example_places: tuple[Callable[[str, bool], Place], ...] = ()
    """By example where its parts stand, as `where` in `Contract`: `/input/text`, `/output`."""
    thread: str | None = None
    tools: tuple[Tool, ...] = ()
    """All that it may call while it works on one hop."""


class PythonService(Struct, frozen=True):
    """`service: {python: "module:function"}`: called as function(input) with JSON data."""

    target: str
    place: Place
    takes_feedback: bool = False


class CommandService(Struct, frozen=True):
    """`service: {command: [...]}`: no shell; the input as JSON on stdin, one JSON value on stdout.

    `argv` items may hold `{{ CEL }}` over `input`; `${env:NAME}` is filled in at the last moment.
    """

    argv: tuple[Template, ...]
    place: Place
    env: Mapping[str, str] = field(default_factory=dict)
    max_output: int = 10_000_000
    """Bytes of stdout after which the command is stopped and the hop fails `output-too-large`."""
    takes_feedback: bool = False


class HttpService(Struct, frozen=True):
    """`service: {http: {...}}`: one HTTP request, whose JSON answer is the output.

    Texts may hold `{{ CEL }}` over `input`; `${env:NAME}` is filled in at the last moment. Without `body` none is sent.
    """

    url: Template
    place: Place
    method: str = "GET"
    headers: tuple[tuple[str, Template], ...] = ()
    query: Form | None = None
    body: Form | None = None
    takes_feedback: bool = False
    method_place: Place | None = None

    @property
    def reads_only(self) -> bool:
        """Whether the request changes nothing at the other side, by its method."""
        return self.method in ("GET", "HEAD")


class McpService(Struct, frozen=True):
    settings: Mapping[str, Any]
    place: Place


class SetPlayer(Struct, frozen=True):
    """`set: FORM`: the output is computed by expressions over `input`."""

    form: Form
    place: Place


class HumanPlayer(Struct, frozen=True):
    """A person fills in the output contract. `questions` gives a text per field of the contract.

    With `asks` the questions are data: an expression that gives a list of texts or `{question, choices}`; the output
    is then `{answers: [{question, answer}]}`, `answer` null for a question that was skipped.
    """

    place: Place
    who: str | None = None
    questions: Mapping[str, str] = field(default_factory=dict)
    within: float | None = None
    asks: Expr | None = None
    who_place: Place | None = None
    thread: str | None = None
    """Roles of one thread share a conversation: each sees the turns before its own."""


class SpecPlayer(Struct, frozen=True):
    """`spec: other.yaml`: played by a run of another spec. `path` starts at the folder of the spec it is written in."""

    path: str
    place: Place
    takes_feedback: bool = False

    def within(self, folder: str) -> str:
        """The path of the other spec as `Spec.path` has it, normal form. `folder` is that of the spec with the role."""
        return os.path.normpath(os.path.join(folder, self.path))


Service = PythonService | CommandService | HttpService | McpService


class Tool(Struct, frozen=True):
    """What a model may call while it works: a service, and the contract of its arguments (None: any object)."""

    name: str
    place: Place
    service: Service
    does: str = ""
    accepts: ContractRef | InlineSchema | None = None


Player = ModelPlayer | Service | SetPlayer | HumanPlayer | SpecPlayer


# -- the parts of a spec -------------------------------------------------------------------------


class Retry(Struct, frozen=True):
    """Attempts in all (1 is no retry), first wait in seconds, growth factor, share of random jitter."""

    attempts: int = 1
    backoff: float = 1.0
    growth: float = 2.0
    jitter: float = 0.2


class Confidence(Struct, frozen=True):
    """How a role's confidence is measured: `logprobs` of a field, `votes`, or an expression over `out`."""

    source: Literal["logprobs", "votes", "expression"]
    place: Place
    field: str | None = None
    votes: int | None = None
    expression: Expr | None = None


class Role(Struct, frozen=True):
    name: str
    place: Place
    kind: RoleKind
    player: Player
    does: str = ""
    accepts: ContractRef | InlineSchema | None = None
    emits: ContractRef | InlineSchema | None = None
    confidence: Confidence | None = None
    timeout: float | None = None
    retry: Retry | None = None
    effect: Effect = "none"
    key: Expr | None = None
    cache: bool = False
    effect_place: Place | None = None
    """Where its `effect` is written; None where it says nothing of it."""


class Handoff(Struct, frozen=True):
    """One entry of `handoffs:`. `sources_as`: `one`, `join` (`from: [a, b]`) or `any` (`from: {any: [a, b]}`)."""

    index: int
    place: Place
    sources: tuple[str, ...]
    source_places: tuple[Place, ...]
    sources_as: Literal["one", "join", "any"]
    targets: tuple[str, ...]
    target_places: tuple[Place, ...]
    on: On = "done"
    when: Expr | None = None
    also: bool = False
    otherwise: bool = False
    at_most: int | None = None
    revise: bool = False
    passes: Form | None = None
    pick: Expr | None = None
    touchpoint: str | None = None
    touchpoint_place: Place | None = None
    outcome: str | None = None
    fail: bool = False
    each: Expr | None = None
    at_once: int | None = None
    on_failure: Literal["stop", "drop", "keep"] | None = None
    gather: bool = False
    after: Expr | float | None = None

    def fails(self, target: str) -> bool:
        """Whether it ends the run as failed there: what it carries is kept, and is no result."""
        return self.fail and target == END


class Touchpoint(Struct, frozen=True):
    name: str
    place: Place
    ask: Template
    who: str | None = None
    who_place: Place | None = None
    when: Expr | None = None
    show: tuple[tuple[str, Place, Form], ...] = ()
    stakes: Stakes = "low"
    within: float | None = None
    may: tuple[Choice, ...] = ("approve", "edit", "reject")


class ModelSettings(Struct, frozen=True):
    """One entry of `models:`. `price` is (input, output) in `currency` per million tokens, None if not given."""

    name: str
    place: Place
    model: str
    model_place: Place
    params: Mapping[str, Any] = field(default_factory=dict)
    timeout: float | None = None
    fallback: str | None = None
    fallback_place: Place | None = None
    api_base: str | None = None
    api_key: str | None = None
    """As written, usually `${env:NAME}`; the value is read at the last moment and never recorded."""
    price: tuple[float, float] | None = None
    rpm: int | None = None
    parallel: int | None = None


class MapDecision(Struct, frozen=True):
    what: str
    by: str
    place: Place
    by_place: Place
    stakes: Stakes = "low"


class Breakdown(Struct, frozen=True):
    what: str
    covered_by: tuple[str, ...]
    place: Place
    covered_by_places: tuple[Place, ...]


class WorkMap(Struct, frozen=True):
    """The work as it is done today, before any role is invented."""

    place: Place
    trigger: str = ""
    people: Mapping[str, str] = field(default_factory=dict)
    systems: Mapping[str, str] = field(default_factory=dict)
    decisions: tuple[MapDecision, ...] = ()
    breakdowns: tuple[Breakdown, ...] = ()
    baseline: Mapping[str, Any] = field(default_factory=dict)


class Trigger(Struct, frozen=True):
    place: Place
    accepts: ContractRef | InlineSchema | None = None
    once_per: Expr | None = None


class Result(Struct, frozen=True):
    place: Place
    emits: ContractRef | InlineSchema | None = None
    passes: Form | None = None


class Limits(Struct, frozen=True):
    """None is no limit. `time` is seconds in play (waiting for a person does not count). `depth` is how many child
    runs may be open below a run, one inside the other."""

    cost: float | None = None
    hops: int | None = None
    time: float | None = None
    parallel: int = 8
    depth: int | None = None


class Spec(Struct, frozen=True):
    """What the author wrote. `path` is as the caller named it; `folder` is where relative paths start."""

    path: str
    folder: str
    name: str
    version: str
    trigger: Trigger
    roles: Mapping[str, Role]
    handoffs: tuple[Handoff, ...]
    touchpoints: Mapping[str, Touchpoint] = field(default_factory=dict)
    models: Mapping[str, ModelSettings] = field(default_factory=dict)
    result: Result | None = None
    limits: Limits = Limits()
    map: WorkMap | None = None
    description: str = ""
    contracts: Mapping[str, tuple[Mapping[str, Any], Place]] = field(default_factory=dict)
    """Inline contracts: `name@1.2.0` to (schema, place)."""
    place: Place = field(default_factory=lambda: Place(""))
