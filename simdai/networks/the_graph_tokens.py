"""GRT in whole wei: what contracts and wallets of The Graph hold, and what the ledger shows of it."""

from __future__ import annotations

from simdai.economy.ledger import Ledger
from simdai.economy.token_market import TokenMarket
from simdai.errors import LedgerError
from simdai.networks.the_graph_rules import WEI, wei

__all__ = ["GrtAccounts"]

WEI_DECIMALS = 18


class GrtAccounts:
    """Accounts of the protocol: real wei in its own books, simulated base units on the ledger.

    A base unit of the ledger stands for ``unit`` wei: 10^10 at 8 decimals, times the scale. The ledger's
    account shows the whole base units of each; what lies below one stands together on ``NAME.dust``. Accounts
    outside, such as the token's holders and its pool, know base units alone, so that only whole ones cross.
    Whatever is moved, minted or burned, the ledger's supply is that of the wei to within a base unit.

    Accounts are known by the number that `open` or `row` gives.
    """

    def __init__(self, token: TokenMarket, name: str, scale: float) -> None:
        self.token, self.name = token, name
        self.ledger: Ledger = token.ledger
        self.unit: int = round(10 ** (WEI_DECIMALS - token.rules.decimals) * scale)
        """Wei that a base unit of the ledger stands for."""
        self.dust = self.ledger.open(f"{name}.dust", token.asset)
        self.wei: list[int] = []
        self.place: list[int] = []
        """Of each account on the ledger, in GRT."""
        self.minted = self.burned = 0
        """Wei since the start."""
        self._units: list[int] = []
        self._crossed = 0  # base units that came from outside less those that went there
        self._posted_mint = self._posted_burn = 0

    def open(self, name: str) -> int:
        """Open the account ``NAME.name``."""
        return self._add(self.ledger.open(f"{self.name}.{name}", self.token.asset))

    def row(self, name: str, n: int) -> range:
        """Open the accounts ``NAME.name[0]`` … ``NAME.name[n - 1]``."""
        block = self.ledger.block(f"{self.name}.{name}", self.token.asset, n)
        first = len(self.wei)
        for place in block.indices.tolist():
            self._add(place)
        return range(first, first + n)

    def _add(self, place: int) -> int:
        self.wei.append(0)
        self.place.append(place)
        self._units.append(0)
        return len(self.wei) - 1

    # -- inside ----------------------------------------------------------------------------------------------

    def move(self, wei: int, source: int, target: int) -> None:
        """Move ``wei`` from one account to another."""
        if not 0 <= wei <= self.wei[source]:
            raise LedgerError(f"transfer of {wei} wei of {self.token.asset}: {self._holds(source)}")
        if source == target:
            return
        self.wei[source] -= wei
        self.wei[target] += wei
        paid, got = self._change(source), self._change(target)
        ledger, asset, places = self.ledger, self.token.asset, self.place
        ledger.transfer(min(-paid, got), asset, places[source], places[target])
        if -paid > got:
            ledger.transfer(-paid - got, asset, places[source], self.dust)
        elif got > -paid:
            ledger.transfer(got + paid, asset, self.dust, places[target])

    def mint(self, wei: int, target: int) -> None:
        """Create ``wei``."""
        self.minted += wei
        units = self.minted // self.unit - self._posted_mint
        self._posted_mint += units
        self.ledger.mint(units, self.token.asset, self.dust)
        self.wei[target] += wei
        self.ledger.transfer(self._change(target), self.token.asset, self.dust, self.place[target])

    def burn(self, wei: int, source: int) -> None:
        """Destroy ``wei`` that ``source`` holds."""
        if not 0 <= wei <= self.wei[source]:
            raise LedgerError(f"burn of {wei} wei of {self.token.asset}: {self._holds(source)}")
        self.wei[source] -= wei
        self.ledger.transfer(-self._change(source), self.token.asset, self.place[source], self.dust)
        self.burned += wei
        units = self.burned // self.unit - self._posted_burn
        self._posted_burn += units
        self.ledger.burn(units, self.token.asset, self.dust)

    def _change(self, account: int) -> int:
        """Base units by which the ledger must follow."""
        units = self.wei[account] // self.unit
        change = units - self._units[account]
        self._units[account] = units
        return change

    def _holds(self, account: int) -> str:
        return f"account {self.place[account]} holds {self.wei[account]} wei"

    # -- to and from outside ---------------------------------------------------------------------------------

    def whole(self, tokens: float) -> int:
        """Wei of a number of tokens, rounded down to what a base unit stands for."""
        return wei(tokens) // self.unit * self.unit

    def deposit(self, wei: int, source: str | int, target: int) -> int:
        """Bring the whole base units of ``wei`` from an account outside; returns their wei."""
        units = wei // self.unit
        self.ledger.transfer(units, self.token.asset, source, self.place[target])
        return self._cross(units, target)

    def buy(self, usd: int, payer: str | int, target: int) -> int:
        """Buy GRT for ``usd`` micro-USD on the market; returns the wei."""
        return self._cross(self.token.buy(usd, payer, self.place[target]), target)

    def sell(self, wei: int, source: int, receiver: str | int) -> int:
        """Sell the whole base units of ``wei`` on the market; returns the micro-USD."""
        units = wei // self.unit
        usd = self.token.sell(units, self.place[source], receiver)
        self._cross(-units, source)
        return usd

    def _cross(self, units: int, account: int) -> int:
        self._crossed += units
        self._units[account] += units
        self.wei[account] += units * self.unit
        return units * self.unit

    # -- reading ---------------------------------------------------------------------------------------------

    def usd(self, wei: int) -> float:
        """Real USD at the market price."""
        return wei / WEI * self.token.price

    def check(self) -> None:
        """Assert that every account shows its whole base units and that wei neither appear nor vanish."""
        held = self.ledger.accounts(self.token.asset).balances
        for account, place in enumerate(self.place):
            shown = int(held[place])
            assert shown == self.wei[account] // self.unit, (
                f"{shown} base units shown; {self._holds(account)}"
            )
        inside = self._crossed * self.unit + self.minted - self.burned
        assert sum(self.wei) == inside, f"accounts hold {sum(self.wei)} wei, {inside} came in"
        assert self._posted_mint == self.minted // self.unit
        assert self._posted_burn == self.burned // self.unit
