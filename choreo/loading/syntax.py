"""What a YAML parser complains about, in words a person can act on."""

from __future__ import annotations

import yaml

from choreo.loading.slips import Extent, missing_dash, missing_mark, unclosed_quote
from choreo.loading.text import place_at
from choreo.problem import Place, Problem

_QUOTE_IT = 'a text that starts with `{0}` must stand in quotes: "{0}..."'


def syntax_problem(error: yaml.YAMLError, text: str, path: str, last: Extent | None = None) -> Problem:
    """The Problem for a parser's error, at the place where a person has to change something.

    `last` is the extent of the last scalar that the parser could read.
    """
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return Problem(Place(path), "yaml-syntax", f"not YAML: {_one_line(str(error))}", "check the file's first line")
    return _slip(error, text, path, last) or _as_met(error, text, path)


def _slip(error: yaml.MarkedYAMLError, text: str, path: str, last: Extent | None) -> Problem | None:
    """The Problem where the mistake stands above the place at which the parser met it."""
    met = min(error.problem_mark.index, len(text)) if error.problem_mark else 0
    opened = error.context_mark.index if error.context_mark else met
    what, context = error.problem or "", error.context or ""
    if last is not None and "\n" in text[slice(*last)]:
        start, end = last
        # From here on it went wrong: nothing but blanks lies between the end of the last scalar and the error.
        follows = any(end <= index and not text[end:index].strip(" ") for index in (met, opened))
        if text[start] in "\"'" and follows:
            return unclosed_quote(text, start, end, path)
        if "mapping values" in what and follows:
            return missing_mark(text, start, path)
    if text[opened : opened + 1] in ("'", '"') and opened < met and "stream" not in what:
        return unclosed_quote(text, opened, met, path)
    if "expected ':'" in what and "simple key" in context:
        return missing_mark(text, opened, path)
    if "'-' indicator" in what or ("expected key" in what and text.startswith("- ", met)):
        return missing_dash(text, place_at(text, met, path), met, opened)
    return None


def _as_met(error: yaml.MarkedYAMLError, text: str, path: str) -> Problem:
    what = error.problem or ""
    index = min(error.problem_mark.index, len(text)) if error.problem_mark else 0
    here = place_at(text, index, path)
    opened = place_at(text, error.context_mark.index, path) if error.context_mark else here
    found = text[index : index + 1]
    if "quoted scalar" in (error.context or "") and ("end of stream" in what or "document indicator" in what):
        quote = text[error.context_mark.index] if error.context_mark else "quote"
        return Problem(
            opened,
            "unclosed-quote",
            f"this {quote} is never closed",
            f"add the closing {quote}",
            also=((here, "the text ends here"),),
        )
    if found == "\t":
        return Problem(here, "tab", "a tab stands where YAML wants spaces", "indent with spaces")
    if "maximum nesting depth" in what:  # libyaml's own bound, which is above ours: it met the text first
        return Problem(here, "too-deep", "nested far too deeply", "flatten it")
    if "cannot start any token" in what:
        return Problem(here, "yaml-syntax", f"a value cannot start with `{found}`", _QUOTE_IT.format(found))
    return _structure(what, here, opened, text, index)


def _structure(what: str, here: Place, opened: Place, text: str, index: int) -> Problem:
    if "mapping values are not allowed" in what:
        return Problem(
            here,
            "yaml-syntax",
            "a second `: ` in one value",
            'put a text that holds `: ` in quotes: "a: b"; if this was meant as a key, check the indentation',
        )
    if "',' or" in what:
        bracket = what[-2:-1]
        also = ((opened, "opened here"),) if opened != here else ()
        help = f"close the list or map with `{bracket}`"
        if index < len(text) and text[index] in "[]{}":
            help += f"; a text that holds `{text[index]}` must stand in quotes here"
        return Problem(here, "yaml-syntax", f"expected `,` or `{bracket}` here", help, also=also)
    if "escape" in what:
        return Problem(
            here,
            "bad-escape",
            "this is no escape that YAML knows",
            r"write `\\` for a backslash, or use single quotes, in which a backslash is itself",
        )
    if "did not find expected key" in what or "block end" in what or "'-' indicator" in what:
        also = ((opened, "the block starts here"),) if opened != here else ()
        return Problem(
            here,
            "yaml-syntax",
            "this line does not fit into the block around it",
            "line it up with the other lines of its block; a text with quotes inside must be quoted as a whole",
            also=also,
        )
    if "expected ':'" in what:
        help = "a key is followed by a colon and a blank; a text that goes on is indented deeper than its key"
        return Problem(opened, "yaml-syntax", "this line is neither a key with its value nor an item of a list", help)
    return Problem(here, "yaml-syntax", _one_line(what) or "not YAML", "compare with the lines around it")


def _one_line(text: str) -> str:
    return " ".join(text.split())
