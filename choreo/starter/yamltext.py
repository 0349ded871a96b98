"""Plain data as YAML that every reader takes for the same: whatever a person typed, in quotes where it must be."""

from __future__ import annotations

import re
from typing import Any

import yaml

_PLAIN = re.compile(
    r"[A-Za-z][A-Za-z0-9_./^@~-]*( [A-Za-z0-9_./^@~'()-]+)*|[0-9]{1,6}(ms|s|m|h|d)|[0-9]+\.[0-9]+\.[0-9]+"
)
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


class _Dumper(yaml.SafeDumper):
    """Quotes by rules of its own: PyYAML's follow YAML 1.1, where `1e3` is a text."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)  # a list stands below its key, indented


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    is_plain = _PLAIN.fullmatch(text) is not None and text.lower() not in _WORDS
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, None if is_plain else '"')


_Dumper.add_representer(str, _text)


def yaml_text(data: dict[str, Any]) -> str:
    """The data in the order given: a key to a line, mappings and lists of scalars below it on one line each."""
    style: dict[str, Any] = {"allow_unicode": True, "width": 10**9}
    text = yaml.dump(data, Dumper=_Dumper, sort_keys=False, default_flow_style=None, **style)
    root = yaml.compose(text, yaml.SafeLoader)
    if isinstance(root, yaml.MappingNode):
        root.flow_style = False
    return str(yaml.serialize(root, Dumper=_Dumper, **style))
