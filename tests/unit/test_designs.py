"""Factors and designs: levels, points, and what stands in the scenario at a point."""

from __future__ import annotations

import numpy as np
import pytest

import simdai
from simdai import registry
from simdai.errors import ScenarioError
from simdai.experiments.designs import (
    Crossed,
    Factorial,
    LatinHypercube,
    Listed,
    Morris,
    OneAtATime,
    RandomBalance,
    Sobol,
    Zipped,
)
from simdai.experiments.designs.factors import Choice, LogUniform, Triangular, Uniform, Variant, Whole
from simdai.experiments.designs.points import Factors
from simdai.schema.assembly import varied

PRICE = Uniform(path="clouds.bigcloud.price", low="2 USD/h", high="4 USD/h")
FEE = Choice(path="networks.gridnet.pay.operator_fee", values=[0.0, 0.1, 0.2])
SUPPLY = LogUniform(path="networks.gridnet.token.supply", low=1e6, high=1e8)
FACTORS = Factors({"price": PRICE, "supply": SUPPLY}, {"fee": FEE})


def test_a_uniform_level_lies_where_its_share_says():
    assert PRICE.quantile([0.0, 0.25, 1.0]).tolist() == [2.0, 2.5, 4.0]
    assert PRICE.changes(2.5, {}) == {"clouds.bigcloud.price": "2.5 USD/h"}


def test_a_log_uniform_level_has_equal_factors_between_equal_shares():
    assert SUPPLY.quantile([0.0, 0.5, 1.0]) == pytest.approx([1e6, 1e7, 1e8])


def test_a_triangular_level_has_its_share_of_the_triangle_to_the_left():
    """For low 0, mode 1, high 4 the height is 1/2: the area left of 1 is 1/4, left of 4 - sqrt(6) is 1/2."""
    law = Triangular(path="scale", low=0, mode=1, high=4)
    assert law.quantile([0.0, 0.25, 0.5, 1.0]) == pytest.approx([0.0, 1.0, 4 - np.sqrt(6), 4.0])


def test_whole_numbers_are_whole_and_both_ends_are_as_likely_as_the_rest():
    law = Whole(path="clouds.bigcloud.capacity", low=1, high=4)
    levels = law.quantile((np.arange(8) + 0.5) / 8)
    assert levels.tolist() == [1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0] and law.quantile(1.0) == 4.0
    assert law.changes(3.0, {}) == {"clouds.bigcloud.capacity": 3}
    assert law.grid(2).tolist() == [1.0, 4.0]


def test_options_are_levels_by_index_and_show_their_names():
    pay = Choice(path="networks.gridnet.pay", values=[{"kind": "burn", "operator_fee": 0.1}, "x", None, 2])
    assert [pay.shown(n) for n in range(4)] == ["burn (operator_fee: 0.1)", "x", "none", 2.0]
    assert pay.quantile([0.0, 0.24, 0.25, 1.0]).tolist() == [0.0, 0.0, 1.0, 3.0]
    assert pay.level_of("none") == 2.0 and pay.level_of(2) == 3.0
    assert pay.changes(1.0, {}) == {"networks.gridnet.pay": "x"}


def test_one_factor_may_set_several_places_and_a_variant_several_values():
    both = Uniform(path=["a.b", "c.d"], low=1, high=3)
    assert both.changes(2.0, {}) == {"a.b": 2.0, "c.d": 2.0}
    design = Variant(variants={"as_is": {}, "tight": {"a.b": 1, "c.d": "2 d"}})
    assert design.names == ("as_is", "tight")
    assert design.changes(0.0, {}) == {} and design.changes(1.0, {}) == {"a.b": 1, "c.d": "2 d"}


@pytest.mark.parametrize(
    "make",
    [
        lambda: Uniform(path="a", low=2, high=1),
        lambda: Uniform(path="a", low="1 USD", high="2 d"),
        lambda: Uniform(path="a", low=float("nan"), high=1),
        lambda: Uniform(path="a", low=True, high=2),
        lambda: Uniform(path="a", low="1 USD", high="2 USD", relative=True),
        lambda: LogUniform(path="a", low=0, high=1),
        lambda: Triangular(path="a", low=0, mode=2, high=1),
        lambda: Whole(path="a", low=0.5, high=2),
        lambda: Choice(path="a", values=[]),
        lambda: Variant(variants={}),
    ],
)
def test_a_factor_that_cannot_be_is_refused(make):
    with pytest.raises(ScenarioError):
        make()


def test_a_factorial_holds_every_combination_and_the_last_factor_moves_fastest():
    points = Factorial(levels=2, levels_of={"supply": 1}).lay_out(FACTORS, 1)
    assert points.shape == (6, 3)
    assert points[:, 0].tolist() == [2.0, 2.0, 2.0, 4.0, 4.0, 4.0]
    assert points[:, 1] == pytest.approx([1e7] * 6)
    assert points[:, 2].tolist() == [0.0, 1.0, 2.0] * 2


def test_zip_takes_the_options_in_step():
    steps = Factors({}, {"a": Choice(path="x", values=[1, 2]), "b": Choice(path="y", values=[5, 6])})
    assert Zipped().lay_out(steps, 1).tolist() == [[0.0, 0.0], [1.0, 1.0]]


def test_a_list_gives_its_points_in_order():
    listed = Listed(points=[{"price": "3 USD/h", "supply": 2e6, "fee": 0.2}])
    assert listed.lay_out(FACTORS, 1).tolist() == [[3.0, 2e6, 2.0]]


def test_one_at_a_time_moves_one_factor_from_the_middle():
    points = OneAtATime().lay_out(FACTORS, 1)
    assert len(points) == OneAtATime().count(FACTORS) == 7
    assert points[0] == pytest.approx([3.0, 1e7, 0.0])
    assert all(np.sum(row != points[0]) == 1 for row in points[1:])
    assert points[1:3, 0].tolist() == [2.0, 4.0] and points[5:, 2].tolist() == [1.0, 2.0]


def test_a_latin_hypercube_has_one_point_in_every_slice_of_every_factor():
    points = LatinHypercube(points=20).lay_out(Factors({"price": PRICE, "supply": SUPPLY}), 3)
    slices = np.floor((points[:, 0] - 2.0) / 2.0 * 20)
    assert sorted(slices) == list(range(20))
    logs = np.floor(np.log10(points[:, 1] / 1e6) / 2 * 20)
    assert sorted(logs) == list(range(20))


def test_a_sobol_layout_is_two_samples_and_one_mixture_for_every_factor():
    n, points = 8, Sobol(base_points=8).lay_out(FACTORS, 1)
    assert points.shape == (n * 5, 3)
    a, b = points[:n], points[n : 2 * n]
    for column in range(3):
        mixed = points[(2 + column) * n : (3 + column) * n]
        assert np.array_equal(mixed[:, column], b[:, column])
        others = [c for c in range(3) if c != column]
        assert np.array_equal(mixed[:, others], a[:, others])


def test_a_morris_walk_moves_every_factor_once():
    pytest.importorskip("SALib")
    factors = Factors({"price": PRICE, "supply": SUPPLY})
    points = Morris(trajectories=5).lay_out(factors, 1).reshape(5, 3, 2)
    moved = np.diff(points, axis=1) != 0.0
    assert np.all(np.sum(moved, axis=2) == 1) and np.all(np.sum(moved, axis=1) == 1)


def test_random_balance_puts_every_factor_at_an_end_and_every_point_beside_its_mirror_image():
    factors = Factors({"price": PRICE, "supply": SUPPLY})
    points = RandomBalance(pairs=8).lay_out(factors, 1).reshape(8, 2, 2)
    assert points.sum(axis=1) == pytest.approx(np.tile([2.0 + 4.0, 1e6 + 1e8], (8, 1)))
    assert points[:, :, 0].ravel() == pytest.approx(np.where(points[:, :, 0].ravel() > 3.0, 4.0, 2.0))
    assert len({tuple(row) for row in points[:, 0]}) == 4, "both factors move, and not together"


def test_crossing_gives_all_levers_the_same_worlds():
    crossed = Crossed(uncertainties=LatinHypercube(points=4), levers=Factorial())
    points = crossed.lay_out(FACTORS, 1)
    assert points.shape == (12, 3) and crossed.count(FACTORS) == 12
    for n in range(0, 12, 3):
        assert len({tuple(row) for row in points[n : n + 3, :2]}) == 1
        assert points[n : n + 3, 2].tolist() == [0.0, 1.0, 2.0]


EVERY_DESIGN = {
    "crossed": Crossed(uncertainties=Sobol(base_points=4), levers=Factorial()),
    "factorial": Factorial(),
    "latin_hypercube": LatinHypercube(points=7),
    "list": Listed(points=[{"price": 3.0, "supply": 2e6, "fee": 0.1}]),
    "morris": Morris(trajectories=3),
    "one_at_a_time": OneAtATime(),
    "random_balance": RandomBalance(pairs=3),
    "sobol": Sobol(base_points=4),
    "zip": Zipped(),
}


@pytest.mark.parametrize("kind", sorted(registry.kinds("design")))
def test_every_design_counts_its_points_repeats_itself_and_stays_in_range(kind: str):
    if kind == "morris":
        pytest.importorskip("SALib")
    design = EVERY_DESIGN[kind]
    factors = Factors({}, {"fee": FEE}) if kind == "zip" else FACTORS
    points = design.lay_out(factors, 11)
    assert points.shape == (design.count(factors), len(factors))
    assert np.array_equal(points, design.lay_out(factors, 11))
    assert list(design.faults(factors)) == []
    for column, factor in zip(points.T, factors.values(), strict=True):
        for level in column:
            factor.level_of(factor.shown(level) if factor.options else float(level))


@pytest.mark.parametrize("kind", ["latin_hypercube", "sobol", "morris"])
def test_a_design_that_draws_draws_anew_with_another_seed(kind: str):
    if kind == "morris":
        pytest.importorskip("SALib")
    design = EVERY_DESIGN[kind]
    assert not np.array_equal(design.lay_out(FACTORS, 1), design.lay_out(FACTORS, 2))


@pytest.mark.parametrize(
    "changes",
    [
        {"clouds.bigcloud.price": "2.5 USD/h"},
        {"networks.gridnet.pay": {"kind": "usd_direct", "operator_fee": 0.2}, "horizon": "9 d"},
        {"networks.gridnet.providers.racks.token_sold": None},
        {"start": "2026-03-01"},
    ],
)
def test_a_point_is_the_scenario_that_set_would_give(changes):
    base = simdai.load("examples/minimal")
    assert varied(base, changes) == base.with_changes(changes)
    assert varied(base, changes).hash == base.with_changes(changes).hash


def test_a_point_that_is_no_scenario_says_what_is_wrong():
    with pytest.raises(ScenarioError, match="operator_fee"):
        varied(simdai.load("examples/minimal"), {"networks.gridnet.pay.operator_fee": 3.0})
