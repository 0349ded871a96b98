"""The drawing of a spec: as a terminal tree and as a Mermaid flowchart, whole output compared."""

from __future__ import annotations

import re
import textwrap

import pytest
from lint.spec_texts import HEAD, THING, flow, loaded

from choreo.lint.survey import Survey
from choreo.render.map_chart import Chart, chart_of, duration
from choreo.render.map_mermaid import label, render_mermaid
from choreo.render.map_order import in_order
from choreo.render.map_tree import Pen, fitted, render_tree
from choreo.render.text import columns

ROLES = """\
map: {people: {lead: Team lead}}
roles:
  read: {kind: reader, does: Turn it into data, model: local/m, prompt: x, accepts: thing@^1, emits: thing@1.0.0}
  find: {kind: researcher, service: {python: "s:f"}, accepts: thing@^1, emits: thing@1.0.0, retry: {attempts: 3}}
  look: {kind: researcher, set: input, accepts: thing@^1, emits: thing@1.0.0}
  draft: {kind: drafter, human: {who: lead, within: 2h}, accepts: thing@^1, emits: thing@1.0.0}
  send: {kind: actor, service: {command: [./send]}, accepts: thing@^1, emits: thing@1.0.0, effect: once}
handoffs:
  - {from: trigger, to: read}
  - {from: read, to: [find, look]}
  - {from: [find, look], to: draft, pass: out.find}
  - {from: draft, to: read, when: "!has(out.ok)", revise: true, at_most: 2}
  - {from: draft, to: send, otherwise: true, touchpoint: gate}
  - {from: draft, on: exhausted, to: end, outcome: gave_up, fail: true}
  - {from: gate, on: rejected, to: draft, revise: true, at_most: 1, pass: {reason: out.reason}}
  - {from: send, to: end, outcome: sent}
touchpoints:
  gate: {ask: "Send {{ payload.x }}?", who: lead, when: "has(payload.x)", stakes: high, within: 48h}
"""
TREE = """\
○ trigger
│
│ thing@1.0.0
▼
◆ read  reader, model local/m
│ Turn it into data
├─ thing@1.0.0 ──▶ look
│
│ thing@1.0.0
▼
■ find  researcher, service python s:f
│ up to 3 attempts
└─ joined with look: thing@1.0.0 ──▶ draft

= look  researcher, set
│
│ joined with find
│ thing@1.0.0
▼
● draft  drafter, human lead
│ within 2h
├─ when !has(out.ok): ──↺ read, revise, at most 2
├─ on exhausted: thing@1.0.0 ──▶ end: gave_up, the run fails
│
│ otherwise
│ thing@1.0.0
│
<gate> a person decides
│    asks lead (Team lead), high stakes, within 48h
│    only when has(payload.x)
│    "Send {{ payload.x }}?"
│    rejected: ──↺ draft, revise, at most 1
│    expired: the run ends there
▼
■ send  actor, service command ./send
│ effect: once
└─ thing@1.0.0 ──▶ end: sent
"""


def chart(text: str) -> Chart:
    found = loaded(text)
    assert found.spec is not None
    return chart_of(Survey(found.spec, found.contracts))


def tree(text: str, width: int = 80, **pen: bool) -> str:
    return render_tree(chart(text), Pen(width, **pen))


def test_the_tree_shows_players_contracts_joins_loops_touchpoints_and_ends() -> None:
    assert tree(HEAD + ROLES + THING) == TREE


@pytest.mark.parametrize("width", [40, 60, 80])
def test_no_row_is_wider_than_the_terminal(width: int) -> None:
    wide = ROLES.replace("Turn it into data", "日本語" * 60).replace(
        "has(payload.x)", "has(payload.x) || " * 9 + "true"
    )
    for row in tree(HEAD + wide + THING, width).splitlines():
        assert columns(row) <= width


def test_without_colour_and_without_unicode_the_words_still_say_it() -> None:
    shown = tree(HEAD + ROLES + THING, ascii_only=True)
    assert shown.isascii()
    for word in ("model local/m", "service python", "set", "human lead", "<gate> a person decides", "at most 2"):
        assert word in shown


def test_colour_adds_nothing_but_colour() -> None:
    painted = tree(HEAD + ROLES + THING, colour=True)
    assert "\x1b[33m<gate>" in painted
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == TREE


def test_lanes_are_told_where_they_open_and_where_they_come_together() -> None:
    shown = tree(
        flow(
            "from: trigger, to: one, each: trigger.list, at_once: 3, on_failure: drop",
            "from: one, to: two, gather: true",
            "from: two, to: end, after: 60s",
        )
    )
    assert "a lane for each of trigger.list; 3 at once; a failed lane: drop" in shown
    assert "gathers the lanes" in shown
    assert "end, after 1m" in shown
    drawn = render_mermaid(chart(flow("from: trigger, to: one, each: trigger.list", "from: one, to: end")))
    assert "==>" in drawn


def test_what_nothing_leads_to_and_what_does_not_exist_is_drawn_and_said() -> None:
    text = flow("from: trigger, to: one", "from: one, to: end, touchpoint: nobody", "from: two, to: nowhere")
    shown = tree(text)
    assert "= two  reader, set  never reached" in shown
    assert "no such touchpoint" in shown
    assert "not in this spec" in render_mermaid(chart(text.replace("nowhere: {", "lost: {")))


def test_text_from_the_spec_never_steers_the_terminal() -> None:
    nasty = ROLES.replace("Turn it into data", '"\\e[2J\\u202e::error::x"')
    shown = tree(HEAD + nasty + THING)
    assert "\\x1b[2J\\u202e::error::x" in shown
    assert not re.search(r"(?m)^::", shown)


def test_a_chain_of_a_thousand_roles_is_drawn() -> None:
    names = [f"r{number}" for number in range(1000)]
    steps = [((source,), target, None) for source, target in zip(["trigger", *names], [*names, "end"], strict=True)]
    order, back = in_order(steps)
    assert order == ["trigger", *names, "end"]
    assert not back


def test_a_way_back_is_told_from_a_way_on() -> None:
    steps = [(("trigger",), "a", None), (("a",), "b", "gate"), (("gate",), "a", None), (("b",), "b", None)]
    assert in_order(steps) == (["trigger", "a", "b"], frozenset({2, 3}))


def test_durations_are_written_as_in_the_language() -> None:
    assert [duration(seconds) for seconds in (0.25, 30, 600, 172800, 604800, 5400)] == [
        "250ms",
        "30s",
        "10m",
        "48h",
        "7d",
        "90m",
    ]


@pytest.mark.parametrize(
    ("text", "room", "kept"), [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("日本語", 5, "日本…"), ("x", 0, "")]
)
def test_a_text_is_cut_to_its_columns(text: str, room: int, kept: str) -> None:
    assert fitted(text, room) == kept


# -- mermaid -------------------------------------------------------------------------------------

MERMAID = """\
flowchart TD
  n0(("trigger"))
  n1(["<b>read</b><br/>reader, model local/m<br/>Turn it into data"])
  n2["<b>find</b><br/>researcher, service python s#58;f"]
  n3[/"<b>look</b><br/>researcher, set"/]
  n4[/"<b>draft</b><br/>drafter, human lead"\\]
  n5["<b>send</b><br/>actor, service command ./send"]
  n6{"join"}
  n7{{"<b>gate</b><br/>asks lead #40;Team lead#41;, high stakes<br/>only when has#40;payload.x#41;<br/>within 48h"}}
  n8((("end<br/>gave#95;up, the run fails")))
  n9((("end<br/>sent")))
  n0 -->|"thing@1.0.0"| n1
  n1 -->|"thing@1.0.0"| n2
  n1 -->|"thing@1.0.0"| n3
  n2 --> n6
  n3 --> n6
  n6 -->|"thing@1.0.0"| n4
  n4 -.->|"when !has#40;out.ok#41;<br/>revise, at most 2"| n1
  n4 -->|"otherwise"| n7
  n7 -->|"approved thing@1.0.0"| n5
  n4 -.->|"on exhausted<br/>thing@1.0.0"| n8
  n7 -.->|"on rejected<br/>revise, at most 1"| n4
  n5 -->|"thing@1.0.0"| n9
"""


def test_the_flowchart_has_a_shape_for_each_player_and_one_for_touchpoints() -> None:
    drawn = render_mermaid(chart(HEAD + ROLES + THING))
    assert drawn.startswith(MERMAID)
    assert drawn.splitlines()[23:25] == [
        "  classDef is_trigger fill:#ffffff,stroke:#22282e,color:#22282e",
        "  class n0 is_trigger",
    ]


HOSTILE = (
    '"]; click n0 "javascript:alert(1)"',
    "end",
    "#quot; #35; &lt;",
    "<script>x</script>",
    "`md` **b** _i_",
    "%%{init: {}}%%",
    "1. list",
    "- list",
    "a|b}c{d]e[f)g(h",
    "style a:b #fff;",
    "$$x^2$$",
    "fa:fa-car",
    "www.example.org",
    "back\\slash/",
    "\x1b[0m\u202e\u0007",
    "two\nlines\r\n\tclassDef x",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_ends_a_label_or_means_anything_in_it(text: str) -> None:
    safe = label(text)
    bare = re.sub(r"#[0-9]+;", "", safe)
    assert not set(bare) & set('"#;&<>`*_{}[]()|\\~%:$^\n\r')
    assert not re.match(r"[-=]|\d\.", bare)
    assert "www." not in bare
    decoded = re.sub(r"#([0-9]+);", lambda found: chr(int(found[1])), safe)
    assert "$$" not in decoded
    assert ":fa-" not in decoded


@pytest.mark.parametrize("name", ["end_", "subgraph", "click", "graph", "style", "default", "class"])
def test_names_of_an_author_are_never_ids(name: str) -> None:
    drawn = render_mermaid(chart(flow(f"from: trigger, to: {name}", f"from: {name}, to: end, outcome: end")))
    ids = {word for row in drawn.splitlines()[1:] for word in re.findall(r"^  (\w+)(?=[\[({ ])", row)}
    assert all(re.fullmatch(r"n\d+|classDef|class", one) for one in ids), ids


def test_a_touchpoint_before_several_receivers_is_drawn_for_each() -> None:
    drawn = render_mermaid(
        chart(
            flow(
                "from: trigger, to: [a, b], touchpoint: gate",
                "from: gate, on: rejected, to: end",
                "from: {any: [a, b]}, to: end",
                more=textwrap.dedent("touchpoints:\n  gate: {ask: x}\n"),
            )
        )
    )
    assert drawn.count("{{") == 2
    assert drawn.count("on rejected") == 2
