"""One spec while it is being read: nodes to the small nouns (expressions, forms, templates, contracts, durations)."""

from __future__ import annotations

import os
import re
from functools import cached_property
from typing import Any

from msgspec import Struct, field

from choreo.loading.files import Shelf
from choreo.loading.inspected import inspected
from choreo.loading.node import Document, Node, plain
from choreo.loading.scalars import spots_of
from choreo.loading.template import Passage, split
from choreo.loading.text import line_spots
from choreo.loading.traps import short
from choreo.problem import Place, Problem
from choreo.spec import ANY_VERSION, ContractRef, Expr, Fields, Fixed, Form, InlineSchema, Items, Template

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_MEANINGS = frozenset(
    ("input", "previous", "feedback", "payload", "trigger", "run", "out", "confidence", "visits", "item", "index")
)
_PROMPT_FILE = re.compile(r"\S+\.(md|txt)")
_LIKE_A_PATH = re.compile(r"[\w.~/\\-]*[/\\][\w.~/\\-]*|[\w.-]+\.[a-z]\w{0,7}", re.ASCII)
_LIKE_A_FILE = re.compile(r"[\w.~/\\-]+\.[a-z]\w{0,7}", re.ASCII)


def seconds(text: str) -> float | None:
    """The seconds of a duration such as `250ms`, or None where the text is no duration."""
    found = _DURATION.fullmatch(text)
    return None if found is None else float(found.group(1)) * _SECONDS[found.group(2)]


class Page(Struct, frozen=True, dict=True):
    """What the functions of `choreo.loading` that build nouns share.

    `contracts` collects the name of every contract that the spec refers to, with the place of its first
    mention.
    """

    document: Document
    shelf: Shelf
    problems: list[Problem]
    contracts: dict[str, Place] = field(default_factory=dict)

    @cached_property
    def names(self) -> frozenset[str]:
        """What an expression in a text may begin with."""
        parts = (self.document.root.get(key) if self.document.root else None for key in ("roles", "touchpoints"))
        return _MEANINGS | {name for part in parts if part is not None for name, _ in part.entries()}

    def report(self, place: Place, code: str, message: str, help: str, *also: tuple[Place, str]) -> None:
        self.problems.append(Problem(place, code, message, help, also=also))

    def place(self, node: Node) -> Place:
        return self.document.place(node)

    def key_of(self, owner: Node, key: str) -> Place | None:
        """Where a key stands, or None."""
        return None if owner.get(key) is None else self.document.key(owner, key)

    def text(self, owner: Node, key: str) -> str | None:
        """The text under a key, or None."""
        node = owner.get(key)
        return node.value if node is not None and node.kind == "text" else None

    def value(self, owner: Node, key: str, default: Any = None) -> Any:
        """The plain JSON value under a key."""
        node = owner.get(key)
        return default if node is None else plain(node)

    def texts(self, owner: Node, key: str) -> dict[str, str]:
        node = owner.get(key)
        return {} if node is None else {name: part.value for name, part in node.entries() if part.kind == "text"}

    # -- expressions -----------------------------------------------------------------------------

    def passage(self, node: Node) -> Passage:
        return Passage(node.value, self.document.path, spots_of(self.document.text, node))

    def expression(self, node: Node) -> Expr:
        return self.passage(node).expr()

    def expr(self, owner: Node, key: str) -> Expr | None:
        node = owner.get(key)
        return None if node is None or node.kind != "text" else self.expression(node)

    def form(self, node: Node) -> Form:
        place = self.place(node)
        if node.kind == "text":
            return self.expression(node)
        if node.kind == "map":
            key = self.document.key
            return Fields(tuple((name, key(node, name), self.form(part)) for name, part in node.entries()), place)
        if node.kind == "list":
            return Items(tuple(self.form(part) for part in node.items()), place)
        return Fixed(node.value, place)

    def form_at(self, owner: Node, key: str) -> Form | None:
        node = owner.get(key)
        return None if node is None else self.form(node)

    def template(self, node: Node) -> Template:
        """An inline text with `{{ }}` in it."""
        return Template(split(self.passage(node), self.problems, self.names), self.place(node))

    def prompt(self, node: Node) -> Template | None:
        """A prompt: inline, or read from the file it names."""
        path = node.value.strip()
        place = self.place(node)
        if not _PROMPT_FILE.fullmatch(path):
            if _LIKE_A_PATH.fullmatch(path) or self._is_in_a_folder(path):
                self._no_prompt_file(path, place)
                return None
            return self.template(node)
        if path.startswith(("/", "~")) or "\\" in path or ":" in path:
            self.report(
                place, "bad-path", f"`{path}` is not a path below or beside the spec's folder", "write it relative"
            )
            return None
        text = self.shelf.text(path, place, "prompt")
        if text is None:
            return None
        shown = self.shelf.display(path)
        parts = split(Passage(text, shown, line_spots(text)), self.problems, self.names)
        return Template(parts, Place(shown), path)

    def question(self, node: Node) -> Template:
        """What a person is asked: always inline. The path of a file would be shown to them as it is."""
        path = node.value.strip()
        if _LIKE_A_FILE.fullmatch(path) or self._is_in_a_folder(path):
            help = "write the question itself here; a text has a blank between its words"
            self.report(self.place(node), "missing-file", f"`{short(path)}` is a path, and no file is read here", help)
        return self.template(node)

    def _is_in_a_folder(self, path: str) -> bool:
        """Whether a text can only be meant as a path: one word, and there is a folder of the name it begins with."""
        folder = os.path.dirname(path)
        return bool(folder) and not re.search(r"\s|\{\{", path) and bool(self.shelf.files.names(folder))

    def _no_prompt_file(self, path: str, place: Place) -> None:
        """A path that ends otherwise than a prompt's must not reach a model as its prompt."""
        near = self.shelf.near(path, (".md", ".txt"))
        help = f"did you mean `{near}`?" if near else "name such a file, or write the prompt itself: words with blanks"
        message = f"`{short(path)}` is no path of a prompt: those end in `.md` or `.txt`"
        self.report(place, "missing-file", message, help)

    # -- contracts and durations -----------------------------------------------------------------

    def contract(self, owner: Node, key: str) -> ContractRef | InlineSchema | None:
        node = owner.get(key)
        if node is None:
            return None
        place = self.place(node)
        if node.kind == "map":
            where = self.document.places(node)
            schema, is_broken = inspected(plain(node), where, self.problems)
            return InlineSchema(schema, place, where, is_broken)
        name, _, wanted = node.value.partition("@")
        if wanted != ANY_VERSION:
            self.contracts.setdefault(name, place)
        return ContractRef(name, wanted, place)

    def duration(self, owner: Node, key: str) -> float | None:
        """The seconds of the duration under a key. Zero is a Problem."""
        node = owner.get(key)
        found = None if node is None else seconds(node.value)
        if node is not None and found == 0:
            self.report(
                self.place(node), "bad-value", f"`{key}` is zero", "write a duration above zero, or leave it out"
            )
            return None
        return found
