"""A contract's JSON Schema as the grammar the embedded runtime samples under."""

from __future__ import annotations

import json

from choreo.contract.grammar import Grammar


def grammar_text(grammar: Grammar) -> str:
    """The runtime's own form of a grammar. Needs the runtime."""
    from xllamacpp import json_schema_to_grammar

    return str(json_schema_to_grammar(json.dumps(grammar.schema)))
