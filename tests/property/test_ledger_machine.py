"""The ledger against plain dictionaries of integers: exact after every operation."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from simdai.economy.ledger import Ledger
from simdai.errors import LedgerError
from simdai.kernel.accounts_reference import Accounts as PlainAccounts

LARGEST = 2**63 - 1
ASSETS = ("USD", "GRID", "OCEAN")
AMOUNTS = st.one_of(
    st.integers(0, 100),
    st.integers(0, LARGEST),
    st.sampled_from([-1, 0, 1, LARGEST, LARGEST + 1, 2**64]),
)


class Books(RuleBasedStateMachine):
    """Random operations on a ledger and on a model that keeps Python integers."""

    names = Bundle("names")

    @initialize()
    def begin(self) -> None:
        self.ledger = Ledger()
        self.ledger.declare("GRID", 8)
        self.ledger.declare("OCEAN", 8, wei_decimals=18)
        self.balances: dict[str, dict[str, int]] = {asset: {} for asset in ASSETS}
        self.balances["USD"]["world"] = 0
        self.minted = dict.fromkeys(ASSETS, 0)
        self.burned = dict.fromkeys(ASSETS, 0)
        self.wei_minted = 0
        self.blocks = 0

    @rule(target=names, name=st.sampled_from(["lab", "pool", "treasury", "a", "b"]))
    def open(self, name: str) -> str:
        for asset in ASSETS:
            self.ledger.open(name, asset)
            self.balances[asset].setdefault(name, 0)
        return name

    @rule(target=names)
    def world(self) -> str:
        return "world"

    @rule(target=names, n=st.integers(1, 3), data=st.data())
    def block(self, n: int, data: st.DataObject) -> str:
        name = f"providers{self.blocks}"
        self.blocks += 1
        for asset in ASSETS:
            block = self.ledger.block(name, asset, 1)
            self.ledger.open(f"between{self.blocks}", asset)
            self.balances[asset].setdefault(f"between{self.blocks}", 0)
            block.extend(n)
            for i in range(n + 1):
                self.balances[asset][f"{name}[{i}]"] = 0
        return f"{name}[{data.draw(st.integers(0, n))}]"

    def refused(self, operation: Callable[[], object]) -> None:
        with pytest.raises(LedgerError):
            operation()

    @rule(asset=st.sampled_from(ASSETS), amount=AMOUNTS, giver=names, taker=names)
    def transfer(self, asset: str, amount: int, giver: str, taker: str) -> None:
        book = self.balances[asset]

        def act() -> None:
            self.ledger.transfer(amount, asset, giver, taker)

        if giver not in book or taker not in book or not 0 <= amount <= LARGEST:
            return self.refused(act)
        if giver != taker:
            lowest = -LARGEST if (asset, giver) == ("USD", "world") else 0
            if book[giver] - amount < lowest or book[taker] + amount > LARGEST:
                return self.refused(act)
            book[giver] -= amount
            book[taker] += amount
        act()

    @rule(asset=st.sampled_from(ASSETS), amount=AMOUNTS, taker=names)
    def mint(self, asset: str, amount: int, taker: str) -> None:
        book = self.balances[asset]

        def act() -> None:
            self.ledger.mint(amount, asset, taker)

        if taker not in book or not 0 <= amount <= LARGEST or book[taker] + amount > LARGEST:
            return self.refused(act)
        act()
        book[taker] += amount
        self.minted[asset] += amount

    @rule(asset=st.sampled_from(ASSETS), amount=AMOUNTS, giver=names)
    def burn(self, asset: str, amount: int, giver: str) -> None:
        book = self.balances[asset]

        def act() -> None:
            self.ledger.burn(amount, asset, giver)

        lowest = -LARGEST if (asset, giver) == ("USD", "world") else 0
        if giver not in book or not 0 <= amount <= LARGEST or book[giver] - amount < lowest:
            return self.refused(act)
        act()
        book[giver] -= amount
        self.burned[asset] += amount

    @rule(wei=st.integers(0, 10**22), taker=names)
    def mint_wei(self, wei: int, taker: str) -> None:
        book = self.balances["OCEAN"]
        if taker not in book:
            return None
        if book[taker] + wei // 10**10 > LARGEST:
            return self.refused(lambda: self.ledger.mint_wei(wei, "OCEAN", taker))
        units = self.ledger.mint_wei(wei, "OCEAN", taker)
        assert units == wei // 10**10
        before = (self.wei_minted - self.whole_wei()) % 10**10
        dust = (before + wei % 10**10) // 10**10
        book[taker] += units
        if dust:
            book["dust"] = book.get("dust", 0) + dust
        self.minted["OCEAN"] += units + dust
        self.wei_minted += wei
        assert self.ledger.dust_wei("OCEAN") == (before + wei) % 10**10

    def whole_wei(self) -> int:
        """Wei of the base units that wei have been turned into; what is missing lies below a base unit."""
        return self.wei_minted // 10**10 * 10**10

    @invariant()
    def everything_is_where_the_model_says(self) -> None:
        if not hasattr(self, "ledger"):
            return
        for asset in ASSETS:
            for name, balance in self.balances[asset].items():
                assert self.ledger.balance(asset, name) == balance
            assert self.ledger.imbalance(asset) == 0
            assert self.ledger.supply(asset) == self.minted[asset] - self.burned[asset]
            assert sum(self.balances[asset].values()) == self.minted[asset] - self.burned[asset]
        self.ledger.check()


TestBooks = Books.TestCase
TestBooks.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@pytest.mark.parametrize(
    ("operations", "check_every"), [(10_000, 1), pytest.param(1_000_000, 100, marks=pytest.mark.slow)]
)
def test_random_operations_of_all_sizes_conserve_everything(operations: int, check_every: int) -> None:
    luck = random.Random(20261122)
    ledger = Ledger()
    ledger.declare("GRID", 8)
    names = ["world", *(f"account{i}" for i in range(30))]
    for name in names[1:]:
        ledger.open(name)
    for name in names:
        ledger.open(name, "GRID")
    block = ledger.block("providers", "GRID", 20)
    names += [f"providers[{i}]" for i in range(20)]
    model = {asset: dict.fromkeys(names, 0) for asset in ("USD", "GRID")}
    usd_names = names[:31]
    refusals = 0
    for step in range(operations):
        asset = luck.choice(("USD", "GRID"))
        here = usd_names if asset == "USD" else names
        source, target = luck.choice(here), luck.choice(here)
        amount = luck.randrange(10 ** luck.randrange(1, 19))
        kind = luck.random()
        try:
            if kind < 0.8:
                ledger.transfer(amount, asset, source, target)
                model[asset][source] -= amount
                model[asset][target] += amount
            elif kind < 0.9:
                ledger.mint(amount, asset, target)
                model[asset][target] += amount
            else:
                ledger.burn(amount, asset, source)
                model[asset][source] -= amount
        except LedgerError:
            refusals += 1
        if step % check_every == 0:
            ledger.check()
    assert 0 < refusals < operations
    assert len(block) == 20
    for asset, balances in model.items():
        here = usd_names if asset == "USD" else names
        assert [ledger.balance(asset, name) for name in here] == [balances[name] for name in here]
        assert ledger.imbalance(asset) == 0


def test_the_kernels_accounts_are_the_ledgers() -> None:
    """What the market moves is what the ledger reads: there is one array."""
    ledger = Ledger()
    lab = ledger.open("lab")
    ledger.accounts("USD").transfer(5, ledger.open("world"), lab)
    assert ledger.balance("USD", "lab") == 5
    assert np.array_equal(ledger.accounts("USD").balances, [-5, 5])
    plain = PlainAccounts(2)
    plain.allow_negative(0)
    plain.transfer(5, 0, 1)
    assert plain.balances.tolist() == [-5, 5]
