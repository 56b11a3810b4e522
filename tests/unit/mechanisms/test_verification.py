"""What audits, redundancy, proofs, privacy and censorship cost; figures by hand or of the papers cited."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simdai.mechanisms.verification import (
    FingerprintAudit,
    OptimisticProof,
    PrivacyTechnique,
    ProofOfLearning,
    ValidityProof,
    audit_overhead,
    bisection_rounds,
    censored_wait_multiplier,
    checkers_quit,
    compliance_pays,
    detection_probability,
    detection_without_replacement,
    deterring_audit_probability,
    layered_wait_multiplier,
    markup_from_overhead,
    min_check_probability,
    overhead_from_multiplier,
    quality_factor,
    redundancy_copies,
    redundancy_overhead,
)

SHARE = st.floats(0, 1)
AMOUNT = st.floats(1e-3, 1e6)

# --- audits -----------------------------------------------------------------------------------------


def test_the_least_check_probability_is_cost_over_what_is_at_stake():
    assert min_check_probability(1, 2, 8) == pytest.approx(0.1)
    assert min_check_probability(3, 2, 0) == pytest.approx(1.5)  # no audit rate is enough


@given(AMOUNT, AMOUNT, AMOUNT)
def test_at_the_least_probability_cheating_and_honesty_earn_the_same(cost, reward, slashed):
    p = min_check_probability(cost, reward, slashed)
    assert (1 - p) * reward - p * slashed == pytest.approx(reward - cost, abs=1e-6)


@given(AMOUNT, AMOUNT)
def test_at_the_deterring_probability_the_slash_equals_the_gain(gain, slash):
    p = deterring_audit_probability(gain, slash)
    assert p * slash + p * gain == pytest.approx(gain, rel=1e-12)  # p S = (1 - p) g


def test_deterrence_at_the_edges():
    assert deterring_audit_probability(0, 0) == 0
    assert deterring_audit_probability(1, 0) == 1


def test_ten_checks_find_a_tenth_of_cheats_two_times_in_three():
    assert detection_probability(10, 0.1) == pytest.approx(1 - 0.9**10, rel=1e-12)


def test_detection_at_the_edges():
    assert detection_probability(0, 0.5) == detection_probability(5, 0) == detection_probability(0, 1) == 0
    assert detection_probability(1, 1) == 1


def test_a_tiny_cheat_is_detected_to_full_precision():
    assert detection_probability(3, 1e-12) == pytest.approx(3e-12, rel=1e-9, abs=0)


def test_checks_of_distinct_items_follow_the_hypergeometric_law():
    # 10 items, 2 cheated, 3 checked: 1 - (8 x 7 x 6)/(10 x 9 x 8) = 8/15
    assert detection_without_replacement(10, 2, 3) == pytest.approx(8 / 15)
    assert detection_without_replacement(10, 2, 9) == 1
    with pytest.raises(ValueError):
        detection_without_replacement(10, 11, 1)


@given(st.integers(1, 60), st.data())
def test_distinct_checks_find_at_least_what_independent_ones_do(items, data):
    cheated, samples = data.draw(st.integers(0, items)), data.draw(st.integers(0, items))
    found = detection_without_replacement(items, cheated, samples)
    assert found >= detection_probability(samples, cheated / items) - 1e-12


def test_an_audit_costs_its_part_of_all_compute():
    assert audit_overhead(1, 1) == 0.5
    assert audit_overhead(0.05, 1) == pytest.approx(0.05 / 1.05)
    assert audit_overhead(1, 0.01) == pytest.approx(0.01 / 1.01)


def test_redundancy_wastes_all_but_one_copy():
    assert (redundancy_overhead(1), redundancy_overhead(3)) == (0, pytest.approx(2 / 3))
    assert markup_from_overhead(redundancy_overhead(3)) == pytest.approx(2)


@pytest.mark.parametrize(
    ("cheats", "undetected", "copies"),
    [(0.1, 0.1, 1), (0.1, 1e-3, 3), (0.2, 0.008, 3), (0.5, 0.1, 4), (0, 1e-9, 1), (0.3, 1, 1)],
)
def test_copies_needed_against_colluders(cheats, undetected, copies):
    assert redundancy_copies(cheats, undetected) == copies


@given(st.floats(0, 0.99), st.floats(1e-12, 1))
def test_the_copies_found_are_the_fewest(cheats, undetected):
    copies = redundancy_copies(cheats, undetected)
    assert cheats**copies <= undetected * (1 + 1e-12)
    assert copies == 1 or cheats ** (copies - 1) > undetected * (1 - 1e-12)


@given(SHARE.filter(lambda v: v < 1))
def test_a_markup_turns_back_into_its_overhead(overhead):
    markup = markup_from_overhead(overhead)
    assert overhead_from_multiplier(1 + markup) == pytest.approx(overhead, abs=1e-12)


def test_all_lost_is_an_infinite_markup():
    assert markup_from_overhead(1) == math.inf


def test_undetected_cheating_lowers_quality_twice():
    assert quality_factor(0.1) == pytest.approx(0.81)


def test_checkers_quit_when_fraud_is_rare():
    assert checkers_quit(bounty=100, fraud_share=0.001, check_cost=1)
    assert not checkers_quit(bounty=100, fraud_share=0.01, check_cost=1)


@pytest.mark.parametrize(
    "call",
    [
        lambda: min_check_probability(1, 0, 0),
        lambda: min_check_probability(-1, 1, 1),
        lambda: detection_probability(-1, 0.5),
        lambda: detection_probability(1, 1.5),
        lambda: deterring_audit_probability(1, -1),
        lambda: audit_overhead(1.5, 1),
        lambda: redundancy_overhead(0),
        lambda: redundancy_copies(1, 0.5),
        lambda: censored_wait_multiplier(1.5),
        lambda: quality_factor(math.nan),
    ],
)
def test_arguments_out_of_range_are_refused(call):
    with pytest.raises(ValueError):
        call()


# --- proofs -----------------------------------------------------------------------------------------

TOPLOC = FingerprintAudit(bytes_per_block=258, block_tokens=32, speedup=100)  # arXiv:2501.16007


def test_a_fingerprint_takes_258_bytes_a_started_block_of_32_tokens():
    assert [TOPLOC.proof_bytes(n) for n in (0, 1, 32, 33)] == [0, 258, 258, 516]


def test_checking_every_fingerprint_costs_a_hundredth():
    assert TOPLOC.overhead(1) == pytest.approx(0.01 / 1.01)


def test_an_imperfect_fingerprint_detects_less():
    half = FingerprintAudit(258, 32, 100, detection=0.5)
    assert half.detects(2, 0.5) == pytest.approx(1 - 0.75**2)
    assert TOPLOC.detects(2, 0.5) == pytest.approx(0.75)


def test_a_validity_proof_costs_its_prover_and_hardly_its_verifier():
    proof = ValidityProof(work_s=0.1, prove_s=43, verify_s=0.023)  # NanoZK, GPT-2: arXiv:2603.18046
    assert proof.cost == (pytest.approx(430), pytest.approx(0.23))
    assert proof.overhead == pytest.approx(430.23 / 431.23)


def test_one_honest_checker_secures_an_optimistic_result():
    proof = OptimisticProof(challenge_days=7, check_probability=0.5, checkers=3)
    assert proof.security == pytest.approx(0.875)
    assert proof.overhead == pytest.approx(1.5 / 2.5)


@pytest.mark.parametrize(("steps", "rounds"), [(1, 0), (2, 1), (3, 2), (1024, 10), (1025, 11)])
def test_a_dispute_halves_the_computation_each_round(steps, rounds):
    assert bisection_rounds(steps) == rounds


def test_a_forged_training_run_pays_when_forging_is_cheap_and_checks_are_few():
    proof = ProofOfLearning(checked_share=0.02, forgery_share=0.03)
    assert proof.overhead == pytest.approx(0.02 / 1.02)
    assert proof.forgery_gain(100, 150, 50, detection=0.1) == pytest.approx(97 - 20)
    assert proof.forgery_gain(100, 150, 50, detection=0.5) < 0


# --- privacy ----------------------------------------------------------------------------------------


def test_an_enclave_that_loses_seven_percent_of_throughput_costs_a_fourteenth_more():
    enclave = PrivacyTechnique.from_throughput_loss(0.07)  # upper end for an H100, arXiv:2409.03992v4
    assert enclave.multiplier == pytest.approx(1 / 0.93)
    assert enclave.overhead == pytest.approx(0.07)
    assert enclave.cost(93) == pytest.approx(100)


def test_a_niche_is_served_when_its_premium_covers_the_extra_cost():
    technique = PrivacyTechnique(multiplier=1.5, accuracy_loss=0.01, trust="vendor")
    assert technique.serves(premium=0.5, plain=1.0)
    assert not technique.serves(premium=0.49, plain=1.0)
    assert not PrivacyTechnique(multiplier=1e5).serves(premium=1e4, plain=1.0)


def test_a_technique_cannot_be_cheaper_than_plain_text():
    with pytest.raises(ValueError):
        PrivacyTechnique(multiplier=0.9)


# --- censorship -------------------------------------------------------------------------------------


def test_a_censored_ethereum_transaction_waited_85_percent_longer():  # arXiv:2305.18545, q = 0.46
    assert censored_wait_multiplier(0.46) == pytest.approx(1.85, abs=0.005)


def test_full_censorship_waits_for_ever():
    assert censored_wait_multiplier(1) == math.inf
    assert layered_wait_multiplier([0.2, 1.0]) == math.inf


def test_layers_multiply():
    assert layered_wait_multiplier([0.5, 0.2]) == pytest.approx(2 * 1.25)
    assert layered_wait_multiplier([]) == 1


def test_a_node_complies_when_the_penalty_outweighs_revenue_and_conviction():
    assert compliance_pays(0.1, 1000, 50, ideology=40)
    assert not compliance_pays(0.1, 1000, 50, ideology=50)
