"""Difficulty rules against figures printed by the chains' own documents, and cases worked by hand."""

import pytest

from simdai.mechanisms.bitcoin import bits_to_target, selfish_revenue_share, target_to_bits
from simdai.mechanisms.bitcoin_mining import machine_value
from simdai.mechanisms.block_space import clearing_rate, served
from simdai.mechanisms.difficulty import (
    Emergency,
    Header,
    Headers,
    Retarget,
    WorkWindow,
    emergency_bits,
    median_time_past,
    timespan_with_orphans,
    work_window_bits,
)
from simdai.mechanisms.selfish_mining import IDLE, Withheld, next_block

# --- the window of Bitcoin Cash


def test_the_work_window_follows_the_printed_test_case():
    # Bitcoin-ABC/bitcoin-abc doc/standards/nov-13-hardfork-spec.md, "Test Case"
    headers = [Header(1269211443, 0x1C0FFFFF)]

    def add(n: int, gap: int) -> int:
        for _ in range(n):
            bits = work_window_bits(headers[-147:]) if len(headers) > 2049 else 0x1C0FFFFF
            headers.append(Header(headers[-1].time + gap, bits))
        return work_window_bits(headers[-147:])

    steps = [(2049, 600), (10, 600), (1, 6000), (1, -4800), (20, 600), (1, 550)]
    assert {add(*step) for step in steps} == {0x1C0FFFFF}
    printed = [
        (10, 550, 0x1C0FE7B1),
        (20, 10, 0x1C0DB19F),
        (1, 6000, 0x1C0D9222),
        (93, 6000, 0x1C2F13B9),
        (1, 6000, 0x1C2EE9BF),
        (192, 6000, 0x1D00FFFF),
        (5, 6000, 0x1D00FFFF),
    ]
    assert [add(n, gap) for n, gap, _ in printed] == [bits for *_, bits in printed]


def test_the_work_window_needs_its_blocks():
    with pytest.raises(ValueError, match="146 headers; the window needs 147"):
        work_window_bits([Header(600 * n, 0x1C0FFFFF) for n in range(146)])
    few = Headers(146, 0, 0, [Header(0, 0x1C0FFFFF)] * 146)
    assert WorkWindow().next_bits(0x1C0FFFFF, few) == 0x1C0FFFFF


# --- the emergency rule


def test_the_median_time_is_that_of_the_last_eleven_blocks():
    assert median_time_past(range(0, 100, 10)) == 50
    assert median_time_past([5, 1, 9]) == 5
    assert median_time_past([*range(100), 0, 0, 0]) == 94  # of 92..99 and three zeros


@pytest.mark.parametrize(("gap", "eased"), [(7199, False), (7200, True), (9000, True)])
def test_six_blocks_in_half_a_day_make_the_next_a_fifth_easier(gap, eased):
    # 12 h over six blocks are 7,200 s a block; the target grows by a quarter, rounded down
    times = [gap * n for n in range(17)]
    target = bits_to_target(0x18013CE9)
    expected = target_to_bits(target + target // 4) if eased else 0x18013CE9
    assert emergency_bits(0x18013CE9, times) == expected


def test_the_emergency_rule_waits_for_seventeen_blocks_and_stops_at_the_limit():
    assert emergency_bits(0x18013CE9, [7200 * n for n in range(16)]) == 0x18013CE9
    assert emergency_bits(0x1D00FFFF, [7200 * n for n in range(17)]) == 0x1D00FFFF


def test_the_emergency_rule_stands_beside_the_retarget():
    rule = Emergency()
    slow = tuple(Header(7200 * n, 0x1C0FFFFF) for n in range(17))
    inside = Headers(2016 * 5 + 3, 0, 0, slow)
    at_end = Headers(2016 * 5, 0, 0, slow)
    assert rule.next_bits(0x1C0FFFFF, inside) == emergency_bits(0x1C0FFFFF, [h.time for h in slow])
    # 16 x 7,200 s is less than a quarter of the period: four times harder
    assert bits_to_target(rule.next_bits(0x1C0FFFFF, at_end)) == pytest.approx(
        bits_to_target(0x1C0FFFFF) / 4, rel=1e-4
    )


# --- orphans and shorter periods


def test_orphans_count_as_blocks_where_the_rule_says_so():
    # Grunspan and Perez-Marco: 2,016 blocks and 504 orphans in 15 days are 2,520 blocks found
    assert timespan_with_orphans(15 * 86_400, 2016, 504) == 12 * 86_400
    headers = Headers(2016, 0, 504, [Header(15 * 86_400, 0x1B0404CB)])
    plain, counting = Retarget(), Retarget(counts_orphans=True)
    assert plain.next_bits(0x1B0404CB, headers) == Retarget().next_bits(
        0x1B0404CB, headers._replace(orphans=0)
    )
    easier = bits_to_target(plain.next_bits(0x1B0404CB, headers))
    harder = bits_to_target(counting.next_bits(0x1B0404CB, headers))
    assert harder / easier == pytest.approx(12 / 15, rel=1e-4)


def test_a_shorter_period_aims_at_its_own_length():
    rule = Retarget(period=144)
    on_time = Headers(288, 0, 0, [Header(86_400, 0x1B0404CB)])
    assert rule.next_bits(0x1B0404CB, on_time) == 0x1B0404CB
    assert rule.unchanged_for(288) == 144 and rule.unchanged_for(300) == 132
    assert rule.starts_period(288) and not rule.starts_period(289)
    assert rule.period_start(300) == 288


# --- selfish mining


def test_the_pool_publishes_as_the_algorithm_says():
    # Eyal and Sirer (2014), algorithm 1
    assert next_block(IDLE, True, False) == (Withheld(1), (0, 0, 0))
    assert next_block(IDLE, False, False) == (IDLE, (0, 1, 0))
    assert next_block(Withheld(1), False, False) == (Withheld(0, tie=True), (0, 0, 0))
    assert next_block(Withheld(2), False, True) == (IDLE, (2, 0, 1))
    assert next_block(Withheld(5), False, True) == (Withheld(4), (1, 0, 1))
    assert next_block(Withheld(0, tie=True), True, False) == (IDLE, (2, 0, 1))
    assert next_block(Withheld(0, tie=True), False, True) == (IDLE, (1, 1, 1))
    assert next_block(Withheld(0, tie=True), False, False) == (IDLE, (0, 2, 1))


@pytest.mark.parametrize("share", [0.1, 0.25, 0.35])
@pytest.mark.parametrize("tie_share", [0.0, 0.5, 1.0])
def test_its_long_run_share_is_the_closed_form(share, tie_share):
    # from one time that nothing is withheld to the next: expected blocks of the pool over expected blocks
    chances, own, others = {IDLE: 1.0}, 0.0, 0.0
    while sum(chances.values()) > 1e-9:
        after: dict[Withheld, float] = {}
        for held, chance in chances.items():
            found = [(True, False, share), (False, True, (1 - share) * tie_share)]
            for mine, branch, p in [*found, (False, False, (1 - share) * (1 - tie_share))]:
                to, settled = next_block(held, mine, branch)
                own, others = own + chance * p * settled.own, others + chance * p * settled.others
                if to != IDLE:
                    after[to] = after.get(to, 0.0) + chance * p
        chances = after
    assert own / (own + others) == pytest.approx(selfish_revenue_share(share, tie_share), abs=1e-6)


# --- block space


def test_space_costs_the_least_rate_until_it_is_full():
    assert clearing_rate(0.9e6, 1e6, 1.0, 0.5) == 1.0
    assert clearing_rate(1e6, 1e6, 1.0, 0.5) == 1.0
    # twice as much is wanted; demand falls with the square root of the rate, so the rate is 4
    assert clearing_rate(2e6, 1e6, 1.0, 0.5) == pytest.approx(4.0)
    assert served(2e6, 1e6) == 1e6 and served(0.4e6, 1e6) == 0.4e6


def test_at_the_clearing_rate_as_much_is_wanted_as_fits():
    rate = clearing_rate(3.3e6, 1e6, 2.0, 0.4)
    assert 3.3e6 * (rate / 2.0) ** -0.4 == pytest.approx(1e6)


@pytest.mark.parametrize("wrong", [(-1, 1, 1, 1), (1, 0, 1, 1), (1, 1, 0, 1), (1, 1, 1, 0)])
def test_space_that_is_not_there_has_no_price(wrong):
    with pytest.raises(ValueError, match="must be"):
        clearing_rate(*wrong)


# --- machines


def test_a_machine_is_worth_what_it_earns():
    # 2 USD a year over 3 years, nothing discounted
    assert machine_value(3.0, 1.0, 0.0, 0.0, 3.0) == pytest.approx(6.0)
    # revenue 2 falls by e in a year: it covers the cost of 1 for ln 2 years; 2 (1 - 1/2) - ln 2
    assert machine_value(2.0, 1.0, 1.0, 0.0, 10.0) == pytest.approx(1 - 0.693147, abs=1e-6)
    # it comes after a year: revenue is then below cost
    assert machine_value(2.0, 1.0, 1.0, 0.0, 10.0, delay=1.0) == 0.0
    assert machine_value(1.0, 1.0, 0.0, 0.1, 5.0) == 0.0
    assert machine_value(0.0, 1.0, 0.1, 0.1, 5.0) == 0.0
    # free power: 1 USD a year for ever less than a life of 2, at 10 %: (1 - e^-0.2) / 0.1
    assert machine_value(1.0, 0.0, 0.0, 0.1, 2.0) == pytest.approx(1.812692, abs=1e-6)
