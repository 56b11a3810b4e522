"""A part of the Render network on the clock: a tier of rendering nodes, or a part of the compute subnet."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdai.economy.actors import World
from simdai.economy.compute_network import MICRO, ComputeNetwork, Paid, Rows
from simdai.economy.ledger import WORLD
from simdai.economy.providers import Providers
from simdai.economy.token_market import TokenMarket
from simdai.mechanisms.burn_mint import (
    EPOCH_HOURS,
    render_compute_availability,
    render_compute_job_reward,
)
from simdai.mechanisms.reward import EpochWork
from simdai.networks.render_rules import (
    AskedRewards,
    ComputePart,
    CreditPrice,
    HourlyRewards,
    HourPrice,
    Nodes,
    Tier,
)
from simdai.networks.render_treasury import Treasuries

__all__ = ["Done", "Part"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Done = tuple[Rows, EpochWork]


class Part(ComputeNetwork):
    """One venue of the network; the network itself settles for all its parts at once.

    Customers' payments all go to ``NAME.fees``. Nodes are paid in tokens alone.

    Parameters
    ----------
    octanebench : OctaneBench score of a speed-1 GPU, for tiers
    fee : share of a payment that the operator takes at the start
    """

    def __init__(
        self,
        rules: Tier | ComputePart,
        world: World,
        name: str,
        *,
        token: TokenMarket,
        epoch: float,
        step: float,
        octanebench: float,
        fee: float,
    ) -> None:
        self.rules, self.octanebench, self.fee = rules, octanebench, fee
        self._price_rule = first = rules.price.at(world.start_date)
        self.usd_used = 0
        """Micro-USD of payments handed on since the start."""
        self.reward_usd: dict[str, dict[str, float]] = {
            population: {"jobs": 0.0, "availability": 0.0} for population in rules.providers
        }
        super().__init__(
            world,
            name,
            providers=rules.providers,
            token=token,
            epoch=epoch,
            step=step,
            price=usd_of(first, octanebench, fee, world),
            take_rate=1.0,
            functions={},  # the network's, not its parts'
            **rules.match.venue_options(),
        )
        for alike in self.populations.values():
            alike.blind = epoch  # they live on tokens alone
        self.withheld = {
            population: world.ledger.block(f"{name}.withheld.{population}", token.asset)
            for population in (rules.providers if self.stake_usd else ())
        }
        self._withheld_usd = {population: np.zeros(0) for population in self.withheld}
        self.granted_usd = 0.0
        """Simulated USD that the foundation paid of customers' prices since the start."""
        self._granted_to = 0.0
        self.funded = True
        """Whether the foundation pays its grants."""
        self.rebate = self._grant

    @property
    def stake_usd(self) -> float:
        """First earnings of a node that are withheld."""
        return self.rules.withheld if isinstance(self.rules, ComputePart) else 0.0

    @property
    def _grant(self) -> float:
        """USD per GPU-hour of a speed-1 device that the foundation pays of the price."""
        assert self.price is not None
        return self.price * self._granted

    @property
    def _granted(self) -> float:
        """Share of the price that the foundation pays."""
        return self.rules.granted if isinstance(self.rules, ComputePart) and self.funded else 0.0

    def fund(self, runs: bool) -> None:
        """The foundation begins or ends to pay its grants."""
        before, self.funded = self._grant, runs
        self.rebate += self._grant - before

    def start(self) -> None:
        super().start()
        self.follow("prices", self.rules.price)
        for population, sums in self.reward_usd.items():
            for what in sums:
                self._report_income(population, what)
        self.world.at_window(self._start_income)

    def switch(self, hook: str, rule: Any) -> None:
        """Put another rule in force; prices reach the venue at once."""
        if hook == "prices":
            self._price_rule = rule
            self.set_price(self.fee)
        else:
            super().switch(hook, rule)

    def set_price(self, fee: float) -> None:
        """Charge what the price in force makes of the operator's fee."""
        self.fee, before = fee, self._grant
        self.price = usd_of(self._price_rule, self.octanebench, fee, self.world)
        self.rebate += self._grant - before
        self.tell_price()

    def settle(self) -> None:
        """Nothing: the network has settled, just before."""

    def pay_grants(self, treasuries: Treasuries) -> None:
        """Pay customers back what the foundation has granted of the work completed since the last time."""
        share = self._granted
        revenue = self.world.compute.revenue(self.venue)
        wanted, self._granted_to = round(share * (revenue - self._granted_to)), revenue
        account = treasuries.raise_usd("grants", wanted)
        paid = min(wanted, self.world.ledger.balance("USD", account))
        self.world.ledger.transfer(paid, "USD", account, WORLD)
        self.granted_usd += paid / MICRO

    # -- the stake that nodes earn ---------------------------------------------------------------------------

    def targets(self, population: Providers, k: Ints, amounts: Ints, token: TokenMarket) -> tuple[Ints, Ints]:
        """How much of ``amounts`` the rows ``k`` get, and how much is withheld as their stake."""
        nothing = np.zeros(len(k), dtype=np.int64)
        name = next((name for name, mine in self.populations.items() if mine is population), "")
        if name not in self.withheld:
            return amounts, nothing
        block, usd = self.withheld[name], self._withheld_usd[name]
        new = len(population.book.alive) - len(block)
        block.extend(new)
        usd = np.concatenate([usd, np.zeros(new)])
        room = np.maximum(self.stake_usd * population.rules.gpus - usd[k], 0.0)
        kept = np.minimum(amounts, np.floor(room * token.units_per_usd).astype(np.int64))
        usd[k] += kept / token.units_per_usd
        self._withheld_usd[name] = usd
        return amounts - kept, kept

    def release_stakes(self) -> None:
        """Nodes that have left get what was withheld."""
        for name, block in self.withheld.items():
            population = self.populations[name]
            assert self.token is not None
            balances = self.world.ledger.accounts(self.token.asset).balances
            gone = np.flatnonzero(~population.book.alive[: len(block)])
            for row in gone[balances[block.indices[gone]] > 0].tolist():
                source, target = int(block.indices[row]), int(population.book.token_account[row])
                self.world.ledger.transfer(int(balances[source]), self.token.asset, source, target)

    def _start_income(self) -> None:
        self._income_then = {population: dict(sums) for population, sums in self.reward_usd.items()}

    def _report_income(self, population: str, what: str) -> None:
        name, scale = f"{self.name}.providers.{population}.{what}_usd", self.world.scale
        self.world.recorder.series(name, "USD", lambda: scale * self.reward_usd[population][what])
        self.world.recorder.outcome(
            name,
            "USD",
            lambda: scale * (self.reward_usd[population][what] - self._income_then[population][what]),
        )

    # -- the epoch's work ------------------------------------------------------------------------------------

    def take_epoch(self) -> list[Done]:
        """Who did something since the last epoch, and what, in hours of its own GPUs; by population."""
        done = [(p, *p.book.take_epoch(1.0)) for p in self.populations.values()]
        return [((p, k), work) for p, k, work in done]

    def compute_rewards(self, done: list[Done], day: datetime.date) -> tuple[Floats, Floats]:
        """Tokens for availability and for jobs of every row by the rule of a day, before the month's cap."""
        assert isinstance(self.rules, ComputePart)
        rates = self.rules.rewards.at(day)
        if isinstance(rates, AskedRewards):
            assert self.token is not None
            hired = np.concatenate([np.empty(0), *(work.gpu_hours for _, work in done)])
            return np.zeros(len(hired)), hired * rates.ask / self.token.price
        if not isinstance(rates, HourlyRewards):  # paid by the month
            n = sum(len(k) for (_, k), _ in done)
            return np.zeros(n), np.zeros(n)
        available: list[float] = []
        jobs: list[float] = []
        for (population, _), work in done:
            rules = population.rules
            assert isinstance(rules, Nodes)
            for online, hired in zip(work.online_hours, work.gpu_hours, strict=True):
                uptime = min(online / rules.gpus / (24.0 * self.epoch), 1.0)
                hours = min(hired / rules.gpus / (24.0 * self.epoch), 1.0) * EPOCH_HOURS
                available.append(render_compute_availability(uptime, rates.availability))
                jobs.append(
                    rules.gpus * render_compute_job_reward(rules.compute_multiplier, hours, rates.job)
                )
        return np.array(available), np.array(jobs)

    def note_income(self, what: str, paid: list[Paid], token: TokenMarket) -> None:
        """Add what was paid to this part's populations to their income, at the price in force."""
        for population, _, amounts in paid:
            for name, mine in self.populations.items():
                if mine is population:
                    usd = float(amounts.sum()) / token.units_per_usd
                    self.reward_usd[name][what] += usd
                    self.subsidy_usd += usd


def usd_of(price: CreditPrice | HourPrice, octanebench: float, fee: float, world: World) -> float:
    """USD per GPU-hour of a speed-1 device that customers pay where the operator takes ``fee`` of it."""
    if isinstance(price, CreditPrice):
        return price.usd_per_gpu_hour(octanebench)
    return price.customer_price(fee) / world.hardware[price.hardware].speed
