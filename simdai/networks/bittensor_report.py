"""What Bittensor reports: who gets the emission, who holds the stake, what it takes, what it is good for."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from simdai.economy.actors import World
from simdai.economy.flows import FlowsReport
from simdai.mechanisms.concentration import gini, nakamoto, top_share
from simdai.mechanisms.security import cost_to_attack
from simdai.networks.bittensor_payday import Wages
from simdai.networks.bittensor_rules import RAO

if TYPE_CHECKING:
    from simdai.networks.bittensor_network import BittensorNetwork

__all__ = ["BittensorReport"]

Floats: TypeAlias = NDArray[np.float64]
Measure: TypeAlias = tuple[str, Callable[[], float]]

MAJORITY = 0.5
DAYS_PER_YEAR = 365.25
SHARES = ("miners", "validators", "stakers", "owners", "nobody")
OF_PAYDAYS = (
    *("subnets.paying", "miners.margin", "miners.gini", "owners.margin"),
    *("validators.count", "validators.margin", "validators.gini", "validators.nakamoto"),
)
"""Levels that the last payday gave."""


class BittensorReport:
    """Registers the network's series and outcomes: levels at the end, sums since the warm-up, real units."""

    def __init__(self, network: BittensorNetwork, world: World) -> None:
        self.network, self.world = network, world
        self.paid: dict[str, float] = dict.fromkeys(SHARES, 0.0)
        """Real USD since the start, by who got it; "nobody" is burned or recycled."""
        self.tao: defaultdict[str, float] = defaultdict(float)
        """TAO emitted since the start, by subnet."""
        self.earned = np.zeros(0)
        """(v,) USD of dividends that each validator got since the start."""
        self._seen_tao = np.zeros(0)

    def add(self, wages: Wages, usd: Floats) -> None:
        """Count what a step paid, at ``usd`` USD a rao in each slot."""
        network = self.network
        to_holders = wages.take.sum(axis=1)
        amounts = {
            "miners": wages.miners.sum(axis=1) + wages.grants.sum(axis=1),
            "validators": to_holders,
            "stakers": wages.rest.sum(axis=1),
            "owners": wages.owners,
            "nobody": wages.withheld,
        }
        for who, rao in amounts.items():
            self.paid[who] += float(rao @ usd)
        self.earned = self.earned + usd @ (wages.take + wages.rest)
        new = network.coinbase.tao / RAO - self._seen_tao
        for slot in np.flatnonzero(new).tolist():
            self.tao[network.chain.names[slot]] += float(new[slot])
        self._seen_tao = network.coinbase.tao / RAO

    def register(self) -> None:
        """Put everything on the recorder."""
        network, recorder, name = self.network, self.world.recorder, self.network.name
        self.earned = np.zeros(network.chain.validators)
        self._seen_tao = np.zeros(len(network.chain.alive))
        for measure, (unit, function) in {**self._levels(), **self._people()}.items():
            recorder.series(f"{name}.{measure}", unit, function, looks_back=measure in OF_PAYDAYS)
            recorder.outcome(f"{name}.{measure}", unit, function)
        for measure, (unit, function) in {**self._flows(), **self._survival(), **self._epochs()}.items():
            recorder.outcome(f"{name}.{measure}", unit, function)
        for who in SHARES:
            recorder.series(f"{name}.emission.{who}_share", "1", lambda who=who: self._share(who))  # type: ignore[misc]
        FlowsReport(network, self.world, name).register()
        self.world.at_window(self._start_window)

    def _start_window(self) -> None:
        network, miners = self.network, self.network.miners
        self._then = dict(self.paid)
        self._tao_then = defaultdict(float, self.tao)
        self._earned_then = self.earned.copy()
        self._miners_then = np.where(miners.works, miners.ids, 0)
        self._runs_then = network.electorate.runs & network.chain.alive[:, None]
        self._subnets_then = {s.name for s in network.subnets.values() if s.alive}
        self._counts_then = self._counts()
        self._time_then = self.world.env.now
        self._issuance_then = network.chain.issuance
        self._volume_then = network.chain.volume

    # -- levels ----------------------------------------------------------------------------------------------

    def _levels(self) -> dict[str, Measure]:
        network, chain = self.network, self.network.chain
        levels: dict[str, Measure] = {
            "subnets.count": ("count", lambda: float(chain.alive.sum())),
            "owners.count": ("count", lambda: float(chain.alive.sum())),
            "subnets.paying": ("count", lambda: float((network.coinbase.share > 0.0).sum())),
            "root_share": ("1", lambda: float(chain.root.sum()) / chain.issuance),
            "alpha.price_sum": ("token", lambda: float(chain.prices.sum())),
            "alpha.market_cap_usd": ("USD", self._alpha_cap),
            "cost_to_attack_usd": ("USD", self._cost_to_attack),
            "validators.gini": ("1", lambda: gini(network.payday.weight.sum(axis=0))),
            "validators.nakamoto": ("count", lambda: self._nakamoto(network.payday.weight.sum(axis=0))),
        }
        for domain in dict.fromkeys(s.domain for s in network.subnets.values()):
            levels[f"{domain}.quality"] = "1", lambda d=domain: self._quality(d)  # type: ignore[misc]
        return levels

    def _people(self) -> dict[str, Measure]:
        network = self.network
        miners, voters = network.miners, network.electorate
        return {
            "miners.count": ("count", lambda: float(miners.works.sum())),
            "miners.margin": ("1", lambda: margin(miners.income * miners.works, miners.spending)),
            "miners.gini": ("1", lambda: gini((miners.income * miners.works).ravel())),
            "validators.count": ("count", lambda: float((network.payday.weight > 0.0).any(axis=0).sum())),
            "validators.per_subnet": ("count", self._voters_per_subnet),
            "validators.margin": ("1", lambda: margin(network.take_income, voters.spending)),
            "owners.margin": ("1", self._owners_margin),
        }

    def _voters_per_subnet(self) -> float:
        alive = self.network.chain.alive
        return float(self.network.electorate.runs[alive].sum(axis=1).mean()) if alive.any() else math.nan

    def _owners_margin(self) -> float:
        network = self.network
        costs = np.array([0.0 if terms is None else terms.owner_cost for terms in network.chain.types])
        kept = np.array([0.0 if terms is None else 1.0 - terms.buyback for terms in network.chain.types])
        alive = network.chain.alive
        return margin((network.owner_income + kept * network.revenue_of) * alive, costs * alive)

    def _alpha_cap(self) -> float:
        chain = self.network.chain
        return float(chain.prices @ chain.alpha_outside) / RAO * self.network.token.price

    def _quality(self, domain: str) -> float:
        """Of the domain's subnets, by what their miners are paid."""
        subnets = [s for s in self.network.subnets.values() if s.alive and s.domain == domain]
        weights = np.array([s.emission_usd_per_day for s in subnets])
        quality = np.array([s.quality_index for s in subnets])
        return float(weights @ quality / weights.sum()) if weights.any() else math.nan

    def _cost_to_attack(self) -> float:
        """USD of as much stake as votes on the middling paying subnet, bought from its holders.

        No pool holds so much alpha: what is bought is outside it, at the price of the pool.
        """
        network = self.network
        paying = np.flatnonzero(network.coinbase.share > 0.0)
        weights = network.payday.weight.sum(axis=1)[paying] / RAO
        if not len(paying):
            return math.nan
        middling = int(np.argsort(weights, kind="stable")[len(weights) // 2])
        price = network.prices_in_tao[paying[middling]] * network.token.price
        return cost_to_attack(float(weights[middling]), MAJORITY, price, impact=0.0)

    @staticmethod
    def _nakamoto(sizes: Floats) -> float:
        return nakamoto(sizes, MAJORITY) if sizes.sum() > 0.0 else math.nan

    # -- sums ------------------------------------------------------------------------------------------------

    def _share(self, who: str) -> float:
        since = {name: self.paid[name] - self._then[name] for name in SHARES}
        total = sum(since.values())
        return since[who] / total if total else math.nan

    def _flows(self) -> dict[str, Measure]:
        network, chain = self.network, self.network.chain

        def by_subnet() -> list[float]:
            return [tao - self._tao_then[name] for name, tao in self.tao.items()] or [0.0]

        flows: dict[str, Measure] = {
            "emission.tao": ("token", lambda: sum(by_subnet())),
            "emission.top10_share": ("1", lambda: top_share(by_subnet(), 10)),
            "emission.gini": ("1", lambda: gini(by_subnet())),
            "emission.nakamoto": ("count", lambda: self._nakamoto(np.array(by_subnet()))),
            "emission.bought_share": (
                "1",
                lambda: float(network.coinbase.bought.sum()) / max(float(network.coinbase.tao.sum()), 1.0),
            ),
            "validators.reward_gini": ("1", lambda: gini(self.earned - self._earned_then)),
            "validators.reward_nakamoto": ("count", lambda: self._nakamoto(self.earned - self._earned_then)),
            "dilution": ("1/y", lambda: (chain.issuance / self._issuance_then - 1.0) * self._per_year()),
            "velocity": (
                "1/y",
                lambda: (chain.volume - self._volume_then) / chain.issuance * self._per_year(),
            ),
        }
        for who in SHARES:
            flows[f"emission.{who}_share"] = "1", lambda who=who: self._share(who)  # type: ignore[misc]
        return flows

    def _per_year(self) -> float:
        days = self.world.env.now - self._time_then
        return DAYS_PER_YEAR / days if days > 0.0 else math.nan

    def _counts(self) -> Counter[str]:
        miners, founders = self.network.miners, self.network.founders
        return Counter(
            {
                "miners.joined": miners.joined,
                "miners.left": miners.left,
                "miners.pruned": miners.pruned,
                "subnets.registered": founders.registered if founders else 0,
                "subnets.removed": founders.removed if founders else 0,
            }
        )

    def _survival(self) -> dict[str, Measure]:
        counted: dict[str, Measure] = {
            what: ("count", lambda what=what: float(self._counts()[what] - self._counts_then[what]))  # type: ignore[misc]
            for what in self._counts()
        }
        return {
            **counted,
            "miners.retention": ("1", self._miners_retention),
            "validators.retention": ("1", self._validators_retention),
            "owners.retention": ("1", self._owners_retention),
        }

    def _miners_retention(self) -> float:
        miners = self.network.miners
        now = miners.works & (miners.ids == self._miners_then)
        then = int((self._miners_then != 0).sum())
        return float((now & (self._miners_then != 0)).sum()) / then if then else math.nan

    def _validators_retention(self) -> float:
        then = int(self._runs_then.sum())
        now = self.network.electorate.runs & self.network.chain.alive[:, None]
        return float((now & self._runs_then).sum()) / then if then else math.nan

    def _owners_retention(self) -> float:
        now = {s.name for s in self.network.subnets.values() if s.alive}
        return len(now & self._subnets_then) / len(self._subnets_then) if self._subnets_then else math.nan

    def _epochs(self) -> dict[str, Measure]:
        def share(place: int) -> float:
            counts = self.network.payday.counts()
            return counts[place] / counts[0] if counts[0] else math.nan

        return {
            "epochs.count": ("count", lambda: float(self.network.payday.counts()[0])),
            "epochs.saved_share": ("1", lambda: share(1)),
            "epochs.at_rest_share": ("1", lambda: share(2)),
        }


def margin(income: Floats, spending: Floats) -> float:
    """Income of all less spending, over spending; nan when nothing is spent."""
    spent = float(spending.sum())
    return float(income.sum()) / spent - 1.0 if spent > 0.0 else math.nan
