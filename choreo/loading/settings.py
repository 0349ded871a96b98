"""Settings of models that nobody refuses and that do nothing: an address of no scheme, a misspelt parameter."""

from __future__ import annotations

import re
from collections.abc import Iterator

from choreo.loading.node import Document, Node
from choreo.loading.traps import short
from choreo.problem import Problem, near_miss

_ADDRESS = re.compile(r"https?://[^/\s]|\$\{env:", re.IGNORECASE)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)(?::/{0,2}|/{1,2})(?=[^/\s])")
_HERE = re.compile(r"(localhost|127\.|0\.0\.0\.0|\[::1\])")
PARAMS = (
    *("temperature", "top_p", "top_k", "top_a", "top_n", "min_p", "typical_p", "seed", "stop", "n", "user", "ctx"),
    *("max_tokens", "min_tokens", "max_completion_tokens", "max_output_tokens", "presence_penalty", "repeat_penalty"),
    *("frequency_penalty", "repetition_penalty", "logit_bias", "logprobs", "top_logprobs", "reasoning", "verbosity"),
    *("reasoning_effort", "thinking", "thinking_budget", "service_tier", "metadata", "store", "prediction", "format"),
    *("parallel_tool_calls", "safety_settings", "extra_headers", "extra_body", "api_version", "organization", "think"),
    *("num_ctx", "num_predict", "mirostat", "mirostat_eta", "mirostat_tau", "keep_alive", "stop_sequences", "best_of"),
    *("response_mime_type", "modalities", "web_search_options", "prompt_cache_key", "cache_control", "threads"),
)
"""What params are called by makers of models. A name that is not near one of them may be newer than the list."""


def settings_problems(document: Document, root: Node) -> Iterator[Problem]:
    """A warning for each `api_base` that is no address and each of `params` that is nearly a known one."""
    models = root.get("models")
    for _, settings in models.entries() if models is not None else ():
        base, params = settings.get("api_base"), settings.get("params")
        if base is not None and base.kind == "text" and _ADDRESS.match(base.value) is None:
            message = f"`{short(base.value)}` is no address: it begins with neither `http://` nor `https://`"
            yield Problem(document.place(base), "unknown-scheme", message, _address(base.value), "warning")
        elif base is not None and base.kind == "text" and "{" not in base.value and (why := _no_address(base.value)):
            message = f"`{short(base.value)}` is no address: {why}"
            yield Problem(document.place(base), "bad-address", message, "write `http://HOST:PORT/PATH`")
        for name, _ in params.entries() if params is not None else ():
            near = None if name in PARAMS else near_miss(name, [one for one in PARAMS if len(one) > 3])
            if near is not None and params is not None:
                message = f"`{short(name)}` is no parameter of a model that is known here"
                help = f"did you mean `{near}`?"
                yield Problem(document.key(params, name), "unknown-param", message, help, "warning")


def _no_address(written: str) -> str:
    """What is wrong with the host or port of an address; nothing where it can be called."""
    from urllib.parse import urlsplit

    try:
        return "it has no host" if not urlsplit(written).hostname or urlsplit(written).port == 0 else ""
    except ValueError as error:
        return str(error)


def _address(written: str) -> str:
    found = _SCHEME.match(written)
    near = near_miss(found[1], ("http", "https")) if found else None
    if found is not None and near is not None:
        return f"did you mean `{near}://{short(written[found.end() :])}`?"
    if "://" in written:
        return "write `http://...` or `https://...`"
    scheme = "http" if _HERE.match(written) else "https"
    return f"did you mean `{scheme}://{short(written)}`?"
