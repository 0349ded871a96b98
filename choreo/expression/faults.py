"""What can be wrong with an expression: its text (before a run), or its evaluation (in a run)."""

from __future__ import annotations

import re

from choreo.problem import Place


class ExpressionSyntax(ValueError):
    """A text that is not an expression. `offset` counts code points from the start of `text`.

    `place` is where the text begins in its file, when a form or a template was compiled.
    """

    def __init__(self, message: str, offset: int = 0, text: str = "", help: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.text = text
        self.help = help
        self.place: Place | None = None


class ExpressionError(ValueError):
    """An expression that gave no usable value. `code` is `expression-error` or `null-in-template`.

    `text` is the expression and `place` where it stands, when a form or a template was built.
    """

    def __init__(self, message: str, text: str = "", code: str = "expression-error") -> None:
        super().__init__(message)
        self.message = message
        self.text = text
        self.code = code
        self.place: Place | None = None


_HABITS = {
    "and": "write `&&` for and",
    "or": "write `||` for or",
    "not": "write `!` for not",
    "=": "write `==` to compare",
    "None": "write `null`",
    "is": "write `==` to compare",
    "if": "write `condition ? a : b`",
}
_AT = r"ERROR: <input>:(\d+):(\d+): (.*)"
_EXTRA = r"(?:extraneous|mismatched) input '(.+?)' expecting|no viable alternative at input '(.+?)'"
_STRAY = r"token recognition error at: '(.+?)'"


def read_syntax_error(report: str, text: str) -> ExpressionSyntax:
    """The first finding of the parser's report, in our words."""
    found = re.search(_AT, report)
    if "recursion" in report:
        return ExpressionSyntax("nested too deeply to be read", 0, text, "split it: compute a part in a `set` role")
    if found is None:
        return ExpressionSyntax(_first_line(report), 0, text)
    line, column, message = int(found[1]), int(found[2]), found[3]
    offset = sum(len(part) + 1 for part in text.split("\n")[: line - 1]) + column - 1
    return _worded(message, min(offset, len(text)), text)


def _worded(message: str, offset: int, text: str) -> ExpressionSyntax:
    if not text.strip():
        return ExpressionSyntax("an empty expression", 0, text, "write a value, a name or a condition")
    if "'<EOF>'" in message.split(" expecting ", maxsplit=1)[0]:
        return ExpressionSyntax("the expression ends too early", offset, text, "something is missing at its end")
    for pattern in (_EXTRA, _STRAY):
        found = re.search(pattern, message)
        if found is not None:
            word = next(part for part in found.groups() if part).strip()
            if word[:1] in "'\"":
                return ExpressionSyntax("a quote that is never closed", offset, text, "close it with the same quote")
            return ExpressionSyntax(f"unexpected `{word}`", offset, text, _habit(text, offset))
    if message.startswith("reserved identifier: "):
        word = message.removeprefix("reserved identifier: ")
        help = _HABITS.get(word, "choose another name")
        return ExpressionSyntax(f"`{word}` is a reserved word of CEL", offset, text, help)
    return ExpressionSyntax(message.removeprefix("Syntax error: "), offset, text)


def _habit(text: str, offset: int) -> str:
    """Help for what people write who come from other languages, near the place of the error."""
    near = re.findall(r"\w+|[^\w\s]+", text[offset : offset + 12]) + re.findall(r"\w+|[^\w\s]+", text[:offset])[-2:]
    return next((_HABITS[word] for word in near if word in _HABITS), "")


_STATUS = r"^[A-Z_]+: "
_UNKNOWN = r'No value with name "(.+?)" found'
_OVERLOAD = r"No matching overloads found : ([^()]+)(?:\((.*)\))?"
_TYPES = {"int64": "an integer", "double": "a number", "string": "a text", "bool": "a boolean", "map": "an object"}
_TYPES |= {"list": "a list", "null_type": "null", "uint64": "an unsigned integer", "*error*": "an error"}


def read_runtime_error(report: str) -> str:
    """One sentence for an error of the evaluator."""
    message = re.sub(_STATUS, "", _first_line(report)).removesuffix("]").split(" [")[0]
    unknown = re.search(_UNKNOWN, message)
    if unknown is not None:
        return f"there is no `{unknown[1]}` here"
    overload = re.search(_OVERLOAD, message)
    if overload is not None:
        return _misfit(overload[1].strip(), overload[2])
    if "Iteration budget" in message:
        return "it takes too many steps: loops over lists are bounded"
    if message.startswith("Key not found in map : "):
        return f"there is no field {message.removeprefix('Key not found in map : ')} there"
    if "Applying SELECT to non-message" in message:
        return "a field was read from something that is not an object"
    return message


def _misfit(function: str, types: str | None) -> str:
    shown = function.replace("@in", "in").strip("_").replace("_", "") or function
    if types is None:
        return f"`{shown}` does not fit these values"
    names = [part.strip() for part in types.split(",")]
    kinds = " and ".join(_TYPES.get(name, name) for name in names)
    hint = ""
    if {"int64", "double"} == set(names):
        hint = "; write double(x) around the part that may be whole"
    return f"`{shown}` does not fit {kinds}{hint}"


def _first_line(text: str) -> str:
    return text.strip().split("\n", 1)[0]
