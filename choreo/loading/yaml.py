"""YAML to a Document: the 1.2 core rules, positions kept, and nothing but data.

The parser's events are read one by one, so depth, size and aliases are bounded before anything
recurses (the C composer crashes on 200 kB of `[`). No tag is ever resolved: a tag is a Problem.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import yaml
from msgspec import Struct, field

from choreo.loading.node import NO_KEYS, Document, Node
from choreo.loading.scalars import BadScalar, resolve
from choreo.loading.text import decode
from choreo.problem import Place, Problem

MAX_DEPTH = 100
MAX_NODES = 1_000_000
"""Values in one document, each alias counted as all that it stands for."""

_LOADER: Any = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
_ANCHOR = re.compile(r"(?:[&!]\S*\s+)*")
_TAG = re.compile(r"(?:&\S*\s+)?(![^\s,\[\]{}]*)")


def read_yaml(data: bytes | str, path: str) -> Document:
    """Read one YAML document. Never raises: what is wrong is in `problems`, what could be read in `root`."""
    problems: list[Problem] = []
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    text = decode(raw, path, problems, strict_breaks=True)
    if text is None:
        return Document(path, "", None, tuple(problems))
    builder = _Builder(text, path, problems)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except _Stop as stop:
        problems.append(stop.problem)
        return Document(path, text, None if stop.hopeless else builder.root, tuple(problems))
    except (yaml.YAMLError, RecursionError) as error:
        wrong = error if isinstance(error, yaml.YAMLError) else yaml.YAMLError("nested too deeply")
        from choreo.loading.syntax import syntax_problem

        problems.append(syntax_problem(wrong, text, path, builder.last))
        return Document(path, text, None, tuple(problems))
    if builder.root is None:
        problems.append(
            Problem(Place(path), "empty-file", "the file holds no YAML value", "a spec starts with `choreo: 1`")
        )
    return Document(path, text, builder.root, tuple(problems))


class _Stop(Exception):
    """Reading on makes no sense. `hopeless`: nor does what was read so far."""

    def __init__(self, problem: Problem, *, hopeless: bool = True) -> None:
        super().__init__(problem.message)
        self.problem = problem
        self.hopeless = hopeless


class _Open(Struct):
    """A map or list whose end has not come yet."""

    node: Node
    anchor: str | None
    pending: str | None = None
    """The key that waits for its value."""
    skip: bool = False
    """The value that comes belongs to a key that was refused."""
    wants_key: bool = True
    forms: dict[str, str] = field(default_factory=dict)
    """NFC form of each key, as written."""


class _Builder:
    def __init__(self, text: str, path: str, problems: list[Problem]) -> None:
        self.text = text
        self.path = path
        self.problems = problems
        self.root: Node | None = None
        self.stack: list[_Open] = []
        self.anchors: dict[str, Node | None] = {}
        self.count = 0
        self.documents = 0
        self.last: tuple[int, int] | None = None
        """The extent of the last scalar."""

    def take(self, event: Any) -> None:
        kind = type(event)
        if kind is yaml.ScalarEvent:
            self._add(self._scalar(event))
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            self._open("map" if kind is yaml.MappingStartEvent else "list", event)
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            self._close(event)
        elif kind is yaml.AliasEvent:
            self._add(self._alias(event))
        elif kind is yaml.DocumentStartEvent:
            self.documents += 1
            if self.documents > 1:
                help = "keep one spec per file: move the second document to a file of its own"
                problem = Problem(self._place(event), "two-documents", "a second YAML document starts here", help)
                raise _Stop(problem, hopeless=False)

    def _place(self, event: Any) -> Place:
        mark = event.start_mark
        return Place(self.path, mark.line + 1, mark.column + 1)

    def _report(self, place: Place, code: str, message: str, help: str, *also: tuple[Place, str]) -> None:
        self.problems.append(Problem(place, code, message, help, also=also))

    # -- values ----------------------------------------------------------------------------------

    def _scalar(self, event: Any) -> Node:
        self._grow(1, 0, event)
        mark, style, text = event.start_mark, event.style or "", event.value
        self.last = (mark.index, event.end_mark.index)
        node = Node(
            "text", text, mark.line + 1, mark.column + 1, mark.index, event.end_mark.index, style, text, NO_KEYS
        )
        if event.tag is not None or event.anchor is not None:
            self._after_properties(node, event)
        if "\0" in text:
            self._report(self._place(event), "bad-character", "a NUL character in a text", "remove it")
            node.value = text.replace("\0", "")
        if event.tag is not None:
            node.value = self._tagged(event, node.value)
            node.refused = True
        elif not style:
            try:
                node.kind, node.value = resolve(text)
            except BadScalar as bad:
                self._report(self._place(event), "bad-scalar", bad.message, bad.help)
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        return node

    def _after_properties(self, node: Node, event: Any) -> None:
        """The position behind `&anchor` and `!tag`, where the value itself begins."""
        found = _ANCHOR.match(self.text, node.start, node.end)
        skipped = found.group() if found else ""
        if skipped and event.value:
            breaks = skipped.count("\n")
            node.column = len(skipped) - skipped.rfind("\n") if breaks else node.column + len(skipped)
            node.line += breaks
            node.start += len(skipped)

    def _tagged(self, event: Any, value: str = "") -> str:
        """A tag is refused; what was written stands in for the value, so that `when: !out.ok` is checked further."""
        found = _TAG.match(self.text, event.start_mark.index)
        tag = found.group(1) if found else "!"
        written = self.text[found.start(1) : event.end_mark.index].strip() if found else value
        scalar = type(event) is yaml.ScalarEvent and not event.style and not tag.startswith("!!")
        help = (
            f'an expression that starts with `!` must stand in quotes: "{" ".join(written.split())}"'
            if scalar and (" " not in written or written.startswith("!("))
            else "remove the tag: a spec is plain data, nothing in it is ever built or run by reading it"
        )
        self._report(self._place(event), "yaml-tag", f"`{tag}` is a YAML tag; tags are not read here", help)
        return written if scalar else value

    def _alias(self, event: Any) -> Node | None:
        name = event.anchor
        place = self._place(event)
        if name not in self.anchors:
            help = f"an expression that starts with `*` must stand in quotes; an alias needs `&{name}` before it"
            self._report(place, "unknown-alias", f"there is no anchor `&{name}` above this alias", help)
            return None
        node = self.anchors[name]
        if node is None:
            help = "write the value out"
            raise _Stop(Problem(place, "alias-loop", f"`*{name}` stands inside `&{name}` itself", help))
        self._grow(node.size, len(self.stack) + node.height, event)
        return node

    # -- structure -------------------------------------------------------------------------------

    def _open(self, kind: Any, event: Any) -> None:
        self._grow(1, len(self.stack) + 1, event)
        mark = event.start_mark
        keys: dict[str, tuple[int, int]] = {} if kind == "map" else NO_KEYS
        node = Node(kind, {} if kind == "map" else [], mark.line + 1, mark.column + 1, mark.index, keys=keys)
        if event.tag is not None:
            self._tagged(event)
            node.refused = True
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        self.stack.append(_Open(node, event.anchor))

    def _close(self, event: Any) -> None:
        done = self.stack.pop()
        done.node.end = event.end_mark.index
        if done.anchor is not None:
            self.anchors[done.anchor] = done.node
        self._add(done.node)

    def _grow(self, nodes: int, depth: int, event: Any) -> None:
        self.count += nodes
        if self.count > MAX_NODES:
            message = f"the document holds more than {MAX_NODES:,} values (aliases written out)"
            raise _Stop(Problem(self._place(event), "too-large", message, "split the spec"))
        if depth > MAX_DEPTH:
            problem = Problem(self._place(event), "too-deep", f"nested deeper than {MAX_DEPTH} levels", "flatten it")
            raise _Stop(problem)

    def _add(self, node: Node | None) -> None:
        """Put a finished value where it belongs: as the root, a list item, a key or a key's value."""
        if not self.stack:
            self.root = node
            return
        top = self.stack[-1]
        if top.node.kind == "map" and top.wants_key:
            self._key(top, node)
            return
        if node is not None:
            top.node.size += node.size
            top.node.height = max(top.node.height, node.height + 1)
        if top.node.kind == "list":
            if node is not None:
                top.node.value.append(node)
            return
        if top.pending is not None and not top.skip and node is not None:
            top.node.value[top.pending] = node
        top.wants_key = True

    def _key(self, top: _Open, node: Node | None) -> None:
        top.wants_key, top.skip, top.pending = False, True, None
        if node is None:
            return
        place = Place(self.path, node.line, node.column)
        if node.kind in ("map", "list"):
            top.node.refused = True
            self._report(
                place,
                "bad-key",
                f"a {'mapping' if node.kind == 'map' else 'list'} cannot be a key",
                _key_help(self.text, node),
            )
            return
        if node.kind != "text":
            written = node.written or "nothing"
            self._report(
                place, "bad-key", f"a key must be text; this is `{written}`", f'write it in quotes: "{node.written}"'
            )
            return
        key = node.value
        if key == "<<" and not node.style:
            self._report(place, "merge-key", "merge keys (`<<`) are not read", "write the keys out")
            return
        if self._twin(top, key, place):
            return
        top.pending, top.skip = key, False
        top.node.keys[key] = (node.line, node.column)

    def _twin(self, top: _Open, key: str, place: Place) -> bool:
        form = key if key.isascii() else unicodedata.normalize("NFC", key)
        first = top.forms.setdefault(form, key)
        if key not in top.node.keys and first == key:
            return False
        line, column = top.node.keys.get(key) or top.node.keys[first]
        also = (Place(self.path, line, column), "the first one")
        if first == key or key in top.node.keys:
            self._report(place, "duplicate-key", f"the key `{key}` stands twice here", "keep one of the two", also)
        else:
            message = f"the keys `{first}` and `{key}` look the same and are not"
            self._report(place, "twin-keys", message, "write both in the same Unicode form (NFC), or rename one", also)
        return True


def _key_help(text: str, node: Node) -> str:
    if text[node.start - 1 : node.start + 1] == "{{":
        return 'a text that starts with `{{` must stand in quotes: "{{ ... }}"'
    return "write the key as a text"
