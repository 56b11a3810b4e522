"""Contests: shares by score, and effort that pays for itself."""

import numpy as np
import pytest

from simdai.mechanisms.contest import contest_effort, contest_share


def test_equal_scores_share_equally_and_a_power_widens_the_lead():
    assert contest_share(1.0, 3.0, 1.0) == pytest.approx(0.25)
    # twice the score: 2/3 at power one, 8/9 at power three
    assert contest_share([2.0, 2.0], [1.0, 1.0], [1.0, 3.0]).tolist() == pytest.approx([2 / 3, 8 / 9])


def test_nobody_gets_anything_for_no_score():
    assert contest_share(0.0, 0.0, 2.0) == 0.0


def test_effort_is_the_income_spent_over_its_cost_within_its_bounds():
    efforts = contest_effort([50.0, 500.0, 0.0], [100.0, 100.0, 100.0], 0.8, least=0.05)
    assert efforts.tolist() == pytest.approx([0.4, 1.0, 0.05])


def test_the_effort_is_the_best_answer_among_many_contestants():
    # quality e^g, score quality^r, 1,000 others at a score of one, a prize of 10,000 a day
    g, r, cost, prize, others = 0.4, 2.0, 20.0, 10_000.0, 1_000.0
    efforts = np.linspace(0.01, 1.0, 2000)
    profit = prize * contest_share(efforts**g, others, r) - cost * efforts
    best = efforts[profit.argmax()]
    income = prize * float(contest_share(best**g, others, r))
    assert contest_effort(income, cost, g * r, 0.0) == pytest.approx(best, abs=2e-3)
