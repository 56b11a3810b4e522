"""A subnet's consensus between epochs: the same on both kernels, and no epoch computed twice."""

from typing import Any

import numpy as np
import pytest

from simdai.kernel import COMPILED, SubnetConsensus
from simdai.mechanisms.yuma import yuma_epoch

KERNELS = [
    "reference",
    pytest.param("compiled", marks=pytest.mark.skipif(not COMPILED, reason="there is no compiled kernel")),
]
PARAMS: Any = {
    "yuma_version": "yuma3",
    "kappa_u16": 32767,
    "bonds_penalty_u16": 65535,
    "bonds_moving_average_ppm": 900_000,
    "liquid_alpha": False,
    "alpha_low_u16": 45875,
    "alpha_high_u16": 58982,
    "alpha_sigmoid_steepness_raw": 1000,
    "max_allowed_validators": 4,
    "activity_cutoff": 5000,
    "min_stake": 0,
    "owner_uid": None,
    "emission_rao": 0,
}
EMISSION = 360 * 10**9


def subnet(kernel: Any, **changes: Any) -> SubnetConsensus:
    """Twelve UIDs, of which 0 to 3 validate with stakes 4 to 1 and weigh 4 to 11 by 4 rising patterns."""
    out = SubnetConsensus(12, PARAMS | changes, kernel=kernel)
    out.set_stake([4.0, 3.0, 2.0, 1.0] + [0.0] * 8)
    for uid in range(4):
        out.set_weights(uid, np.arange(4, 12), (np.arange(8) + 1) * 8000 + 100 * uid, block=1)
    return out


def state(held: SubnetConsensus) -> Any:
    names = ("bonds", "server_rao", "validator_rao", "permit")
    return [getattr(held, name).tolist() for name in names]


@pytest.mark.parametrize("kernel", KERNELS)
def test_an_epoch_is_that_of_the_rule(kernel):
    held = subnet(kernel)
    held.run(360, EMISSION)
    held.run(720, EMISSION)
    weights = [[(j, (j - 3) * 8000 + 100 * i) for j in range(4, 12)] for i in range(4)]
    first: Any = {
        "block": 360,
        "last_tempo_block": 0,
        "stake": held.stake,
        "validator_permit": [False] * 12,
        "last_update": held.updated,
        "block_at_registration": held.registered,
        "weights": weights + [[]] * 8,
        "bonds_prior": [[]] * 12,
    }
    one = yuma_epoch(PARAMS | {"emission_rao": EMISSION}, 12, first)
    second = first | {
        "block": 720,
        "last_tempo_block": 361,
        "validator_permit": one["new_permit"],
        "bonds_prior": one["bonds_u16"],
    }
    two = yuma_epoch(PARAMS | {"emission_rao": EMISSION}, 12, second)
    assert one["new_permit"].tolist() == [True] * 4 + [False] * 8
    np.testing.assert_allclose(held.incentive, two["incentive"], atol=1e-12)
    np.testing.assert_allclose(held.dividends, two["dividends"], atol=1e-12)
    assert np.abs(held.server_rao - np.array(two["server_emission"])).max() <= 100
    assert held.bonds.tolist() == two["bonds_u16"].tolist()


@pytest.mark.parametrize("changes", [{}, {"yuma_version": "yuma2"}, {"liquid_alpha": True}])
@pytest.mark.parametrize("kernel", KERNELS)
def test_many_epochs_at_once_are_as_many_single_ones(kernel, changes):
    at_once, single = subnet(kernel, **changes), subnet(kernel, **changes)
    paid = np.zeros((2, 12), np.int64)
    for epoch in range(150):
        single.run(360 * (epoch + 1), EMISSION)
        single.set_stake(single.stake + 0.0)
        single._changed = True  # nothing is taken over from the epoch before
        paid += [single.server_rao, single.validator_rao]
    at_once.run(360, EMISSION, epochs=150)
    assert at_once.server_rao.tolist() == paid[0].tolist()
    assert at_once.validator_rao.tolist() == paid[1].tolist()
    assert at_once.bonds.tolist() == single.bonds.tolist()
    assert at_once.epochs == single.epochs == 150
    assert single.epochs_repeated == 0
    assert at_once.epochs_repeated > at_once.epochs_advanced > 0, "bonds come to rest"


@pytest.mark.skipif(not COMPILED, reason="there is no compiled kernel")
@pytest.mark.parametrize("changes", [{}, {"yuma_version": "yuma2"}, {"liquid_alpha": True}])
def test_both_kernels_agree_while_everything_changes(changes):
    pair = [subnet("compiled", **changes), subnet("reference", **changes)]
    random = np.random.default_rng(7)
    for step in range(40):
        block = 360 * (step * 3 + 1)
        chosen, targets = random.integers(4), random.permutation(12)[: random.integers(1, 12)]
        values = random.integers(0, 65536, len(targets))
        for held in pair:
            if step % 5 == 4:
                held.register(int(targets[0]), block - 10)
                held.set_stake([4.0, 3.0, 2.0, 1.0 + step] + [0.0] * 8)
            if step % 3:
                held.set_weights(chosen, targets, values, block - 5)
            held.run(block, EMISSION, epochs=3)
        one, other = pair
        np.testing.assert_allclose(one.incentive, other.incentive, atol=1e-9)
        np.testing.assert_allclose(one.dividends, other.dividends, atol=1e-9)
        assert np.abs(one.bonds.astype(int) - other.bonds).max() <= 1
        assert (one.permit == other.permit).all()
        counted = [(h.epochs, h.epochs_repeated, h.epochs_advanced) for h in pair]
        assert counted[0] == counted[1]


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_validator_that_falls_silent_ends_the_rest_and_votes_again_after_an_update(kernel):
    held = subnet(kernel, activity_cutoff=5000)
    held.set_weights(
        1, [4], [65535], block=3000
    )  # a minority of one; 0, 2 and 3 fall silent after block 5001
    held.run(360, EMISSION, epochs=13)
    assert held.incentive[5] > 0
    held.run(360 * 15, EMISSION)
    assert held.incentive[4] == 1.0, "only validator 1 still counts"
    held.set_weights(0, np.arange(4, 12), (np.arange(8) + 1) * 8000, block=5410)
    held.run(360 * 16, EMISSION)
    assert held.incentive[5] > 0


@pytest.mark.parametrize("kernel", KERNELS)
def test_weights_set_again_as_they_were_change_nothing(kernel):
    held = subnet(kernel, activity_cutoff=10**6)
    held.run(360, EMISSION, epochs=200)
    repeated = held.epochs_repeated
    held.set_weights(2, np.arange(4, 12), (np.arange(8) + 1) * 8000 + 200, block=360 * 200)
    held.run(360 * 201, EMISSION)
    assert held.epochs_repeated == repeated + 1


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_new_holder_of_a_uid_starts_with_nothing(kernel):
    held = subnet(kernel)
    held.run(360, EMISSION, epochs=3)
    assert held.incentive[11] > 0 and held.bonds[:, 11].any()
    held.register(11, block=1100)
    held.run(1440, EMISSION)
    assert held.incentive[11] == 0 and held.server_rao[11] == 0
    held.register(0, block=1500)
    assert not held.permit[0] and not held.bonds[0].any() and held.counts[0] == 0


@pytest.mark.parametrize("kernel", KERNELS)
def test_what_an_epoch_pays_is_its_emission_less_the_rounding(kernel):
    held = subnet(kernel)
    held.run(360, EMISSION, epochs=5)
    paid = int(held.server_rao.sum() + held.validator_rao.sum())
    assert 5 * EMISSION - 5 * 24 * (EMISSION // 2**32 + 1) <= paid <= 5 * EMISSION


def test_an_unknown_kernel_is_refused(monkeypatch):
    monkeypatch.setattr("simdai.kernel.COMPILED", False)
    with pytest.raises(ValueError, match="there is no compiled kernel"):
        SubnetConsensus(4, PARAMS, kernel="compiled")
