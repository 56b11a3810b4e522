"""Bitcoin: miners find blocks, difficulty follows, subsidies halve, and users bid for space."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from simdai.economy.actors import Flows, Network, World
from simdai.economy.calendar import Phase
from simdai.economy.flows import FlowsReport
from simdai.economy.foundation import Foundation
from simdai.economy.paths import Path, PathOf
from simdai.economy.token_market import Token, TokenMarket
from simdai.errors import Problem
from simdai.mechanisms.bitcoin_mining import SATOSHI_PER_BTC, revenue_per_hash, security_budget
from simdai.mechanisms.block_space import BLOCK_VBYTES, clearing_rate, served
from simdai.mechanisms.choice import smooth
from simdai.mechanisms.difficulty import Difficulty, Retarget
from simdai.networks.bitcoin_chain import SECONDS_PER_DAY, Chain, ChainState, Issue, Mined
from simdai.networks.bitcoin_miners import Miners
from simdai.networks.bitcoin_report import BitcoinReport
from simdai.networks.bitcoin_rules import HASH_RATE, MACHINE_PRICE, Entry, Manners, MinerGroup
from simdai.registry import FrozenMapping
from simdai.units import Name, NonNegative, Positive, PositiveDays

__all__ = ["Bitcoin", "BitcoinNetwork", "Pool", "Visitor"]

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

HASHES_PER_TH = 1e12
HASHES_PER_EH = 1e18


class Pool(Protocol):
    """A mining pool with a policy of its own.

    Attributes
    ----------
    members : (n,) sites that mine for it
    """

    members: Bools

    def follow(self, share: float) -> None:
        """Take note that the members have a ``share`` of the hash rate until the next epoch."""

    def note(self, days: float, blocks: int, own: int, income: float, fair: float) -> None:
        """Take note of an epoch.

        Parameters
        ----------
        blocks, own : that stayed in the chain, and those of them that the pool found
        income : satoshi of the pool's blocks
        fair : satoshi that its share of the hash rate earns on a chain of the intended spacing
        """


class Visitor(Protocol):
    """Somebody whose hash rate comes and goes."""

    def receive(self, units: int, source: str) -> None:
        """Take base units of reward out of the account ``source``."""


class Bitcoin(Network, kind="bitcoin"):
    """The Bitcoin network.

    Parameters
    ----------
    token : BTC; its supply is what the blocks below ``chain.height`` created, to the satoshi
    chain : where it stands at the start
    issue : subsidy and halvings
    difficulty : how difficulty follows
    tie_breaking : which of two blocks of one height a miner works on: the first it saw, or one at random (the
        defence against selfish mining of Eyal and Sirer 2014)
    least_fee_rate : below which nodes do not relay, satoshi per virtual byte
    fee_memory : days over which miners average fees when they judge what a block will bring
    epoch : days between the miners' decisions; blocks are exact in between
    miners : groups of sites by name
    manners, entry : of the miners; nobody enters without ``entry``
    hash_rate : instead of miners, a stated path
    machine_price : USD per TH/s that an attacker pays
    rent_premium : what rented hash rate costs, relative to what it earns by mining
    """

    emits: ClassVar[bool] = False

    token: Token
    chain: ChainState
    issue: Issue
    difficulty: Difficulty = Retarget()
    tie_breaking: Literal["first_seen", "random"] = "first_seen"
    least_fee_rate: Positive
    fee_memory: PositiveDays
    epoch: PositiveDays
    miners: FrozenMapping[Name, MinerGroup] = FrozenMapping()
    manners: Manners | None = None
    entry: Entry | None = None
    hash_rate: Annotated[Path, PathOf(HASH_RATE)] | None = None
    machine_price: Annotated[Path, PathOf(MACHINE_PRICE)]
    rent_premium: NonNegative

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if bool(self.miners) == (self.hash_rate is not None):
            raise ValueError("give either 'miners' or 'hash_rate'")
        if self.miners and self.manners is None:
            raise ValueError("miners need 'manners'")
        if self.token.decimals != 8:
            raise ValueError("token.decimals: a bitcoin has 8")
        created = self.issue.created(self.chain.height)
        if round(self.token.supply * SATOSHI_PER_BTC) != created:
            exact = created / SATOSHI_PER_BTC
            raise ValueError(
                f"token.supply: the blocks below height {self.chain.height} created {exact:.8f} BTC, "
                f"not {self.token.supply:.8f}"
            )
        return self

    def check(self, scenario: Any) -> Iterator[Problem]:
        others = [getattr(n, "token", None) for n in scenario.networks.values() if n is not self]
        if any(other and other.symbol == self.token.symbol for other in others):
            found = f"the symbol {self.token.symbol!r} of two tokens"
            yield Problem(path="token.symbol", found=found, allowed="a symbol of its own")

    def build(self, world: World, name: str) -> BitcoinNetwork:
        return BitcoinNetwork(self, world, name)


class BitcoinNetwork:
    """Bitcoin on the clock. Each epoch: blocks, fees, miners' income, cost and sales, miners' decisions.

    Accounts: those of the token, ``NAME.coinbase`` (rewards on their way to miners), and the blocks
    ``NAME.miners``, or one account of that name where the hash rate is stated.
    """

    def __init__(self, rules: Bitcoin, world: World, name: str) -> None:
        self.rules, self.world, self.name = rules, world, name
        self.foundation = Foundation(rules.functions)
        self.token = TokenMarket(rules.token, world, name)
        self.chain = Chain(rules.chain, rules.issue, rules.difficulty, world.entity("bitcoin.blocks", name))
        self.coinbase = f"{name}.coinbase"
        world.ledger.open(self.coinbase, self.token.asset)
        self.miners: Miners | None = None
        if rules.manners is not None and rules.miners:
            self.miners = Miners(rules.miners, rules.manners, rules.entry, world, name, self.token)
        self.crowd = f"{name}.miners"
        if self.miners is None:
            world.ledger.open(self.crowd, self.token.asset)
            world.ledger.open(self.crowd)
        self.pool: Pool | None = None
        self.diverted = 0.0
        """Share of the hash rate that is elsewhere."""
        self.visitor: Visitor | None = None
        self.visiting = 0.0
        """Hashes a second of the visitor, who is paid for them."""
        self.fees = 0
        """Satoshi that users paid since the start, real ones."""
        self.fee_rate = rules.least_fee_rate
        """Satoshi per virtual byte, in the epoch that ended last."""
        self.fees_usd = self.subsidy_usd = 0.0
        """Real USD of fees and of new coins since the start, at the price of their day."""
        self.hash_rate = self._next_hash_rate()
        """Hashes a second that work on the chain until the next epoch."""
        self._fees_per_block = math.nan  # satoshi, smoothed
        self._posted = self._fees_posted = 0  # simulated satoshi on the ledger since the start
        self._before = self.chain.created

    # -- what it is ------------------------------------------------------------------------------------------

    @property
    def served(self) -> float:
        """Blocks that settled payments since the start."""
        return float(self.chain.blocks)

    @property
    def flows(self) -> Flows:
        """Fees, and new coins."""
        return Flows(self.fees_usd, self.subsidy_usd)

    @property
    def reward(self) -> float:
        """Satoshi that the next block is expected to bring: subsidy and fees."""
        fees = 0.0 if math.isnan(self._fees_per_block) else self._fees_per_block
        return self.chain.subsidy + fees

    @property
    def revenue_per_th(self) -> float:
        """USD a day that one TH/s earns at the difficulty in force."""
        each = revenue_per_hash(self.reward, self.token.price, self.chain.hashes_per_block)
        return each * HASHES_PER_TH * SECONDS_PER_DAY

    @property
    def settled_revenue_per_th(self) -> float:
        """USD a day that one TH/s earns once difficulty has followed the present hash rate."""
        th = self.hash_rate / HASHES_PER_TH
        return self.security_budget / th if th else math.inf

    @property
    def expected_revenue_per_th(self) -> float:
        """USD a day that one TH/s earns on average over the miners' outlook, the next retarget foreseen."""
        assert self.rules.manners is not None
        outlook, rule = self.rules.manners.outlook, self.rules.difficulty
        work = rule.unchanged_for(self.chain.height) * self.chain.hashes_per_block
        left = min(work / self.hash_rate / SECONDS_PER_DAY if self.hash_rate else math.inf, outlook)
        return (left * self.revenue_per_th + (outlook - left) * self.settled_revenue_per_th) / outlook

    @property
    def security_budget(self) -> float:
        """USD a day that the network pays its miners, at the intended spacing."""
        blocks = SECONDS_PER_DAY / self.rules.difficulty.spacing
        return security_budget(self.reward, self.token.price, blocks)

    @property
    def tie_share(self) -> float | None:
        """Share of miners that choose either branch of a tie; None where it depends on who is heard first."""
        return 0.5 if self.rules.tie_breaking == "random" else None

    # -- the clock -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Put the epochs on the calendar and report."""
        users = [d for d in self.world.demand.values() if d.rules.kind == "bitcoin_users"]
        self.users = next((user for user in users if user.rules.network == self.name), None)
        self.token.start()
        self.world.calendar.every(self.rules.epoch, Phase.EPOCHS, self._settle, first=self.rules.epoch)
        self.report = BitcoinReport(self, self.world, self.name)
        self.report.register()
        FlowsReport(self, self.world, self.name).register()
        self.world.recorder.checks.append(self._check)

    def _settle(self) -> None:
        """End of an epoch: what was found since the last is paid for, and miners decide anew."""
        now, days = self.world.env.now, self.rules.epoch
        mined = self.chain.run(now, self.hash_rate)
        fees = self._collect_fees(mined, days)
        income = self._reward(mined, fees, days)
        if self.miners is not None:
            self.miners.pay(income, days)
            self.miners.order(now, days, self.settled_revenue_per_th)
            restarts = self.miners.decide(now, days, self.expected_revenue_per_th)
            if restarts.any():
                self.miners.pay(np.zeros(len(restarts), np.int64), 0.0, restarts)
        self.report.follow(mined, fees)
        self.redirect(self.diverted, self.visiting)

    def redirect(self, diverted: float, visiting: float) -> None:
        """Until somebody says otherwise a share of the hash rate is elsewhere, and a visitor adds some."""
        self.diverted, self.visiting = diverted, visiting
        self.hash_rate = self._next_hash_rate()

    @property
    def own_hash_rate(self) -> float:
        """Hashes a second of the network's own miners, here or elsewhere, until the next epoch."""
        if self.miners is None:
            assert self.rules.hash_rate is not None
            middle = self.world.env.now + 0.5 * self.rules.epoch
            return self.rules.hash_rate.at(middle, self.world.start_date) * HASHES_PER_EH
        return self.miners.hash_rate

    def _next_hash_rate(self) -> float:
        if self.pool is not None:
            self.pool.follow(self._pool_share())
        return self.own_hash_rate * (1.0 - self.diverted) + self.visiting

    def _collect_fees(self, mined: Mined, days: float) -> int:
        """Users bid for the space of the epoch's blocks; returns the satoshi that they pay, real ones."""
        token, price, fees = self.token, self.token.price, 0
        space = mined.blocks * BLOCK_VBYTES
        if self.users is not None:
            demand = self.users.until(self.world.env.now) * days
            if space:
                elasticity = self.users.rules.elasticity
                self.fee_rate = clearing_rate(demand, space, self.rules.least_fee_rate, elasticity)
                fees = int(self.fee_rate * served(demand, space))
        if mined.blocks:
            per_block = fees / mined.blocks
            self._fees_per_block = smooth(self._fees_per_block, per_block, days, self.rules.fee_memory)
        self.fees += fees
        usd = fees / SATOSHI_PER_BTC * price
        self.fees_usd += usd
        token.note_fees(usd / self.world.scale, days)
        due = int(self.fees / self.world.scale) - self._fees_posted
        self._fees_posted += due
        self.world.ledger.transfer(due, token.asset, token.holders, self.coinbase)
        return fees

    def _reward(self, mined: Mined, fees: int, days: float) -> Ints:
        """Create the subsidies and share what the blocks brought; returns each site's base units."""
        ledger, asset = self.world.ledger, self.token.asset
        self.subsidy_usd += mined.subsidy / SATOSHI_PER_BTC * self.token.price
        new = int((self.chain.created - self._before) / self.world.scale) - self._posted
        self._posted += new
        ledger.mint(new, asset, self.coinbase)
        units = ledger.balance(asset, self.coinbase)
        if self.visitor is not None and self.hash_rate:
            visitors = int(units * (self.visiting / self.hash_rate))
            self.visitor.receive(visitors, self.coinbase)
            units -= visitors
        if self.miners is None:
            ledger.transfer(units, asset, self.coinbase, self.crowd)
            return np.empty(0, np.int64)
        running = self.miners.running
        if self.pool is None:
            return self.miners.receive(units, self.coinbase, running)
        own_fees = fees * mined.own // mined.blocks if mined.blocks else 0
        own = mined.own_subsidy + own_fees
        fair = self._pool_share() * self.reward * days * SECONDS_PER_DAY / self.rules.difficulty.spacing
        self.pool.note(days, mined.blocks, mined.own, own, fair)
        parts = ledger.split(units, [own, mined.subsidy + fees - own]) if units else np.zeros(2, np.int64)
        members = self._members()
        income = self.miners.receive(int(parts[0]), self.coinbase, np.where(members, running, 0.0))
        return income + self.miners.receive(int(parts[1]), self.coinbase, np.where(members, 0.0, running))

    def _members(self) -> Bools:
        """(n,) sites of the pool; sites that have come since do not join it."""
        assert self.pool is not None and self.miners is not None
        members = np.zeros(len(self.miners.th), bool)
        members[: len(self.pool.members)] = self.pool.members
        return members

    def _pool_share(self) -> float:
        assert self.miners is not None
        running = self.miners.running
        total = float(running.sum())
        return float(running[self._members()].sum()) / total if total else 0.0

    def _check(self) -> None:
        """The supply is the sum of the subsidies: to the satoshi at scale 1, else as posted."""
        supply = self.world.ledger.supply(self.token.asset)
        assert supply == self.token.genesis + self._posted, f"{supply} base units of {self.token.asset} exist"
        if self.world.scale == 1.0:
            assert supply == self.chain.created, (
                f"{supply} satoshi exist, blocks created {self.chain.created}"
            )
