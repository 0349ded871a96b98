"""`--model NAME=MODEL`: what of the written model's settings goes with another one."""

from __future__ import annotations

from choreo.api.checked import with_models
from choreo.problem import Place
from choreo.spec import ModelSettings, Spec, Trigger

HERE = Place("spec.yaml")
PARAMS = {"temperature": 0, "max_tokens": 300, "reasoning_effort": "low"}


def overridden(**models: str) -> ModelSettings:
    hosted = ModelSettings(
        *("small", HERE, "openai/gpt-5-mini", HERE, PARAMS, 30.0, "strong", HERE),
        api_base="https://models.example",
        api_key="${env:KEY}",
        price=(1.0, 2.0),
        rpm=60,
        parallel=4,
    )
    spec = Spec("spec.yaml", "", "test", "1.0.0", Trigger(HERE), {}, (), models={"small": hosted})
    return with_models(spec, models).models["small"]


def test_a_local_stand_in_has_all_the_time_it_needs_and_nothing_of_the_other_provider() -> None:
    found = overridden(all="local/qwen2.5-coder-1.5b")
    assert (found.model, found.timeout, found.fallback) == ("local/qwen2.5-coder-1.5b", None, None)
    assert (found.api_base, found.api_key, found.price, found.rpm, found.parallel) == (None,) * 5
    assert found.params == {"temperature": 0, "max_tokens": 300}


def test_another_model_of_the_same_provider_keeps_what_is_the_providers() -> None:
    found = overridden(small="openai/gpt-5")
    assert (found.params, found.rpm, found.parallel) == (PARAMS, 60, 4)
    assert (found.timeout, found.price, found.api_base) == (None, None, None)


def test_the_model_that_is_written_stays_as_it_is_written() -> None:
    assert overridden(all="openai/gpt-5-mini").timeout == 30.0
    assert overridden(other="local/qwen2.5-coder-1.5b").price == (1.0, 2.0)
