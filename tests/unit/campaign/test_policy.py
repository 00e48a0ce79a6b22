"""What a policy says about a fault: the first rule that fits, else the table; and no rule that cannot be followed."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from beamline.campaign.policy import ALLOWED, FaultName, FaultPolicy, FaultRule, Step, Then
from beamline.problems import InconsistentError

STEPS: tuple[Step, ...] = get_args(Step)


@pytest.mark.parametrize("step", STEPS)
def test_the_table_says_it_where_no_rule_does(step: Step) -> None:
    for then in ALLOWED[step]:
        policy = FaultPolicy.model_validate({step: then})
        assert policy.then("stuck", step) == (then, False)
    chosen = {"carry": "ask", "write": "stop", "heat": "skip_coupon", "measure": "skip_site"}
    assert FaultPolicy.model_validate(chosen).then("drift", step) == (chosen[step], False)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("then", get_args(Then))
def test_a_rule_says_what_can_be_done_in_its_step(step: Step, then: Then) -> None:
    if then in ALLOWED[step]:
        assert FaultRule(step=step, then=then).fault == "any"
        return
    text = f"policy.rule: {then!r} is nothing that can be done in step {step!r}; allowed: {', '.join(ALLOWED[step])}"
    with pytest.raises(ValidationError) as refused:
        FaultRule(step=step, then=then)
    (error,) = refused.value.errors()
    assert isinstance(error["ctx"]["error"], InconsistentError)
    assert str(error["ctx"]["error"]) == text


RULES = st.builds(
    lambda fault, step, i: FaultRule(fault=fault, step=step, then=ALLOWED[step][i % len(ALLOWED[step])]),
    st.sampled_from(get_args(FaultName)),
    st.sampled_from(STEPS),
    st.integers(0, 2),
)


@given(st.lists(RULES, max_size=6), st.sampled_from(get_args(FaultName)[1:]), st.sampled_from(STEPS))
def test_the_first_rule_that_fits_counts(rules: list[FaultRule], fault: str, step: Step) -> None:
    policy = FaultPolicy(rule=tuple(rules))
    fits = [rule.then for rule in rules if rule.step == step and rule.fault in {"any", fault}]
    assert policy.then(fault, step) == ((fits[0], True) if fits else (getattr(policy, step), False))
