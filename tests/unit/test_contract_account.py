"""A contract that counts in real base units, on the ledger of a scaled world."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simdai.economy.contract_account import ContractAccount
from simdai.economy.ledger import Ledger


def opened(scale: float = 1.0, wei_decimals: int | None = None) -> tuple[Ledger, ContractAccount]:
    ledger = Ledger()
    ledger.declare("OCEAN", 8)
    for name in ("alice", "bob"):
        ledger.open(name, "OCEAN")
    ledger.mint(10**12, "OCEAN", "alice")
    return ledger, ContractAccount(ledger, "OCEAN", "vault", scale, wei_decimals)


def test_at_scale_1_and_equal_decimals_the_ledger_shows_what_the_contract_holds():
    ledger, vault = opened()
    vault.take(1_234, "alice")
    vault.give(234, "bob")
    assert ledger.balance("OCEAN", "vault") == vault.held == 1_000
    assert ledger.balance("OCEAN", "bob") == 234
    vault.check()


def test_wei_below_a_base_unit_wait_until_they_make_one():
    ledger, vault = opened(wei_decimals=18)
    vault.take(10**10, "alice")
    for _ in range(4):
        assert vault.give(25 * 10**8, "bob") in (0, 1)
        vault.check()
    assert ledger.balance("OCEAN", "bob") == 1 and vault.held == 0
    assert ledger.balance("OCEAN", "vault") == 0


def test_a_payer_of_a_fraction_pays_a_whole_unit_once():
    ledger, vault = opened(wei_decimals=18)
    for _ in range(3):
        vault.take(10**10 // 3, "alice")
        vault.check()
    assert ledger.balance("OCEAN", "alice") == 10**12 - 1


def test_one_ledger_unit_stands_for_as_many_real_ones_as_the_scale_says():
    ledger, vault = opened(scale=1000.0)
    assert vault.take_units(5, "alice") == 5_000
    assert vault.give(2_999, "bob") == 2
    assert vault.give(1, "bob") == 1
    assert vault.held == 2_000 and ledger.balance("OCEAN", "vault") == 2


@given(
    st.sampled_from([1.0, 1.5, 8.0, 1000.0, 1234.5]),
    st.sampled_from([None, 18]),
    st.lists(st.tuples(st.booleans(), st.integers(0, 10**13)), max_size=30),
)
def test_whatever_is_taken_and_given_ledger_and_contract_agree(scale, decimals, moves):
    ledger, vault = opened(scale, decimals)
    for takes, amount in moves:
        if takes:
            vault.take(min(amount, vault.of_units(ledger.balance("OCEAN", "alice")) // 2), "alice")
        else:
            vault.give(min(amount, vault.held), "bob")
        vault.check()
    assert ledger.imbalance("OCEAN") == 0


def test_a_disagreement_is_found():
    ledger, vault = opened()
    vault.take(10, "alice")
    ledger.transfer(1, "OCEAN", "vault", "bob")
    with pytest.raises(AssertionError, match="vault shows 9"):
        vault.check()
