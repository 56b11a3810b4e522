"""The Graph: what signal for one payment earns on the flat curve, worked out by hand."""

import math

import pytest

from simdai.mechanisms.curation import best_signal, signal_profit


def test_one_payment_shared_by_signal_is_worth_the_share_of_it_less_the_tax():
    # 100 GRT shared by 1,000 of signal there and 990 of 1,000 gross: 100 x 990 / 1990 - 10
    assert signal_profit(100.0, 1000.0, 1000.0, 0.01) == pytest.approx(39.748744)


def test_the_best_signal_is_where_the_next_token_pays_its_tax():
    best = best_signal(100.0, 1000.0, 0.01, math.inf)
    assert best == pytest.approx(2168.108, abs=1e-3)  # (sqrt(100 x 1000 x 0.99 / 0.01) - 1000) / 0.99
    around = [signal_profit(100.0, 1000.0, best + step, 0.01) for step in (-1.0, 0.0, 1.0)]
    assert max(around) == around[1]


def test_signalling_for_a_payment_pays_only_above_the_tax():
    assert best_signal(10.0, 1000.0, 0.01, math.inf) == 0.0  # 1 % of the signal, less than 0.01 / 0.99
    assert best_signal(10.2, 1000.0, 0.01, math.inf) > 0.0
    assert best_signal(1.0, 1000.0, 0.0, 50.0) == 50.0
    assert best_signal(0.0, 1000.0, 0.0, 50.0) == 0.0


@pytest.mark.parametrize(
    "arguments", [(-1.0, 1.0, 1.0, 0.1), (1.0, 0.0, 1.0, 0.1), (1.0, 1.0, -1.0, 0.1), (1.0, 1.0, 1.0, 1.0)]
)
def test_a_payment_out_of_range_is_refused(arguments):
    with pytest.raises(ValueError, match="must"):
        signal_profit(*arguments)
