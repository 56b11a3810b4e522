"""Scaling laws, against printed figures and a law simple enough to solve by hand."""

import math
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simdai.mechanisms import scaling
from simdai.mechanisms.scaling import (
    BESIROGLU_2024,
    HOFFMANN_2022,
    HOFFMANN_2022_ROUNDED,
    ChinchillaLaw,
    loss,
    optimal_allocation,
)

# N = D = sqrt(C/6) at the optimum, L* = 1 + 2 / sqrt(C/6), gamma = 1/2
SIMPLE = ChinchillaLaw(A=1.0, B=1.0, alpha=1.0, beta=1.0, E=1.0)
PUBLISHED = [BESIROGLU_2024, HOFFMANN_2022, HOFFMANN_2022_ROUNDED]
budgets = st.floats(1e18, 1e28)


def test_software_slows_down_as_its_limit_comes_near():
    assert scaling.software_headroom(0.0, math.log(1e12)) == 1.0
    assert scaling.software_headroom(math.log(1e6), math.log(1e12)) == pytest.approx(0.5)
    assert scaling.software_headroom(math.log(1e13), math.log(1e12)) == 0.0
    assert scaling.software_headroom(-1.0, math.log(1e12)) == 1.0


def test_training_compute_is_six_per_parameter_and_token():
    assert scaling.training_flop(70e9, 1.4e12) == pytest.approx(5.88e23)  # Chinchilla


@pytest.mark.parametrize(
    ("params", "tokens", "printed"),
    [(280e9, 300e9, 1.993), (70e9, 1.4e12, 1.936)],
    ids=["Gopher", "Chinchilla"],
)
def test_the_printed_law_gives_the_losses_of_gopher_and_chinchilla(params, tokens, printed):
    # Worked out from arXiv:2203.15556, in nostalgebraist, "chinchilla's wild implications" (2022-07-31)
    assert loss(params, tokens, HOFFMANN_2022_ROUNDED) == pytest.approx(printed, abs=1e-3)


@pytest.mark.parametrize(
    ("law", "printed"), [(HOFFMANN_2022, 0.46), (BESIROGLU_2024, 0.51)], ids=["approach 3", "replication"]
)
def test_parameters_grow_with_the_printed_power_of_compute(law, printed):
    # Hoffmann et al. table 2, approach 3: a = 0.46; the replication by hand: 0.3658/0.7136
    assert scaling.params_exponent(law) == pytest.approx(printed, abs=0.005)


def test_compute_exponent_is_the_harmonic_combination():
    assert scaling.compute_exponent(SIMPLE) == 0.5
    assert scaling.compute_exponent(BESIROGLU_2024) == pytest.approx(0.3478 * 0.3658 / 0.7136, rel=1e-12)


@pytest.mark.parametrize(
    ("law", "tokens_per_parameter"),
    [(BESIROGLU_2024, 18.4), (HOFFMANN_2022, 59), (HOFFMANN_2022_ROUNDED, 93)],
)
def test_only_the_replication_recommends_what_chinchilla_did(law, tokens_per_parameter):
    # Gopher's budget of 5.76e23 FLOP; G = (alpha A / (beta B))**(1/(alpha+beta)) worked out by calculator
    params, tokens = optimal_allocation(5.76e23, law)
    assert tokens / params == pytest.approx(tokens_per_parameter, rel=0.005)


def test_a_symmetric_law_spends_equally_on_parameters_and_tokens():
    assert optimal_allocation(6e4, SIMPLE) == pytest.approx((100.0, 100.0))
    assert scaling.optimal_loss(6e4, SIMPLE) == pytest.approx(1.02)
    assert scaling.optimal_budget(100.0, SIMPLE) == pytest.approx(6e4)


@given(budgets, st.floats(-1, 1), st.sampled_from(PUBLISHED))
def test_no_other_allocation_of_the_budget_does_better(flop, log10_shift, law):
    best = optimal_allocation(flop, law)
    assert scaling.training_flop(*best) == pytest.approx(flop, rel=1e-12)
    shifted = best.params * 10**log10_shift
    assert loss(shifted, flop / 6 / shifted, law) >= loss(*best, law) - 1e-12


@given(budgets, st.sampled_from(PUBLISHED))
def test_optimal_budget_inverts_optimal_allocation(flop, law):
    params = optimal_allocation(flop, law).params
    assert scaling.optimal_budget(params, law) == pytest.approx(flop, rel=1e-9)


@given(budgets, st.sampled_from(PUBLISHED))
def test_reducible_loss_is_a_power_of_compute(flop, law):
    a, b, big_a, big_b = law.alpha, law.beta, law.A, law.B
    constant = (a + b) * (big_a / b) ** (b / (a + b)) * (big_b / a) ** (a / (a + b))
    expected = law.E + constant * (flop / 6) ** -scaling.compute_exponent(law)
    assert scaling.optimal_loss(flop, law) == pytest.approx(expected, rel=1e-12)


def test_twice_the_reducible_loss_takes_a_quarter_of_the_compute():
    assert scaling.equivalent_compute_fraction(1.04, 6e4, SIMPLE) == pytest.approx(0.25)
    assert scaling.equivalent_compute_fraction(1.01, 6e4, SIMPLE) == pytest.approx(4.0)


def test_no_compute_reaches_the_irreducible_loss():
    with pytest.raises(ValueError, match="irreducible"):
        scaling.equivalent_compute_fraction(1.0, 6e4, SIMPLE)


@given(budgets, st.floats(0.01, 100), st.sampled_from(PUBLISHED))
def test_the_two_forms_of_the_index_agree_on_the_optimal_path(flop, ratio, law):
    before = scaling.optimal_loss(flop, law) - law.E
    after = scaling.optimal_loss(flop * ratio, law) - law.E
    by_loss = scaling.index_points_per_loss_factor(13.2, scaling.compute_exponent(law), before / after)
    assert by_loss == pytest.approx(scaling.index_from_compute(13.2, ratio), abs=1e-6)


def test_ten_times_the_compute_gains_the_points_per_order():
    assert scaling.index_from_compute(13.2, 10.0) == pytest.approx(13.2)
    assert scaling.index_points_per_loss_factor(12.0, 0.5, 10.0) == pytest.approx(24.0)


def test_overtraining_by_four_halves_parameters_and_doubles_tokens():
    assert scaling.overtrained_allocation(6e4, 4.0, SIMPLE) == pytest.approx((50.0, 200.0))
    assert scaling.overtraining_factor(50.0, 200.0, SIMPLE) == pytest.approx(4.0)


def test_tokens_seen_once_count_in_full():
    assert scaling.effective_tokens(3e11, 1e12) == 3e11


def test_after_the_scale_of_repetition_repeats_are_worth_1_minus_1_over_e():
    # Muennighoff et al. (2023), section 3.1, the meaning of R*_D
    assert scaling.effective_tokens(16.4e12, 1e12) == pytest.approx(1e12 * (1 + 15.4 * (1 - math.exp(-1))))


def test_four_epochs_are_almost_as_good_as_fresh_data():
    # Muennighoff et al. (2023), abstract: up to 4 epochs change the loss negligibly
    assert scaling.effective_tokens(4e12, 1e12) > 0.9 * 4e12


def test_domain_tokens_add_logarithmically():
    assert scaling.domain_quality(140.0, 1e8, gain=4.0, scale_tokens=1e8) == pytest.approx(
        140 + 4 * math.log(2)
    )
    assert scaling.domain_quality(140.0, 0.0, gain=4.0, scale_tokens=1e8) == 140.0


def test_post_training_is_worth_at_most_half_an_order():
    assert scaling.post_training_multiplier(1e25, 0.0) == 1.0
    assert scaling.post_training_multiplier(1e25, 1e25) == pytest.approx(10**0.25)


def test_at_its_difficulty_half_a_benchmark_is_solved_beyond_guessing():
    assert scaling.benchmark_accuracy(150, 150) == 0.5
    assert scaling.benchmark_accuracy(150, 150, floor=0.25) == 0.625


def test_ten_points_above_difficulty_give_the_logistic_of_one():
    assert scaling.benchmark_accuracy(160, 150) == pytest.approx(math.e / (1 + math.e))


def test_400_elo_points_are_odds_of_ten():
    assert scaling.elo_win_probability(400) == pytest.approx(10 / 11)
    assert scaling.elo_win_probability(-400) == pytest.approx(1 / 11)
    assert scaling.elo_win_probability(0) == 0.5


@given(st.floats(-5000, 5000))
def test_elo_chances_of_both_sides_sum_to_one(delta):
    assert scaling.elo_win_probability(delta) + scaling.elo_win_probability(-delta) == pytest.approx(1.0)


def test_the_full_takeoff_model_grows_software_by_17_5_percent():
    assert scaling.software_log_growth(1.25, 0.7, 0.2) == pytest.approx(
        0.175
    )  # epoch-research/ftm best guess


def test_a_software_step_is_the_power_of_cumulative_input():
    assert scaling.software_step(2.0, 4.0, returns=1.5) == pytest.approx(16.0)
    assert scaling.software_step(2.0, 4.0, returns=1.5, ceiling=0.0) == 2.0


def test_research_input_is_the_geometric_mean_at_unit_elasticity():
    assert scaling.research_input(16.0, 81.0, 0.5, 0.0) == pytest.approx(36.0)
    assert scaling.research_input(16.0, 81.0, 0.5, 1.0) == pytest.approx(48.5)
    assert scaling.research_input(16.0, 81.0, 0.5, -1e-7) == pytest.approx(36.0, rel=1e-5)


@pytest.mark.parametrize("k", [vars(SIMPLE), SimpleNamespace(**vars(SIMPLE))], ids=["mapping", "object"])
def test_a_law_may_be_a_mapping_or_any_object(k):
    assert loss(2.0, 4.0, k) == 1.75


def test_a_law_without_a_constant_is_refused_by_name():
    with pytest.raises(ValueError, match="missing: beta, E"):
        loss(1.0, 1.0, {"A": 1.0, "B": 1.0, "alpha": 1.0})


@pytest.mark.parametrize(
    "call",
    [
        lambda: ChinchillaLaw(A=1, B=1, alpha=0, beta=1, E=1),
        lambda: loss(0, 1, SIMPLE),
        lambda: optimal_allocation(-1, SIMPLE),
        lambda: scaling.index_from_compute(13.2, 0),
        lambda: scaling.benchmark_accuracy(1, 1, floor=1.5),
        lambda: scaling.effective_tokens(1, 0),
        lambda: scaling.software_step(1.0, 0.5, 1.0),
        lambda: scaling.research_input(1.0, 1.0, 0.3, 2.0),
        lambda: scaling.elo_win_probability(math.nan),
        lambda: scaling.software_log_growth(math.inf, 0.7, 0.2),
    ],
)
def test_arguments_out_of_range_are_refused(call):
    with pytest.raises(ValueError, match="must"):
        call()
