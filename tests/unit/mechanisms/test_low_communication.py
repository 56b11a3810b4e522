"""Open training over slow links, against figures of the papers and cases worked by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from simdai.mechanisms import low_communication as low
from simdai.mechanisms.scaling import BESIROGLU_2024, training_flop

COVENANT_KAPPA = 1024 / 7  # 32 bits x 4,096/64 entries / (2 + 12 bits), arXiv:2603.08163


def test_int8_updates_are_four_times_smaller():
    assert low.compression_factor(bits_sent=8) == 4.0  # INTELLECT-1, arXiv:2412.01152


def test_a_dense_32_bit_update_is_not_compressed():
    assert low.compression_factor() == 1.0


def test_covenant_sends_64_of_4096_entries_at_14_bits():
    kappa = low.compression_factor(bits_sent=2, density=64 / 4096, index_bits=12)
    assert kappa == pytest.approx(COVENANT_KAPPA, rel=1e-12)


@pytest.mark.parametrize(
    ("inner_steps", "kappa", "printed"),
    [(500, 1.0, 500), (100, 4.0, 400), (30, COVENANT_KAPPA, 4389)],
    ids=["DiLoCo 2311.08105", "INTELLECT-1 2412.01152", "Covenant-72B 2603.08163"],
)
def test_traffic_falls_by_the_printed_factor(inner_steps, kappa, printed):
    assert round(low.volume_reduction(inner_steps, kappa)) == printed


def test_a_payload_is_32_bits_a_parameter_over_kappa():
    assert low.payload_bits(1e9, 4.0) == 8e9


def test_covenant_computes_94_5_percent_of_the_time():
    # 20 minutes of compute and 70 s of exchange a round: 1200/1270
    assert low.utilisation_blocking(1200, 70) == pytest.approx(0.945, abs=5e-4)


def test_exchange_that_fits_behind_compute_costs_only_the_overhead():
    assert low.utilisation_overlapped(100, 60) == pytest.approx(0.95)  # Streaming DiLoCo, 2501.18512


def test_exchange_twice_as_long_as_compute_halves_utilisation():
    assert low.utilisation_overlapped(100, 200, overhead=0.02) == pytest.approx(0.5 * 0.98)


def test_sync_time_follows_from_the_loss_of_mfu():
    # INTELLECT-1: MFU 36.2 % against 43.3 % on one node; 38 minutes of inner steps
    assert low.sync_time_from_utilisation(2280, 0.362 / 0.433) == pytest.approx(2280 * 71 / 362)


@given(st.floats(1e-3, 1e6), st.floats(0, 1e6))
def test_sync_time_inverts_blocking_utilisation(t_comp, t_comm):
    utilisation = low.utilisation_blocking(t_comp, t_comm)
    assert low.sync_time_from_utilisation(t_comp, utilisation) == pytest.approx(
        t_comm, rel=1e-6, abs=1e-9 * t_comp
    )


def test_a_ring_of_four_sends_three_halves_of_the_payload():
    assert low.ring_sync_time_s(8e9, 4, 1e9) == pytest.approx(12.0)
    assert low.ring_sync_time_s(8e9, 4, 1e9, latency_s=0.1) == pytest.approx(12.6)


def test_one_node_has_nothing_to_exchange():
    assert low.ring_sync_time_s(8e9, 1, 1e9, latency_s=0.1) == 0.0


@given(st.floats(1, 1e13), st.integers(2, 10_000), st.floats(1e-3, 1e6))
def test_ring_bandwidth_inverts_ring_time(payload, nodes, seconds):
    bandwidth = low.ring_bandwidth(payload, nodes, seconds)
    assert low.ring_sync_time_s(payload, nodes, bandwidth) == pytest.approx(seconds, rel=1e-9)


def test_a_star_costs_one_payload_each_way():
    assert low.star_sync_time_s(8e9, 1e9, 4e9, latency_s=0.05, store_s=3.0) == pytest.approx(8 + 2 + 0.1 + 3)


def test_gathering_fetches_every_payload():
    assert low.gather_sync_time_s(8e9, 4, 1e9, 4e9, latency_s=0.05) == pytest.approx(8 + 4 * 2 + 0.1)


def test_covenant_step_takes_40_seconds_at_its_implied_mfu():
    # 192 x 2,048 tokens a peer-step on 8 B200 of 1.8e16 FLOP/s together
    assert low.step_time_s(72.7e9, 192 * 2048, 1.8e16, 0.24) == pytest.approx(40, rel=0.01)


def test_the_slower_of_two_nodes_has_a_closed_form():
    # E max exp(s Z) = 2 exp(s^2/2) Phi(s/sqrt 2); at s = sqrt 2 over the mean: 2 Phi(1)
    assert low.straggler_factor(2, math.sqrt(2)) == pytest.approx(2 * norm.cdf(1), rel=1e-11)
    assert low.straggler_factor(2, math.sqrt(2), accepted=0.5) == pytest.approx(2 * norm.cdf(-1), rel=1e-11)


def test_equal_nodes_never_wait():
    assert low.straggler_factor(50, 0.0) == pytest.approx(1.0, rel=1e-11)


def test_one_node_is_as_slow_as_itself():
    assert low.straggler_factor(1, 0.8) == pytest.approx(1.0, rel=1e-11)


@given(st.integers(1, 30), st.floats(0, 2))
def test_order_statistics_average_to_the_mean(nodes, log_sd):
    mean = math.fsum(low.order_statistic_mean(nodes, r, log_sd) for r in range(1, nodes + 1)) / nodes
    assert mean == pytest.approx(math.exp(log_sd**2 / 2), rel=1e-9)


def test_accepting_nine_of_ten_waits_for_the_ninth():
    expected = low.order_statistic_mean(10, 9, 0.3) / math.exp(0.045)
    assert low.straggler_factor(10, 0.3, accepted=0.9) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("nodes", "printed"), [(1, 1.0), (72, 1.31), (20_000, 1.71)])
def test_the_heuristic_gives_the_factors_of_the_miri_report(nodes, printed):
    assert low.straggler_heuristic(nodes) == pytest.approx(printed, abs=0.005)


def test_a_node_survives_a_round_at_its_hazard():
    assert low.round_survival(0.9, math.log(2) / 600, 600) == pytest.approx(0.45)


def test_a_joiner_waits_for_weights_and_optimiser():
    # 72.7e9 x 16 bytes x 8 bits over 1 Gbit/s
    assert low.join_time_s(72.7e9, 1e9) == pytest.approx(9305.6)
    assert low.join_time_s(72.7e9, 1e9, bytes_per_param=2) == pytest.approx(9305.6 / 8)


def test_a_model_that_just_fits_needs_no_further_stage():
    assert low.pipeline_stages(10e9, 160e9) == 1
    assert low.pipeline_stages(10e9, 159e9) == 2


def test_nodes_left_over_form_no_group():
    assert low.pipeline_groups(7, 10e9, 80e9) == 3
    assert low.pipeline_groups(1, 10e9, 80e9) == 0


def test_the_bubble_of_four_stages_and_eight_microbatches():
    assert low.pipeline_slowdown(4, 8) == 11 / 8


def test_nodes_enter_at_the_base_rate_when_they_break_even():
    assert low.entry_weight(5.0, 5.0, 1.7) == 1.0
    assert low.entry_weight(10.0, 5.0, 2.0) == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("params", "replicas", "inner_steps", "percent"),
    [
        (2.4e9, 8, 30, 1.45),
        (2.4e9, 72, 30, 3.01),
        (10e9, 8, 30, 1.04),
        (100e9, 500, 30, 1.82),
        (250e9, 72, 10, 0.68),
        (250e9, 72, 100, 1.36),
        (250e9, 72, 500, 1.84),
    ],
)
def test_replicas_raise_loss_as_in_the_miri_tables(params, replicas, inner_steps, percent):
    # Decentralized training simulator documentation, section 4.7 (2026)
    assert 100 * (low.replica_multiplier(params, replicas, inner_steps) - 1) == pytest.approx(
        percent, abs=0.006
    )


def test_an_exchange_each_step_costs_no_quality():
    assert low.replica_multiplier(1e10, 64, 1) == 1.0


def test_the_joint_fit_ignores_size():
    assert low.replica_multiplier_global(8) == pytest.approx(math.exp(0.0116 * math.log(8)), rel=1e-12)


def test_doubling_reducible_loss_costs_three_quarters_of_compute_at_exponent_one_half():
    # alpha = beta = A = B = 1: gamma = 1/2 and L* = 1 + 2 / sqrt(C/6) = 1.02 at C = 6e4
    k = {"A": 1.0, "B": 1.0, "alpha": 1.0, "beta": 1.0, "E": 1.0}
    assert low.flop_efficiency(1.04 / 1.02, 6e4, k) == pytest.approx(0.25, rel=1e-12)


def test_no_penalty_leaves_all_compute_and_more_is_not_possible():
    assert low.flop_efficiency(1.0, 1e24, BESIROGLU_2024) == 1.0
    assert low.flop_efficiency(0.9, 1e24, BESIROGLU_2024) == 1.0


def test_the_two_replica_rules_agree_at_covenant():
    flop = training_flop(72.7e9, 1.1e12)
    phi = low.flop_efficiency(low.replica_multiplier(72.7e9, 20, 30), flop, BESIROGLU_2024)
    assert phi == pytest.approx(1 / low.node_penalty(20), rel=0.03)


@pytest.mark.parametrize(("nodes", "printed"), [(8, 1.5), (10_000, 6.0)])
def test_the_independent_rule_gives_epochs_penalties(nodes, printed):
    assert low.node_penalty(nodes) == pytest.approx(printed, rel=0.005)


@pytest.mark.parametrize(
    ("kappa", "quality"),
    [(0.5, 1.0), (8, 1.0), (32, 0.99), (80, 0.985), (200, 0.98), (1000, 0.95), (1e6, 0.95)],
)
def test_compression_quality_is_read_against_16_bits(kappa, quality):
    # 80 is a ratio of 40, half way between 16 and 100 in the logarithm
    assert low.compression_quality(kappa) == pytest.approx(quality, rel=1e-12)


def test_ten_rounds_of_a_minute_last_ten_minutes():
    assert low.open_run_duration(1e6, 10, 10, 10, 100, 60.0) == pytest.approx(600.0)


def test_covenant_needs_about_81_days_of_rounds():
    seconds = low.open_run_duration(1.1e12, 16.9, 30, 192, 2048, 1270)
    assert seconds / 86_400 == pytest.approx(81, abs=0.5)


def test_throughput_multiplies_every_loss():
    flops = low.effective_throughput([1e15, 3e15], 0.9, 0.5, 0.2, 0.5, 0.98)
    assert flops == pytest.approx(4e15 * 0.9 * 0.5 * 0.8 * 0.5 * 0.98, rel=1e-12)


def test_throughput_takes_one_number_as_one_node():
    assert low.effective_throughput(2e15, 0.5) == 1e15


@pytest.mark.parametrize(
    "call",
    [
        lambda: low.compression_factor(density=0.0),
        lambda: low.compression_factor(bits_sent=0.0),
        lambda: low.utilisation_blocking(0, 1),
        lambda: low.ring_sync_time_s(1, 0, 1),
        lambda: low.replica_multiplier(1e9, 0.5, 30),
        lambda: low.effective_throughput([-1.0], 0.5),
        lambda: low.effective_throughput([1.0], 1.5),
        lambda: low.straggler_factor(4, 0.1, accepted=0.0),
        lambda: low.order_statistic_mean(4, 5, 0.1),
    ],
)
def test_arguments_out_of_range_are_refused(call):
    with pytest.raises(ValueError, match="must"):
        call()
