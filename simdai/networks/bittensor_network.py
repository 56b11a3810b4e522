"""Bittensor on the clock: at each step blocks create, epochs pay, people sell, work, vote and move."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from simdai.economy.actors import Flows, World
from simdai.economy.calendar import Phase
from simdai.economy.foundation import Foundation
from simdai.economy.token_market import TokenMarket
from simdai.networks.bittensor_books import Books
from simdai.networks.bittensor_chain import Chain
from simdai.networks.bittensor_emission import Coinbase
from simdai.networks.bittensor_founders import FoundersAtWork
from simdai.networks.bittensor_genesis import genesis, open_pool, places
from simdai.networks.bittensor_miners import Miners, Newcomer
from simdai.networks.bittensor_payday import Payday, Wages
from simdai.networks.bittensor_payments import Payments
from simdai.networks.bittensor_pools import NoPool
from simdai.networks.bittensor_population import Validators
from simdai.networks.bittensor_report import BittensorReport
from simdai.networks.bittensor_rules import RAO
from simdai.networks.bittensor_stakers import Portfolios, Staker
from simdai.networks.bittensor_subnet import OWNERS, VALIDATORS, Grant, Role, Subnet
from simdai.networks.bittensor_trades import Trades
from simdai.networks.bittensor_validators import Electorate, Validator, Voter
from simdai.registry import Regimes

if TYPE_CHECKING:
    from simdai.networks.bittensor import Bittensor
    from simdai.networks.bittensor_users import Users

__all__ = ["BittensorNetwork"]

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]

DAYS_PER_YEAR = 365.25


class BittensorNetwork:
    """The network. What acts on it before the start enlists (`enlist`, `add_holder`, `add_role`).

    Accounts in the ledger: see `Books`; USD of roles: ``NAME.miners``, ``NAME.validators``, ``NAME.owners``.

    Attributes
    ----------
    subnets : by name, in the order of their registration
    chain, miners, electorate, portfolios, coinbase, payday : the parts of its state
    pool_usd : (s,) real USD a day that miners of each subnet share
    quality : (s,) quality of each subnet
    """

    def __init__(self, rules: Bittensor, world: World, name: str) -> None:
        self.rules, self.world, self.name = rules, world, name
        self.token = TokenMarket(rules.token, world, name)
        self.foundation = Foundation(rules.functions)
        day = world.start_date
        self.consensus, self.shares = rules.consensus.at(day), rules.emission.shares.at(day)
        self.injection, self.uid_price = rules.emission.injection.at(day), rules.uid_price.at(day)
        self.pool_shape = rules.pool.at(day)
        self.blocks = round(rules.step * rules.blocks_per_day)
        """Blocks of a step."""
        self.roles = [Role(f"{name}.{who}", passes_on=True) for who in ("miners", "validators", "owners")]
        for role in self.roles:
            world.ledger.open(role.account)
        self.grants: list[Grant] = []
        self.users: list[Users] = []
        self.before_step: list[Callable[[int], None]] = []
        """Called with the number of the step before people trade in it: attackers."""
        self.subnets: dict[str, Subnet] = {
            subnet: Subnet(self, subnet, slot, group.domain)
            for slot, (subnet, group, _) in enumerate(places(rules.subnets))
        }
        self._validators = [
            Validator(f"{key}.{i}", group, group.strategy, VALIDATORS)
            for key, group in rules.validators.items()
            for i in range(group.count)
        ]
        self.residents = len(self._validators)
        """Validators of the scenario's groups; attackers' come behind them."""
        self._guests = 0
        self._serial = 0
        self._started = False
        self._skipped = self._flows_to = 0  # blocks that nobody authored; block at the end of a step
        self.revenue_usd = self.subsidy_usd = 0.0
        """Real USD since the start."""
        self.last: Wages | None = None
        """What the last step paid."""

    # -- what acts on it before the start --------------------------------------------------------------------

    def enlist(self, name: str, rules: Validators, voter: Voter, role: int) -> int:
        """Add a validator with an aim of its own; returns its place."""
        assert not self._started
        self._validators.append(Validator(name, rules, voter, role))
        return len(self._validators) - 1

    def add_holder(self) -> int:
        """Add a holder who trades only when told to; returns its place behind the validators."""
        assert not self._started
        self._guests += 1
        return self._guests - 1

    def add_role(self, account: str, passes_on: bool = False) -> int:
        """Somebody who sells what it earns for USD on ``account``; returns its place."""
        self.roles.append(Role(account, passes_on))
        if self._started:
            self.books.add_role()
        return len(self.roles) - 1

    def grant(self, subnet: Subnet, account: str, share: float) -> Grant:
        """See `Subnet.fund`."""
        taken = sum(grant.share for grant in self.grants if grant.subnet is subnet)
        if not 0.0 <= share <= 1.0 - taken:
            raise ValueError(
                f"share = {share!r}: of the incentive of {subnet.name!r} {1.0 - taken:g} is left"
            )
        self.grants.append(Grant(subnet, share, self.add_role(account)))
        return self.grants[-1]

    def next_netuid(self) -> int:
        """Number of the next subnet."""
        self._serial += 1
        return self._serial

    # -- the clock -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Make the chain as it is at the start, and put steps and regimes on the calendar."""
        rules, world, name = self.rules, self.world, self.name
        people = [
            Staker(f"{key}.{i}", group) for key, group in rules.stakers.items() for i in range(group.count)
        ]
        slots = rules.places.limit if rules.founders else len(self.subnets)
        validators = len(self._validators)
        self.first_guest = validators
        holders = validators + self._guests + len(people)
        self.chain = Chain(slots, rules.uids, validators, holders, len(self.roles))
        self.owner_roles = np.full(slots, OWNERS, dtype=np.int64)
        self.pool_usd, self.quality, self.revenue_of, self.owner_income = np.zeros((4, slots))
        self.take_income = np.zeros((slots, validators))
        self.miners = Miners(rules.miners, self.chain, world, name, rules.step)
        self.electorate = Electorate(self._validators, self.chain, self.miners, world, name, rules.step)
        self.portfolios = Portfolios(people, self.chain, world, name, rules.step)
        self.coinbase = Coinbase(rules.emission, self.chain, self._root_votes)
        self.payday = Payday(self)
        self.report = BittensorReport(self, world)
        genesis(self)
        self.chain.delegate[self.first_guest : self.portfolios.first] = 0
        self.chain.issuance = world.ledger.supply(self.token.asset) * int(world.scale)
        self.idle = self.chain.wallet.copy()
        self.books = Books(self.chain, self.token, world, name, len(self.roles))
        self.trades = Trades(self)
        self.payments = Payments(self)
        self._started = True
        self.books.fund()
        self.books.post()
        self.portfolios.open()
        self.founders = FoundersAtWork(self) if rules.founders else None
        self._value_pools()
        self._commit_all(0)
        self.token.start()
        world.calendar.every(rules.step, Phase.EPOCHS, self._step, first=rules.step)
        for hook, regimes in self._regimes.items():
            self._follow(hook, regimes)
        self.foundation.tell("blocks", self._author)
        if self.founders:
            self.foundation.tell("root", self.founders.enable)
        self.report.register()
        world.recorder.checks.append(self.books.check)

    @property
    def _regimes(self) -> dict[str, Regimes[Any]]:
        rules = self.rules
        return {
            "consensus": rules.consensus,
            "shares": rules.emission.shares,
            "injection": rules.emission.injection,
            "uid_price": rules.uid_price,
            "pool_shape": rules.pool,
        }

    def _follow(self, hook: str, regimes: Regimes[Any]) -> None:
        for regime in regimes:
            time = -1.0 if regime.start is None else self.world.days_until(regime.start)
            if 0 < time <= self.world.horizon:
                self.world.calendar.at(time, Phase.REGIMES, partial(self._upgrade, hook, regime.rule))

    def _upgrade(self, hook: str, rule: Any) -> None:
        """A dated rule comes, if somebody can upgrade the chain."""
        if self.foundation["root"]:
            self.switch(hook, rule)

    def switch(self, hook: str, rule: Any) -> None:
        """Put another rule in force; pools change their shape with the reserves that they have."""
        self._mine()
        before = getattr(self, hook)
        setattr(self, hook, rule)
        if hook == "consensus":
            self.payday.change_rules()
        if hook == "shares" and before.flow_smoothing is None and rule.flow_smoothing is not None:
            self.coinbase.open_flows(rule.flow_smoothing)
        if hook == "pool_shape":
            if isinstance(before, NoPool):
                self._launch_alpha()
            for slot in self.chain.slots.tolist():
                pool = self.chain.pool(slot)
                self.chain.pools[slot] = rule.open(pool.alpha, pool.tao, pool.price)
        self.books.post()  # a recording may come before the next step

    def _launch_alpha(self) -> None:
        """Alpha begins: every subnet gets a pool out of what its owner had locked; all stake is on root.

        Source: opentensor/subtensor@14bc6f9f9 migrations/migrate_rao.rs (2025-02-13).
        """
        chain, tao = self.chain, round(self.rules.launch_pool * RAO)
        self.trades.hand_out_tao(self.payday.run(round(self.world.env.now / self.rules.step), at_once=True))
        self._take_from_public(tao * len(chain.slots))
        for slot in chain.slots.tolist():
            chain.author_tao += int(chain.pending.total[slot])
            chain.pending.clear(slot)
            open_pool(self, slot, tao, tao, 1.0)
            chain.started[slot] = chain.block
        self.portfolios.open()

    def _take_from_public(self, rao: int) -> None:
        """Owners' locks, which were in the public's hands in this model, become the chain's."""
        whole = -(-rao // int(self.world.scale))
        self.world.ledger.transfer(whole, self.token.asset, self.token.holders, self.books.dust)
        self.chain.author_tao += whole * int(self.world.scale) - rao

    def _root_votes(self, slots: Ints) -> tuple[Floats, Floats]:
        stake = self.chain.root_of_validators() / RAO
        return stake, self.electorate.root_votes(slots, self.quality[slots])

    @property
    def _height(self) -> int:
        """Blocks that have come since the start if all that are due now have."""
        return round(self.world.env.now * self.rules.blocks_per_day) - self._skipped

    def _mine(self) -> None:
        """Let all blocks up to now pass under the rules in force, if somebody authors them."""
        if self.foundation["blocks"]:
            self._pass_blocks()

    def _pass_blocks(self) -> None:
        due = self._height - self.chain.block
        self.coinbase.run(due, self.shares, self.injection, self.consensus.tao_weight)

    def _author(self, runs: bool) -> None:
        """The chain stops where it is, or goes on from where it stopped."""
        if runs:
            self._skipped += self._height - self.chain.block
        else:
            self._pass_blocks()
            self.books.post()

    # -- a step ----------------------------------------------------------------------------------------------

    def _step(self) -> None:
        n = round(self.world.env.now / self.rules.step) - 1
        chain = self.chain
        if not self.foundation["blocks"]:
            self._stand_still(n)
            return
        self._mine()
        self.payments.take()
        wages = self.last = self.payday.run(n)
        prices = self.prices_in_tao
        self._book_incomes(wages, prices)
        for act in self.before_step:
            act(n)
        if chain.has_alpha:
            returns = self._returns(wages, prices)
            orders = self.portfolios.orders(n, self.miners.key, returns)
            sales = self.trades.hand_out(wages)
            self.trades.sell(replace(sales, orders=orders.sell))
            self.trades.move(orders, self.idle)
            self.portfolios.redelegate(n, self._returns_of_validators(wages, prices), self._open_to_all)
        else:
            self.trades.hand_out_tao(wages)
        self._renew_miners(n)
        if self.founders:
            self.founders.consider(n)
        self._commit_all(n + 1)
        if blocks := chain.block - self._flows_to:
            self.coinbase.close_flows(blocks, self.shares.flow_smoothing)
        self._flows_to = chain.block
        self.books.post()
        self.payments.sell_purses()
        self._value_pools()

    def _stand_still(self, n: int) -> None:
        """A step without blocks: customers pay for what miners still do, and these live on what they have."""
        self.payments.take()
        self.miners.live(n, np.zeros(self.miners.works.shape))
        self.books.post()
        self._value_pools()
        self.pool_usd[:] = 0.0

    @property
    def prices_in_tao(self) -> Floats:
        """(s,) TAO per unit of what participants are paid in."""
        return self.chain.prices if self.chain.has_alpha else self.chain.alive.astype(np.float64)

    def _value_pools(self) -> None:
        """What miners share a day, and the quality that they deliver."""
        chain, step = self.chain, self.rules.step
        if self.last is not None:
            paid = self.last.miners.sum(axis=1) + self.last.grants.sum(axis=1)
        else:
            per_block = self.coinbase.reward * (1.0 - self.rules.emission.owner_cut) / 2.0
            each = 1.0 if chain.has_alpha else 1.0 / max(len(chain.slots), 1)
            paid = per_block * each * self.blocks * (1.0 - chain.withheld)
        self.pool_usd = np.where(chain.alive, paid, 0.0) / RAO * self.prices_in_tao * self.token.price / step
        shares = self.payday.incentive
        quality = self.miners.quality
        unpaid = np.logical_not(shares.any(axis=1))
        working = self.miners.works / np.maximum(self.miners.works.sum(axis=1, keepdims=True), 1)
        self.quality = chain.alive * (np.where(np.reshape(unpaid, (-1, 1)), working, shares) * quality).sum(
            axis=1
        )

    def _commit_all(self, n: int) -> None:
        """Validators look at miners, and commit weights for step ``n``."""
        quality = self.miners.quality
        for slot in self.chain.slots.tolist():
            rules = self.payday.rules(slot)
            delay = -(-rules.reveal_period // (self.blocks // rules.tempo))
            if self.electorate.evaluate(n, slot, quality[slot]) or self.electorate.may_differ(slot):
                self.electorate.commit(n, slot, delay, self.payday.weight[slot])

    def register_miner(self, slot: int, who: Newcomer, role: int) -> bool:
        """Buy a UID now for somebody who acts on the network; False without the TAO or a place."""
        place = self.miners.register(
            slot, who, role, self.uid_price, self.payday.rules(slot), self.payments.pay_for_uid
        )
        if place is None:
            return False
        self.payday.seat(slot, self.miners.first + place)
        return True

    def _renew_miners(self, n: int) -> None:
        chain = self.chain
        taken = self.miners.renew(
            n,
            chain.slots,
            self.blocks,
            self.pool_usd,
            self.token.price,
            self.uid_price,
            self.payday.rules,
            self.payments.pay_for_uid,
        )
        for slot, place in taken:
            self.payday.seat(slot, self.miners.first + place)

    # -- incomes ---------------------------------------------------------------------------------------------

    def _book_incomes(self, wages: Wages, prices: Floats) -> None:
        """Let people know what they earned a day, USD at the prices of now."""
        chain, rate = self.chain, self.token.price / RAO / self.rules.step
        usd = (prices * rate)[:, None]
        n = round(self.world.env.now / self.rules.step) - 1
        self.miners.live(n, wages.miners * usd)
        voters = chain.validators
        income = (wages.to_holders[:, :voters] + wages.claims[:, :voters]) * usd
        dividends = wages.take + wages.rest
        self.take_income = wages.take * usd
        gain = dividends / np.maximum(self.payday.weight, 1.0)
        self.electorate.choose(income, gain)
        self.owner_income = wages.owners * usd[:, 0]
        total = (
            wages.miners.sum(axis=1)
            + wages.grants.sum(axis=1)
            + wages.owners
            + wages.take.sum(axis=1)
            + wages.rest.sum(axis=1)
        )
        self.subsidy_usd += float((total * usd[:, 0]).sum()) * self.rules.step
        self.report.add(wages, usd[:, 0] * self.rules.step)

    def _returns(self, wages: Wages, prices: Floats) -> Floats:
        """(s + 1,) yearly dividends after take per worth staked, on subnets and on root."""
        chain, per_year = self.chain, DAYS_PER_YEAR / self.rules.step
        claims = wages.claims.sum(axis=1)
        staked = np.maximum(chain.alpha_of_validators().sum(axis=1), 1)
        local = (wages.rest.sum(axis=1) - claims) / staked
        on_root = float((claims * prices).sum()) / max(int(chain.root.sum()), 1)
        return np.append(local, on_root) * per_year

    def _returns_of_validators(self, wages: Wages, prices: Floats) -> Floats:
        """(v,) yearly dividends after take per worth staked with each validator."""
        chain = self.chain
        worth = chain.root_of_validators() + prices @ chain.alpha_of_validators()
        return np.asarray((prices @ wages.rest) / np.maximum(worth, 1) * DAYS_PER_YEAR / self.rules.step)

    @property
    def _open_to_all(self) -> NDArray[np.bool_]:
        """(v,) validators that take others' stake."""
        return np.arange(self.chain.validators) < self.residents

    # -- what others ask -------------------------------------------------------------------------------------

    @property
    def served(self) -> float:
        """Real USD that customers have paid subnets since the start."""
        return self.revenue_usd

    @property
    def flows(self) -> Flows:
        """What customers paid and what was created for participants since the start."""
        return Flows(self.revenue_usd, self.subsidy_usd)

    @property
    def emission_level(self) -> float:
        """Factor on the TAO that a block creates."""
        return self.coinbase.level

    def change_emission(self, level: float) -> None:
        """Multiply what blocks create by ``level`` from the next step on."""
        self.coinbase.level = level
