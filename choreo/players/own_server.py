"""Servers of one's own that speak OpenAI's protocol: their calls begin without litellm, whose import takes seconds.

Only where litellm would change nothing: a model that is not in its list (about such a one it knows nothing that could
be dropped or renamed), asked for with the plain parameters alone. Tests hold what leaves here against what litellm
sends for the same call. Everything else is litellm's.
"""

from __future__ import annotations

import re

from choreo.players import library, price_list
from choreo.players.client import ModelCall, StructuredBy
from choreo.players.shapes import PATH, Shape

PROVIDERS = ("openai", "ollama", "ollama_chat", "hosted_vllm", "lm_studio", "llamafile")
PARAMS = frozenset({"temperature", "top_p", "seed", "stop", "presence_penalty", "frequency_penalty"})

_FAMILIES = re.compile(r"gpt|codex|davinci|(^|[/:-])o\d", re.IGNORECASE)
"""Names that litellm takes for models of OpenAI's, listed or not, and treats in ways of their own."""


def is_plain(call: ModelCall) -> bool:
    """Whether a call is one that litellm would send as it is."""
    provider, _, name = call.model.partition("/")
    own = library.own_address(call)
    if own is None or provider not in PROVIDERS or not name or call.offers:
        return False
    if not PARAMS.issuperset(call.params) or None in call.params.values():
        return False
    if _FAMILIES.search(name) or price_list.is_listed(call.model) is not False:
        return False
    return price_list.is_listed(own[0]) is False and not re.search(r"[?#]|completions/?$|(?<!:)//", own[1])


def shape_of(call: ModelCall, form: StructuredBy | None) -> Shape:
    """The form of a plain call."""
    own = library.own_address(call)
    assert own is not None
    name, base, key = own
    headers = {
        "Authorization": f"Bearer {key}",
        "Accept": "application/json",
        "Content-Type": "application/json",
        "User-Agent": "choreo",
    }
    body = {"model": name.partition("/")[2], "messages": [], **call.params, **library.beside(call, form)}
    return Shape.of(base.rstrip("/") + PATH, headers.items(), body)
