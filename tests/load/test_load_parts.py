"""Nouns out of a spec: every form of every part, and where each stands."""

from pathlib import Path

import pytest

from choreo.loading import load_spec, load_stored
from choreo.loading.unplayed import UNPLAYED
from choreo.problem import Place
from choreo.spec import (
    END,
    CommandService,
    Confidence,
    ContractRef,
    Expr,
    Fields,
    Fixed,
    HttpService,
    HumanPlayer,
    InlineSchema,
    Items,
    McpService,
    ModelPlayer,
    PythonService,
    Retry,
    SetPlayer,
    SpecPlayer,
)

HERE = Path(__file__).parent
GOOD = (HERE / "good.yaml").read_text(encoding="utf-8")
FULL = (HERE / "full.yaml").read_text(encoding="utf-8")


def load(text, **others):
    return load_stored({"a.yaml": text, **others}, "a.yaml")


def with_role(*lines, text=GOOD):
    """The good spec with other lines for its player."""
    return text.replace("    model: small\n", "".join(f"    {line}\n" for line in lines))


def role(*lines):
    return load(with_role(*lines)).spec.roles["read"]


def with_handoff(line):
    return GOOD.replace("  - {from: trigger, to: read}\n", f"  - {line}\n")


def handoff(line):
    loaded = load(with_handoff(line))
    assert loaded.problems == ()
    return loaded.spec.handoffs[0]


def text_at(text, place, length):
    return text.split("\n")[place.line - 1][place.column - 1 :][:length]


# -- the whole -----------------------------------------------------------------------------------


def test_what_is_not_played_yet_is_told_at_its_key_and_nothing_else_is_wrong_with_the_full_language():
    loaded = load(FULL, **{"parts/other.yaml": GOOD})
    assert {problem.code for problem in loaded.problems} == {"not-supported-yet"}
    assert {text_at(FULL, problem.place, 40).split(":")[0] for problem in loaded.problems} == {
        path.rsplit("/", 1)[1] for path, _ in UNPLAYED
    }


def test_a_switch_that_is_off_is_no_use_of_what_is_not_played():
    assert load(with_role("model: small", "cache: false")).problems == ()


def test_every_part_of_the_full_language_arrives_in_the_nouns():
    spec = load(FULL).spec
    assert (spec.name, spec.version, spec.description, spec.folder) == ("full", "1.0.0", "Every word once", ".")
    assert spec.map.people == {"lead": "Team lead"}
    assert spec.map.decisions[0].by == "decide"
    assert spec.map.breakdowns[0].covered_by == ("read", "look")
    assert spec.map.baseline["currency"] == "EUR"
    small = spec.models["small"]
    assert (small.model, small.timeout, small.fallback, small.price) == ("openai/gpt-5-mini", 30.0, "other", (1.0, 2.0))
    assert (small.api_key, small.rpm, small.parallel) == ("${env:KEY}", 10, 2)
    assert spec.trigger.once_per.text == "trigger.text"
    assert str(spec.result.emits) == "note@1.0.0"
    assert (spec.limits.cost, spec.limits.hops, spec.limits.time, spec.limits.parallel) == (1.0, 40, 600.0, 4)
    read, store = spec.roles["read"], spec.roles["store"]
    assert isinstance(read.player, ModelPlayer)
    assert (read.player.repair, read.player.thread, read.player.examples) == (1, "talk", ((1, 2),))
    assert (read.confidence.source, read.confidence.field) == ("logprobs", "text")
    assert read.retry == Retry(3, 1.0, 2.0, 0.5)
    assert (store.effect, store.key.text) == ("once", "input.text")
    assert isinstance(store.player, CommandService)
    assert (store.player.env, store.player.max_output, store.player.takes_feedback) == (
        {"TOKEN": "${env:TOKEN}"},
        1000,
        True,
    )
    kinds = {name: type(role.player) for name, role in spec.roles.items()}
    assert kinds["post"] is HttpService
    assert kinds["call"] is McpService
    assert kinds["part"] is SpecPlayer
    assert kinds["person"] is HumanPlayer
    assert spec.roles["person"].player.within == 7200.0
    join, either, rejected, last = spec.handoffs[2:]
    assert (join.sources, join.sources_as, join.also) == (("decide", "person"), "join", True)
    assert (either.sources, either.sources_as, either.gather) == (("decide", "person"), "any", True)
    assert (rejected.on, rejected.revise, rejected.at_most) == ("rejected", True, 2)
    assert (last.targets, last.outcome, last.fail, last.otherwise) == ((END,), "kept", True, True)
    look = spec.touchpoints["look"]
    assert (look.who, look.stakes, look.within, look.may) == ("lead", "high", 172800.0, ("approve", "reject"))


# -- forms and expressions -----------------------------------------------------------------------


def test_a_form_has_expressions_at_its_text_leaves_and_a_place_at_every_key():
    text = with_handoff("{from: trigger, to: read, pass: {a: trigger.x, b: [1, 'y', {c: true}], d: null}}")
    form = load(text).spec.handoffs[0].passes
    assert isinstance(form, Fields)
    assert [key for key, _, _ in form.entries] == ["a", "b", "d"]
    for key, place, _ in form.entries:
        assert text_at(text, place, 2) == f"{key}:"
    first, second, third = (part for _, _, part in form.entries)
    assert isinstance(first, Expr)
    assert text_at(text, first.place, 9) == "trigger.x"
    assert isinstance(second, Items)
    assert isinstance(second.entries[0], Fixed)
    assert second.entries[1].text == "y"
    assert text_at(text, second.entries[1].place, 1) == "y"
    assert third.value is None


@pytest.mark.parametrize(
    ("written", "expression"),
    [
        ("a.b == 1 && c", "a.b == 1 && c"),
        ("'a == ''x'' && b'", "a == 'x' && b"),
        ('"a == \\"x\\" && b"', 'a == "x" && b'),
        ('"\\x61 == \\u00e9 && b"', "a == é && b"),
        ("'  a && b '", "a && b"),
        ("'дом && 日本 && b'", "дом && 日本 && b"),
        ("a ==\n        1 &&\n        b", "a == 1 && b"),
        ("'a ==\n\n        1 && b'", "a ==\n1 && b"),
        ('"a == \\\n        1 && b"', "a == 1 && b"),
        (">\n        a == 1\n        && b", "a == 1 && b"),
        ("|\n        a == 1\n          && b\n\n        && c", "a == 1\n  && b\n\n&& c"),
        (">-\n        a ==\n\n        b &&\n        c", "a ==\nb && c"),
        ("|2\n        a == 1\n      && b", None),
    ],
)
def test_each_character_of_an_expression_is_found_again_in_the_file(written, expression):
    text = GOOD.replace("  - {from: trigger, to: read}\n", f"  - from: trigger\n    to: read\n    when: {written}\n")
    when = load(text).spec.handoffs[0].when
    if expression is not None:
        assert when.text == expression
    assert when.at(0) == when.place
    for offset, character in enumerate(when.text):
        if character.isalnum() or character in "=&":
            found = text_at(text, when.at(offset), 1)
            assert found == character or found == "\\", (offset, character, when.at(offset))


def test_expressions_in_templates_point_at_their_first_character():
    text = with_role("model: small", "prompt: \"Hi {{ input.text }} and {{ {'a': {'b': 1}}.a }}, {{ '}}' }}!\"")
    loaded = load(text)
    prompt = loaded.spec.roles["read"].player.prompt
    assert loaded.problems == ()
    assert [part if isinstance(part, str) else part.text for part in prompt.parts] == [
        "Hi ",
        "input.text",
        " and ",
        "{'a': {'b': 1}}.a",
        ", ",
        "'}}'",
        "!",
    ]
    for expression in prompt.expressions:
        assert text_at(text, expression.place, len(expression.text)) == expression.text


def test_templates_in_a_block_point_at_the_right_line():
    text = with_role("model: small", "prompt: |", "  Line one", "  Then {{ input.text }}", "  and {{ previous }}")
    prompt = load(text).spec.roles["read"].player.prompt
    for expression in prompt.expressions:
        assert text_at(text, expression.place, len(expression.text)) == expression.text


@pytest.mark.parametrize("literal", ["{x.__class__}", "%(x)s", "$(id)", "${HOME}", "{ {x} }", "}}"])
def test_other_brackets_are_literal_text(literal):
    loaded = load(with_role("model: small", f"prompt: 'a {literal} b'"))
    assert loaded.problems == ()
    assert loaded.spec.roles["read"].player.prompt.parts == (f"a {literal} b",)


def test_an_apostrophe_in_a_template_does_not_swallow_its_end():
    loaded = load(with_role("model: small", 'prompt: "{{ it\'s }} and {{ input }}"'))
    assert [part.text for part in loaded.spec.roles["read"].player.prompt.expressions] == ["it's", "input"]


# -- prompts -------------------------------------------------------------------------------------


def test_a_prompt_file_is_read_with_positions_in_it():
    text = with_role("model: small", "prompt: prompts/read.md")
    loaded = load(text, **{"prompts/read.md": "One\n\nTwo {{ input.a &&\n  b }}\n"})
    prompt = loaded.spec.roles["read"].player.prompt
    assert prompt.path == "prompts/read.md"
    (expression,) = prompt.expressions
    assert expression.place == Place("prompts/read.md", 3, 8)
    assert expression.at(expression.text.index("b")) == Place("prompts/read.md", 4, 3)
    assert set(loaded.sources) == {"a.yaml", "prompts/read.md"}


def test_problems_in_a_prompt_file_stand_in_it(tmp_path):
    (tmp_path / "p.md").write_text("a\nb {{ c\n${env:SECRET}\n", encoding="utf-8")
    (tmp_path / "latin.txt").write_bytes(b"ok\nf\xfcr")
    text = with_role("model: small", "prompt: p.md").replace(
        "handoffs:", "  b: {kind: reader, model: small, prompt: latin.txt}\nhandoffs:", 1
    )
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    found = [
        (Path(p.place.path).name, p.place.line, p.place.column, p.code)
        for p in load_spec(str(tmp_path / "a.yaml")).problems
    ]
    assert found == [
        ("latin.txt", 2, 2, "not-utf8"),
        ("p.md", 2, 3, "unclosed-template"),
        ("p.md", 3, 1, "env-not-here"),
    ]


@pytest.mark.parametrize(
    "written", ["${evn:HIS_TOKEN}", "${HIS_TOKEN}", "${envHIS_TOKEN}", "{env:HIS_TOKEN}", "$HIS_TOKEN"]
)
def test_what_is_nearly_a_variable_is_an_error_in_every_setting_that_goes_out(written):
    http = f'{{http: {{url: "https://x.example/?a={written}", headers: {{A: "Bearer {written}"}}}}}}'
    text = with_role(f"service: {http}").replace(
        "timeout: 30s", f'timeout: 30s, api_key: "{written}", api_base: "{written}"'
    )
    problems = [problem for problem in load(text).problems if problem.code == "bad-env"]
    assert [problem.severity for problem in problems] == ["error"] * (3 if written.startswith("$H") else 4)
    assert {problem.help for problem in problems} == {"did you mean `${env:HIS_TOKEN}`?"}


@pytest.mark.parametrize(
    "service",
    [
        '{command: [sh, -c, "echo ${HOME} $HOME"]}',
        '{http: {url: "https://x.example/", headers: {A: "${env:A} $5", B: "{{ {\'env\': input}.env }}"}}}',
    ],
)
def test_a_dollar_that_is_no_variable_is_none(service):
    assert load(with_role(f"service: {service}")).problems == ()


@pytest.mark.parametrize("prompt", ["Read this.md", "|\n      read.md\n      please", "'notes: x.md y.txt'", "README"])
def test_only_one_word_that_ends_like_a_text_file_is_a_path(prompt):
    loaded = load(with_role("model: small", f"prompt: {prompt}"))
    assert loaded.problems == ()
    assert loaded.spec.roles["read"].player.prompt.path is None


@pytest.mark.parametrize(
    "text",
    ["{ input.text }}", "{input.text}}", "{ read.text != '' }}", "{ input }}", "{ !input.ok }}", "{ run['id'] }}"],
)
def test_an_expression_that_lost_its_first_brace_is_an_error_and_no_text(text):
    prompt = with_role("model: small", f'prompt: "Read {text} and {{{{ input.a }}}}, then {text}"')
    asked = GOOD.replace("Is this right?", f'"Right: {text}"')
    for spec, count in ((prompt, 2), (asked, 1)):
        problems = load(spec).problems
        assert [(problem.code, problem.severity) for problem in problems] == [("unopened-template", "error")] * count
        assert {problem.help for problem in problems} == {f"did you mean `{{{text}`?"}


@pytest.mark.parametrize(
    "text",
    [
        *(
            '{"a": {"b": 1}}',
            "{a: {b: 1}}",
            '{"a": {{{ input.x }}}}',
            "{{ {'a': {'b': 1}}.a.b }}",
            "{input: {text: 1}}",
        ),
        *("a {other.text }} b", "set {x in run}}", "{ input.text }", "\\frac{run}{\\sqrt{out}}", "${input}}"),
    ],
)
def test_braces_that_are_no_expression_stay_text(tmp_path, text):
    (tmp_path / "p.md").write_text(text, encoding="utf-8")
    (tmp_path / "a.yaml").write_text(with_role("model: small", "prompt: p.md"), encoding="utf-8")
    assert load_spec(str(tmp_path / "a.yaml")).problems == ()


def with_settings(written):
    return load(GOOD.replace("timeout: 30s", f"timeout: 30s, {written}")).problems


@pytest.mark.parametrize(
    ("written", "help"),
    [
        ("htp://x/v1", "did you mean `http://x/v1`?"),
        ("htps://x/v1", "did you mean `https://x/v1`?"),
        ("http:/x/v1", "did you mean `http://x/v1`?"),
        ("https//x/v1", "did you mean `https://x/v1`?"),
        ("localhost:8000/v1", "did you mean `http://localhost:8000/v1`?"),
        ("api.example/v1", "did you mean `https://api.example/v1`?"),
        ("ftp://x/v1", "write `http://...` or `https://...`"),
    ],
)
def test_an_api_base_without_a_scheme_that_is_known_is_a_warning(written, help):
    [problem] = with_settings(f'api_base: "{written}"')
    assert (problem.code, problem.severity, problem.help) == ("unknown-scheme", "warning", help)


@pytest.mark.parametrize(
    "written", ["http://[::1/v1", "http://127.0.0.1:99999/v1", "http://x:port/v1", "http://:80/v1"]
)
def test_an_api_base_that_cannot_be_called_is_an_error(written):
    [problem] = with_settings(f'api_base: "{written}"')
    assert (problem.code, problem.severity) == ("bad-address", "error")


@pytest.mark.parametrize("written", ["http://x", "HTTPS://x/v1", "${env:BASE}", "${env:BASE}/v1"])
def test_an_api_base_that_is_an_address_or_a_variable_is_fine(written):
    assert with_settings(f'api_base: "{written}"') == ()


@pytest.mark.parametrize(
    ("written", "meant"), [("temprature", "temperature"), ("max_token", "max_tokens"), ("topp", "top_p")]
)
def test_a_parameter_that_is_nearly_a_known_one_is_a_warning(written, meant):
    [problem] = with_settings(f"params: {{{written}: 1}}")
    assert (problem.code, problem.severity, problem.help) == ("unknown-param", "warning", f"did you mean `{meant}`?")


@pytest.mark.parametrize("written", ["temperature", "top_k", "a", "n", "my_new_one", "reasoning_effort"])
def test_a_parameter_that_is_known_or_all_new_is_fine(written):
    assert with_settings(f"params: {{{written}: 1}}") == ()


# -- roles and handoffs --------------------------------------------------------------------------


def test_players():
    assert isinstance(role("set: {text: input.text}").player, SetPlayer)
    assert role('service: {python: "a.b:c", takes_feedback: true}').player.takes_feedback is True
    assert isinstance(role('service: {python: "a.b:c"}').player, PythonService)
    command = role("service: {command: [./x.sh, '{{ input.text }}']}").player
    assert [len(word.expressions) for word in command.argv] == [0, 1]
    assert role("human: {}").player.who is None
    assert role("model: local/any").player.model == "local/any"


@pytest.mark.parametrize(
    ("written", "source", "field"),
    [
        ("logprobs(action)", "logprobs", "action"),
        ("logprobs( a.b )", "logprobs", "a.b"),
        ("out.score", "expression", None),
    ],
)
def test_confidence(written, source, field):
    found = role("model: small", f"confidence: {written}").confidence
    assert isinstance(found, Confidence)
    assert (found.source, found.field) == (source, field)
    assert (found.expression is not None) == (source == "expression")


@pytest.mark.parametrize(
    ("written", "seconds"), [("250ms", 0.25), ("30s", 30), ("10m", 600), ("48h", 172800), ("7d", 604800), ("1.5s", 1.5)]
)
def test_durations_are_seconds(written, seconds):
    assert role("model: small", f"timeout: {written}").timeout == seconds


def test_contracts_are_named_with_a_range_or_written_inline():
    text = with_role("model: small").replace("    emits: note@1.0.0", "    emits: {type: string}")
    reading = load(text).spec.roles["read"]
    assert reading.accepts == ContractRef("note", "^1", reading.accepts.place)
    assert isinstance(reading.emits, InlineSchema)
    assert reading.emits.schema == {"type": "string"}


def test_sources_and_targets():
    assert handoff("{from: [trigger], to: read}").sources_as == "one"
    many = handoff("{from: {any: [trigger, read]}, to: [read, end], pick: \"['read']\"}")
    assert (many.sources, many.sources_as, many.targets) == (("trigger", "read"), "any", ("read", "end"))
    assert [place.column for place in many.source_places] == [19, 28]
    assert handoff("{from: trigger, to: end}").targets == (END,)


def test_what_is_broken_does_not_hide_the_rest():
    text = GOOD.replace("kind: reader", "knid: raeder").replace("to: read}", "ot: read, at_most: x}")
    loaded = load(text)
    assert [problem.code for problem in loaded.problems] == ["unknown-key", "unknown-key", "wrong-type"]
    assert set(loaded.spec.roles) == {"read"}
    assert [(h.sources, h.targets) for h in loaded.spec.handoffs] == [(("trigger",), ("read",)), (("read",), ("end",))]


# -- stored texts --------------------------------------------------------------------------------


def test_a_stored_run_is_loaded_again_from_its_texts_alone(tmp_path, monkeypatch):
    project = tmp_path / "project"
    for path, text in {
        "pyproject.toml": "",
        "schemas/memo/1.0.0.json": '{"type": "object"}',
        "schemas/memo/1.1.0.json": '{"type": "string"}',
        "schemas/unused/1.0.0.json": "not json",
        "specs/prompts/read.md": "Read {{ input.text }}",
        "shared/other.md": "{{ input }}",
    }.items():
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text(text, encoding="utf-8")
    text = with_role("model: small", "prompt: prompts/read.md").replace(
        "accepts: note@^1\n    emits", "accepts: memo@^1\n    emits"
    )
    text = text.replace("handoffs:", "  b: {kind: reader, model: small, prompt: ../shared/other.md}\nhandoffs:", 1)
    (project / "specs" / "a.yaml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(project)
    loaded = load_spec("specs/a.yaml")
    assert loaded.problems == ()
    assert set(loaded.sources) == {
        "a.yaml",
        "prompts/read.md",
        "../shared/other.md",
        "../schemas/memo/1.0.0.json",
        "../schemas/memo/1.1.0.json",
    }
    assert set(loaded.texts) == {
        "specs/a.yaml",
        "specs/prompts/read.md",
        "shared/other.md",
        "schemas/memo/1.0.0.json",
        "schemas/memo/1.1.0.json",
    }
    import shutil

    shutil.rmtree(project)
    again = load_stored(loaded.sources, "specs/a.yaml")
    assert again == loaded


@pytest.mark.parametrize(
    ("written", "help"),
    [
        ("prompts/traige.md", "did you mean `prompts/triage.md`?"),
        ("prompts/triage.m", "did you mean `prompts/triage.md`?"),
        ("prompts/triagemd", "did you mean `prompts/triage.md`?"),
        ("prompts/triage.mdx", "did you mean `prompts/triage.md`?"),
        ("prompt/triage.md", "did you mean `prompts/triage.md`?"),
        ("triage.mdx", "name such a file, or write the prompt itself: words with blanks"),
        ("prompts/otherwise.md", "it is looked for at prompts/otherwise.md"),
    ],
)
def test_the_path_of_a_prompt_that_is_not_there_is_an_error_with_the_nearest_file(written, help):
    text = with_role("model: small", f"prompt: {written}")
    [problem] = load_stored({"a.yaml": text, "prompts/triage.md": "Sort it"}, "a.yaml").problems
    assert (problem.code, problem.severity, problem.help) == ("missing-file", "error", help)


@pytest.mark.parametrize(
    "written", ["Summarise.", "Say yes/no", '"{{input.text}}"', '"{{ input.a/2 }}"', "请回答是/否", "v1."]
)
def test_a_prompt_that_is_no_path_is_a_text(written):
    assert load(with_role("model: small", f"prompt: {written}")).problems == ()


@pytest.mark.parametrize("written", ["Ship/hold?", "Ship/hold", "OK?", '"{{ input.text }}"', "Really..."])
def test_a_short_question_is_no_path(written):
    assert load(GOOD.replace("Is this right?", written)).problems == ()


def test_a_question_that_lies_in_a_folder_which_is_there_is_a_path():
    text = GOOD.replace("Is this right?", "prompts/triagemd")
    [problem] = load_stored({"a.yaml": text, "prompts/triage.md": "Sort it"}, "a.yaml").problems
    assert (problem.code, problem.message) == (
        "missing-file",
        "`prompts/triagemd` is a path, and no file is read here",
    )
