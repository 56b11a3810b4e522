"""The ledger: names, exact amounts, errors that say what to do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simdai.economy.ledger import Ledger
from simdai.errors import LedgerError
from simdai.mechanisms.rounding import largest_remainder


@pytest.fixture
def ledger() -> Ledger:
    ledger = Ledger()
    ledger.open("lab")
    ledger.open("provider")
    return ledger


def test_usd_counts_in_millionths_and_the_named_assets_in_their_own_units(ledger: Ledger) -> None:
    for asset, decimals in {"BTC": 8, "IO": 8, "RENDER": 8, "TAO": 9, "AKT": 6}.items():
        ledger.declare(asset)
        assert ledger.decimals(asset) == decimals
    assert ledger.to_units(12.5, "USD") == 12_500_000
    assert ledger.to_units(1.0, "BTC") == 100_000_000


def test_a_token_without_decimals_is_refused_with_the_cure(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="'GRID' needs its decimals"):
        ledger.declare("GRID")


def test_an_asset_declared_twice_is_refused(ledger: Ledger) -> None:
    ledger.declare("GRID", 8)
    with pytest.raises(LedgerError, match="declared already"):
        ledger.declare("GRID", 8)


def test_amounts_round_half_to_even_once(ledger: Ledger) -> None:
    assert ledger.to_units(0.0000005, "USD") == 0  # the float lies just below half a micro-USD
    assert ledger.to_units(0.5 / 2**20, "USD") == 0  # 0.476837 micro-USD
    assert ledger.to_units(1.5e-6, "USD") == 2  # the float lies just above one and a half
    assert ledger.to_units(2.5, "USD") == 2_500_000
    ledger.declare("WHOLE", 0)
    assert [ledger.to_units(x, "WHOLE") for x in (0.5, 1.5, 2.5, 3.5)] == [0, 2, 2, 4]


def test_a_transfer_moves_value_and_only_the_world_may_owe(ledger: Ledger) -> None:
    ledger.transfer(5_000_000, "USD", "world", "lab")
    ledger.transfer(2_000_000, "USD", "lab", "provider")
    assert ledger.balance("USD", "world") == -5_000_000
    assert ledger.holding("USD", "lab") == 3.0
    assert ledger.holding("USD", "provider") == 2.0
    assert ledger.imbalance("USD") == 0
    with pytest.raises(LedgerError):
        ledger.transfer(3_000_001, "USD", "lab", "provider")
    assert ledger.holding("USD", "lab") == 3.0


def test_a_refused_transfer_says_who_holds_what_and_what_to_do(ledger: Ledger) -> None:
    with pytest.raises(LedgerError) as caught:
        ledger.transfer(5_000_000, "USD", "lab", "provider")
    assert str(caught.value).startswith(
        "transfer of 5 USD from 'lab' to 'provider': 'lab' holds 0. Give it an endowment"
    )


def test_an_unknown_account_names_the_nearest(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="Did you mean 'provider'"):
        ledger.transfer(1, "USD", "world", "provder")


def test_an_unknown_asset_names_the_nearest(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match=r"unknown asset 'USDC'.*Did you mean 'USD'"):
        ledger.balance("USDC", "lab")


@pytest.mark.parametrize("amount", [-1, 2**63])
def test_negative_and_overflowing_amounts_are_refused(ledger: Ledger, amount: int) -> None:
    with pytest.raises(LedgerError):
        ledger.transfer(amount, "USD", "world", "lab")
    assert ledger.balance("USD", "lab") == 0


def test_a_balance_may_not_leave_64_bits(ledger: Ledger) -> None:
    ledger.declare("GRID", 8)
    ledger.open("lab", "GRID")
    ledger.mint(2**63 - 1, "GRID", "lab")
    with pytest.raises(LedgerError, match="64 bits"):
        ledger.mint(1, "GRID", "lab")
    assert ledger.supply("GRID") == 2**63 - 1
    assert ledger.imbalance("GRID") == 0


def test_totals_are_wider_than_64_bits(ledger: Ledger) -> None:
    ledger.declare("GRID", 8)
    for name in ("a", "b", "c"):
        ledger.open(name, "GRID")
        ledger.mint(2**63 - 1, "GRID", name)
    assert ledger.supply("GRID") == 3 * (2**63 - 1)
    assert ledger.imbalance("GRID") == 0


def test_the_world_may_not_owe_tokens(ledger: Ledger) -> None:
    ledger.declare("GRID", 8)
    ledger.open("world", "GRID")
    ledger.open("lab", "GRID")
    with pytest.raises(LedgerError, match="'world' holds 0"):
        ledger.transfer(1, "GRID", "world", "lab")


def test_only_mint_and_burn_change_the_supply(ledger: Ledger) -> None:
    ledger.declare("GRID", 8)
    ledger.open("lab", "GRID")
    ledger.mint(100, "GRID", "lab")
    ledger.burn(30, "GRID", "lab")
    assert ledger.supply("GRID") == 70
    with pytest.raises(LedgerError, match="burn of"):
        ledger.burn(71, "GRID", "lab")
    assert ledger.imbalance("GRID") == 0


def test_blocks_of_accounts_grow_and_are_named_by_position(ledger: Ledger) -> None:
    block = ledger.block("gridnet.racks", "USD", 2)
    ledger.open("between")
    block.extend(2)
    assert len(block) == 4
    amounts = np.array([4, 3, 2, 1], dtype=np.int64)
    ledger.pay_out(amounts, "USD", "world", block.indices)
    assert [ledger.balance("USD", f"gridnet.racks[{i}]") for i in range(4)] == [4, 3, 2, 1]
    assert ledger.balance("USD", "between") == 0
    ledger.collect(np.array([1, 1, 1, 1]), "USD", block.indices, "lab")
    assert ledger.balance("USD", "lab") == 4
    with pytest.raises(LedgerError, match="the block holds 4 accounts"):
        ledger.balance("USD", "gridnet.racks[4]")
    with pytest.raises(LedgerError, match=r"from 'gridnet.racks\[3\]'"):
        ledger.transfer(1, "USD", int(block.indices[3]), "lab")


def test_a_leak_is_reported_by_asset(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.check()
    monkeypatch.setattr(ledger, "imbalance", lambda asset: -1)
    with pytest.raises(LedgerError, match="USD does not balance: -1 base units"):
        ledger.check()


# Hamilton's apportionment, worked by hand: quotas 3.3, 3.3, 3.3; 0.5 and 0.5 of one; 60/25/15 of 10.
@pytest.mark.parametrize(
    ("amount", "weights", "parts"),
    [
        (10, [1, 1, 1], [4, 3, 3]),
        (1, [1, 1], [1, 0]),
        (10, [60, 25, 15], [6, 3, 1]),  # quotas 6, 2.5, 1.5: equal remainders, the first gets the unit
        (7, [0, 0], [0, 0]),
        (0, [1, 2], [0, 0]),
        (5, [], []),
        (100, [0.95, 0.05], [95, 5]),
        (2**62, [1, 2**52], [1024, 2**62 - 1024]),  # quota 2^62 / (2^52 + 1) = 1023.99…
    ],
)
def test_largest_remainders_by_hand(amount: int, weights: list[float], parts: list[int]) -> None:
    assert largest_remainder(amount, weights).tolist() == parts


@given(
    st.integers(0, 2**61 - 1),
    st.one_of(
        st.lists(st.integers(0, 2**52), min_size=1, max_size=30),
        st.lists(st.floats(0.0, 1e9), min_size=1, max_size=30),
    ),
)
def test_shares_in_machine_words_are_those_of_integers_of_any_size(amount: int, weights: list[Any]) -> None:
    """Weights as Python integers beyond a word take the other way."""
    parts = largest_remainder(amount, weights)
    given_ = np.asarray(weights)
    if given_.dtype.kind == "f":
        top = given_.max()
        whole = np.rint(given_ / top * 2.0**53).astype(np.int64).tolist() if top > 0 else [0] * len(weights)
    else:
        whole = weights
    assert parts.tolist() == largest_remainder(amount, [w * 2**70 for w in whole]).tolist()


@pytest.mark.parametrize("weights", [[1, -1], [float("nan")], [float("inf"), 1.0]])
def test_weights_that_mean_nothing_are_refused(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="weights"):
        largest_remainder(1, weights)


def test_remainders_below_a_base_unit_gather_on_the_dust_account(ledger: Ledger) -> None:
    """18 decimals held at 8: a base unit is 10^10 wei."""
    ledger.declare("OCEAN", 8, wei_decimals=18)
    ledger.open("lab", "OCEAN")
    ledger.open("provider", "OCEAN")
    assert ledger.mint_wei(5 * 10**10 + 6 * 10**9, "OCEAN", "lab") == 5
    assert ledger.dust_wei("OCEAN") == 6 * 10**9
    assert ledger.mint_wei(6 * 10**9, "OCEAN", "lab") == 0
    assert ledger.balance("OCEAN", "dust") == 1
    assert ledger.dust_wei("OCEAN") == 2 * 10**9
    assert ledger.transfer_wei(2 * 10**10 + 9 * 10**9, "OCEAN", "lab", "provider") == 2
    assert [ledger.balance("OCEAN", name) for name in ("lab", "provider", "dust")] == [2, 2, 2]
    assert ledger.dust_wei("OCEAN") == 10**9
    with pytest.raises(LedgerError):  # two units and one of dust are more than is held: nothing moves
        ledger.transfer_wei(2 * 10**10 + 9 * 10**9, "OCEAN", "lab", "provider")
    assert [ledger.balance("OCEAN", name) for name in ("lab", "provider", "dust")] == [2, 2, 2]
    assert ledger.dust_wei("OCEAN") == 10**9
    assert ledger.imbalance("OCEAN") == 0
