"""Returns of early stakes, on runs made by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from simdai.errors import ResultsError
from simdai.metrics import DeathRule, portfolio, published_portfolio, returns_table, stakes, zero_share
from simdai.metrics.venture import token_multiples
from simdai.report.page import page
from simdai.report.returns import returns_rows
from simdai.results import Results, RunRecord, RunSeries

TIMES = np.arange(0.0, 1101.0, 100.0)


def flat(value: float = 1.0) -> np.ndarray:
    return np.full(len(TIMES), value)


def line(start: float, end: float) -> np.ndarray:
    return np.linspace(start, end, len(TIMES))


def results(*runs: dict[str, np.ndarray], **manifest: Any) -> Results:
    records = [RunRecord(replication=n) for n in range(len(runs))]
    series = {
        record.key: RunSeries(
            TIMES, np.zeros(len(TIMES), dtype=np.uint64), values, dict.fromkeys(values, "USD")
        )
        for record, values in zip(records, runs, strict=True)
    }
    return Results({"name": "made", "horizon_days": 1100.0, **manifest}, records, series, {})


def token(name: str, price: np.ndarray, **more: np.ndarray) -> dict[str, np.ndarray]:
    series = {f"{name}.token.price_usd": price, f"{name}.token.supply": flat()}
    return series | {f"{name}.{key.replace('__', '.')}": values for key, values in more.items()}


def test_a_token_returns_its_price_and_dilution_shows_in_what_is_kept():
    held = stakes(results(token("mesh", line(2.0, 5.0), token__supply=line(1.0, 4.0))))
    assert held.names == ("mesh",)
    assert held.multiples[0, 0] == pytest.approx(2.5)
    assert held.kept[0, 0] == pytest.approx(0.25)
    assert held.years == pytest.approx(1100 / 365.25)


def test_the_market_cap_times_the_share_kept_gives_the_same_multiple():
    price, supply = line(2.0, 5.0), line(1.0, 4.0)
    held = stakes(results(token("mesh", price, token__supply=supply)))
    cap = price * supply
    assert held.multiples[0, 0] == pytest.approx(cap[-1] / cap[0] * held.kept[0, 0])


def test_shares_of_a_lab_return_their_valuation_times_what_rounds_left_of_them():
    lab = {"openai.valuation_usd": line(1e9, 4e9), "openai.owners_kept": line(1.0, 0.5)}
    held = stakes(results(token("mesh", flat()) | lab))
    assert held.names == ("mesh", "openai") and held.n_tokens == 1
    assert held.multiples[0].tolist() == pytest.approx([1.0, 2.0])
    assert held.tokens.names == ("mesh",)


def test_a_stake_begins_after_the_warm_up_or_on_the_day_asked_for():
    made = results(token("mesh", line(1.0, 12.0)), warm_up_days=100.0)
    assert stakes(made).multiples[0, 0] == pytest.approx(6.0)
    assert stakes(made, first_day=500.0, last_day=1000.0).multiples[0, 0] == pytest.approx(11 / 6)


@pytest.mark.parametrize("role", ["providers", "miners", "indexers", "services", "publishers"])
def test_a_project_without_suppliers_for_half_a_year_is_dead_and_its_stake_lost(role):
    count = np.where(TIMES >= 600, 1.0, 100.0)
    held = stakes(results(token("mesh", line(1.0, 9.0), **{f"{role}__count": count})))
    assert held.multiples[0, 0] == 0.0
    assert held.died[0, 0] == 800.0  # the first recording 180 days after


def test_a_project_that_comes_back_in_time_lives():
    count = np.where((TIMES >= 600) & (TIMES < 750), 1.0, 100.0)
    held = stakes(results(token("mesh", flat(), providers__count=count)))
    assert held.multiples[0, 0] == 1.0 and math.isnan(held.died[0, 0])


def test_an_empty_treasury_kills_only_where_there_was_one():
    emptied = token("mesh", flat(), token__treasury_usd=np.where(TIMES > 300, 0.0, 1e6))
    never = token("grid", flat(), token__treasury_usd=flat(0.0))
    held = stakes(results(emptied | never))
    assert held.multiples[0].tolist() == [0.0, 1.0]
    patient = stakes(results(emptied), death=DeathRule(days=2000.0))
    assert patient.multiples[0, 0] == 1.0


def test_bitcoin_is_what_stakes_are_held_against_and_no_stake():
    runs = [token("mesh", line(1, x)) | token("bitcoin", line(1, 2)) for x in (1.0, 3.0, 4.0)]
    held = stakes(results(*runs))
    assert held.names == ("mesh",)
    assert held.benchmark.tolist() == pytest.approx([2.0, 2.0, 2.0])
    assert portfolio(held.tokens).beats_benchmark == pytest.approx(2 / 3)


def test_a_portfolio_is_the_mean_of_its_stakes_and_the_best_makes_its_share():
    runs = [token("a", line(1, 1)) | token("b", line(1, 3)) | token("c", line(1, 0.02)) for _ in range(4)]
    found = portfolio(stakes(results(*runs)).tokens, top=(1, 2))
    assert found.multiples == pytest.approx([4.02 / 3] * 4)
    assert found.quantiles[0.5] == pytest.approx(4.02 / 3)
    assert found.top[1] == pytest.approx(3 / 4.02) and found.top[2] == pytest.approx(4 / 4.02)
    assert found.zero == 0.0
    assert found.median_band == pytest.approx((1.34, 1.34)) and math.isnan(found.beats_benchmark)


def test_bands_widen_with_the_spread_and_need_two_runs():
    runs = [token("a", line(1, x)) for x in (0.5, 1.0, 2.0, 4.0)]
    low, high = portfolio(stakes(results(*runs)).tokens).median_band
    assert 0.5 <= low < 1.5 < high <= 4.0
    assert math.isnan(portfolio(stakes(results(runs[0])).tokens).median_band[0])


def test_the_published_portfolio_is_drawn_from_published_stakes():
    rng = np.random.default_rng(5)
    single = token_multiples(rng, 40_000, 3.0)
    one = published_portfolio(3.0, 1)
    assert one.zero == pytest.approx(zero_share(single), abs=0.02)
    many = published_portfolio(3.0, 20, loading=0.0)
    assert many.zero < one.zero  # spreading saves from total loss
    assert published_portfolio(3.0, 20, loading=0.9).zero > many.zero  # the more, the more unlike stakes are


def test_the_table_has_stakes_portfolio_benchmark_and_what_was_published():
    lab = {"openai.valuation_usd": line(1e9, 4e9), "openai.owners_kept": flat()}
    runs = [token("mesh", line(1, x)) | token("bitcoin", line(1, 2)) | lab for x in (0.05, 3.0)]
    table = returns_table(results(*runs)).set_index("stake")
    assert list(table.index) == [
        "mesh",
        "openai",
        "portfolio of tokens",
        "bitcoin",
        "published: one token",
        "published: such a portfolio",
        "published: one venture",
    ]
    assert table.loc["mesh", "zero"] == 0.5 and table.loc["mesh", "dead"] == 0.0
    assert table.loc["openai", "q50"] == pytest.approx(4.0)
    assert table.loc["published: one venture", "zero"] == pytest.approx(
        0.35 * 0.648 + 0.1 * 0.65 * 0.648, abs=1e-3
    )


def test_without_stakes_or_time_there_are_no_returns():
    with pytest.raises(ResultsError, match="no series of a token's price"):
        stakes(results({"market.price": flat()}))
    with pytest.raises(ResultsError, match="no time"):
        stakes(results(token("mesh", flat())), first_day=2000.0)
    assert returns_rows(results({"market.price": flat()})) is None
    assert returns_rows(results(token("mesh", flat()), horizon_days=90.0)) is None


def test_the_report_shows_returns_with_their_figure():
    described = {"scenario": {"hash": "0" * 64}, "seed": 1, "kernel": "", "start": "2026-01-01"}
    runs = [token("mesh", line(1, x)) | token("grid", line(1, 2)) for x in (0.05, 3.0)]
    html = page(results(*runs, **described))
    assert "What early stakes returned" in html and "portfolio of tokens" in html
    assert "On average the best stake makes" in html
    assert html.count("<svg") >= 1
