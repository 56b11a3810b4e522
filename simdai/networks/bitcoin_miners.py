"""Bitcoin's miners: sites that run while it pays, switch off, come back, give up, and new ones that join."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from simdai.economy.ledger import WORLD
from simdai.economy.token_market import TokenMarket
from simdai.mechanisms.bitcoin_mining import machine_value, miner_margin, mining_cost_per_hash
from simdai.networks.bitcoin_rules import Entry, Manners, MinerGroup

if TYPE_CHECKING:
    from simdai.economy.actors import World

__all__ = ["Miners"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

MICRO = 10**6
TH_PER_EH = 1e6
UNIT_COST = mining_cost_per_hash(1e-12, 1.0) * 1e12 * 86_400  # USD a day of 1 TH/s with 1 J/TH at 1 USD/kWh
DAYS_PER_YEAR = 365.25
MOST_SPELLS = 1 << 16
NEVER = np.inf

EFFICIENCY, ELECTRICITY, SIZE, LAG = range(4)
"""Numbers of a site's stream."""
PATIENCE, RESTART = range(2)
"""Numbers of a site's spell of running: how much it is ready to lose, how long it takes to come back."""


class Miners:
    """All sites, in columns; hash rates in TH/s, money simulated.

    Accounts: the blocks ``NAME.miners`` in BTC and USD, one row a site.

    Attributes
    ----------
    th : (n,) hash rate that a site has
    joules : (n,) J/TH
    daily_cost : (n,) USD a day of one TH/s
    on, gone : (n,) bool; a site that is neither is switched off
    barred_until : (n,) day up to which somebody forbids a site to run
    """

    def __init__(
        self,
        groups: Mapping[Any, MinerGroup],
        manners: Manners,
        entry: Entry | None,
        world: World,
        name: str,
        token: TokenMarket,
    ) -> None:
        self.manners, self.entry, self.world, self.name, self.token = manners, entry, world, name, token
        self.btc = world.ledger.block(f"{name}.miners", token.asset)
        self.usd = world.ledger.block(f"{name}.miners", "USD")
        self.th = self.joules = self.daily_cost = self.lost = self.since = np.empty(0)
        self.patience = self.restart_lag = self.restart_at = self.barred_until = np.empty(0)
        self.spell = np.empty(0, np.int64)
        self._spells = world.entity("miners.spells", name)
        self.on = self.gone = np.empty(0, bool)
        self.group = np.empty(0, np.int64)
        self.groups = list(groups)
        for number, (group, rules) in enumerate(groups.items()):
            self._settle_in(number, str(group), rules)
        self._newcomers = world.entity("miners.entry", name)
        self._ordered = 0.0  # TH/s ordered that do not yet make a site
        self._orders: list[tuple[float, int]] = []  # (day of the first hash, number) of sites on their way
        self._sites_ordered = 0
        if entry is not None:
            self._expect(entry)
        self.entries = self.exits = self.restarts = self.stops = 0
        self.invested_usd = 0.0
        """Spent on machines of new sites since the start, real USD."""

    def _expect(self, rules: Entry) -> None:
        """Have the sites on order whose machines were bought before the start."""
        self._sites_ordered = int(rules.on_order / rules.site)
        numbers = np.arange(self._sites_ordered)
        days = rules.lag_high * self._newcomers.uniforms(numbers, LAG)
        self._orders = list(zip(days.tolist(), numbers.tolist(), strict=True))

    def _settle_in(self, number: int, group: str, rules: MinerGroup) -> None:
        """The sites of a group that are there at the start."""
        ids = np.arange(rules.sites)
        luck = self.world.entity("miners", self.name, group)
        normals = [ndtri(luck.uniforms(ids, what) + 2.0**-54) for what in (EFFICIENCY, ELECTRICITY, SIZE)]
        size = np.exp(rules.size_spread * normals[SIZE])
        self._add(
            th=rules.hash_rate * TH_PER_EH * size / size.sum(),
            joules=rules.efficiency * np.exp(rules.efficiency_spread * normals[EFFICIENCY]),
            power=rules.electricity * np.exp(rules.electricity_spread * normals[ELECTRICITY])
            + rules.other_cost,
            group=number,
        )

    def _add(self, th: Floats, joules: Floats, power: Floats, group: int) -> None:
        """Sites with their reserve, brought from outside; ``power`` is all that a kWh costs."""
        n = len(th)
        cost = UNIT_COST * joules * power
        for column, new in (("th", th), ("joules", joules), ("daily_cost", cost)):
            setattr(self, column, np.append(getattr(self, column), new))
        columns = {"lost": 0.0, "since": self.world.env.now, "restart_at": NEVER, "barred_until": -NEVER}
        for column, value in (columns | {"patience": 0.0, "restart_lag": 0.0}).items():
            setattr(self, column, np.append(getattr(self, column), np.full(n, value)))
        self.spell = np.append(self.spell, np.zeros(n, np.int64))
        self.on = np.append(self.on, np.ones(n, bool))
        self.gone = np.append(self.gone, np.zeros(n, bool))
        self.group = np.append(self.group, np.full(n, group))
        self.btc.extend(n)
        self._draw_spells(np.arange(len(self.on) - n, len(self.on)))
        places = self.usd.extend(n)
        reserve = self._micro(th * cost * self.manners.reserve)
        self.world.ledger.pay_out(reserve, "USD", WORLD, places)

    def _draw_spells(self, k: Ints) -> None:
        """Luck of the spell that each of these sites is in; a site's spells have numbers of their own."""
        for column, what, mean in (
            ("patience", PATIENCE, self.manners.patience),
            ("restart_lag", RESTART, self.manners.restart_lag),
        ):
            uniforms = self._spells.uniforms(k * MOST_SPELLS + self.spell[k], what)
            getattr(self, column)[k] = -mean * np.log1p(-uniforms)

    def _micro(self, usd: Floats) -> Ints:
        """Real USD as simulated micro-USD, rounded down."""
        return np.floor(usd / self.world.scale * MICRO).astype(np.int64)

    # -- what they are ---------------------------------------------------------------------------------------

    @property
    def running(self) -> Floats:
        """(n,) TH/s at work."""
        return np.where(self.on, self.th, 0.0)

    @property
    def hash_rate(self) -> float:
        """Hashes a second of all that run."""
        return float(self.running.sum()) * 1e12

    @property
    def watts(self) -> float:
        """Power that they draw."""
        return float((self.running * self.joules).sum())

    def margins(self, revenue: float) -> Floats:
        """(n,) part of the revenue left after running cost, at ``revenue`` USD a day of one TH/s."""
        return miner_margin(revenue, self.daily_cost) if revenue > 0 else np.full(len(self.th), -np.inf)

    def liquidity_days(self, revenue: float) -> float:
        """Days that the median hash at work can be run on what its site holds and earns; at most 10 years."""
        k = np.flatnonzero(self.on)
        if not len(k):
            return 0.0
        ledger, token = self.world.ledger, self.token
        usd = ledger.accounts("USD").balances[self.usd.indices[k]] / MICRO
        btc = ledger.accounts(token.asset).balances[self.btc.indices[k]] / token.units_per_usd
        burn = self.th[k] * np.maximum(self.daily_cost[k] - revenue, 1e-12) / self.world.scale
        days = np.minimum((usd + btc) / burn, 10 * DAYS_PER_YEAR)
        order = np.argsort(days)
        weight = np.cumsum(self.th[k][order])
        return float(days[order][np.searchsorted(weight, weight[-1] / 2)])

    # -- income and cost -------------------------------------------------------------------------------------

    def receive(self, units: int, source: str, weights: Floats) -> Ints:
        """Share base units from the account ``source`` by ``weights``; returns each site's."""
        amounts = self.world.ledger.split(units, weights)
        self.world.ledger.pay_out(amounts, self.token.asset, source, self.btc.indices)
        return amounts

    def pay(self, income: Ints, days: float, extra: Floats | None = None) -> None:
        """Pay for ``days`` of running, out of ``income`` and what is held; who cannot, leaves.

        ``extra`` is the USD of other cost of each site. What is left above the reserve goes to the owners.
        """
        ledger, token, rules = self.world.ledger, self.token, self.manners
        cost = self._micro(self.running * self.daily_cost * days + (0.0 if extra is None else extra))
        held = ledger.accounts(token.asset).balances[self.btc.indices]
        needed = np.ceil(cost / MICRO * token.units_per_usd).astype(np.int64)
        beyond = np.maximum(income - needed, 0)
        tokens = np.minimum(needed + np.floor(beyond * rules.sold).astype(np.int64), held)
        tokens[self.gone] = held[self.gone]
        token.sell_block(tokens, self.btc.indices, self.usd.indices)
        cash = ledger.accounts("USD").balances[self.usd.indices]
        paid = np.minimum(cost, cash)
        reserve = self._micro(np.where(self.gone, 0.0, self.th * self.daily_cost * rules.reserve))
        to_owners = np.maximum(cash - paid - reserve, 0)
        ledger.collect(paid + to_owners, "USD", self.usd.indices, WORLD)
        self.leave(np.flatnonzero(paid < cost))

    def leave(self, k: Ints) -> None:
        """Sites leave for good; what they hold they sell at the next settlement."""
        self.exits += len(k)
        self.on[k], self.gone[k] = False, True

    # -- decisions -------------------------------------------------------------------------------------------

    def decide(self, now: float, days: float, revenue: float) -> Floats:
        """Switch off, on or give up, expecting ``revenue`` USD a day of one TH/s.

        Returns (n,) USD that it costs to come back.
        """
        rules, margins = self.manners, self.margins(revenue)
        present, barred = ~self.gone, now < self.barred_until
        losing = self.on & (margins < 0.0)
        self.lost = np.where(losing, self.lost - margins * days, 0.0)
        stop = self.on & ((losing & (self.lost > self.patience)) | barred)
        self.on[stop], self.since[stop] = False, now
        self.spell[stop] += 1
        self._draw_spells(np.flatnonzero(stop))
        self.stops += int(stop.sum())
        wish = present & ~self.on & ~barred & (margins > rules.restart_margin)
        waiting = np.isfinite(self.restart_at)
        self.restart_at = np.where(wish, np.where(waiting, self.restart_at, now + self.restart_lag), NEVER)
        start = wish & (self.restart_at <= now)
        self.on[start] = True
        self.restart_at[start] = NEVER
        self.restarts += int(start.sum())
        self.leave(np.flatnonzero(present & ~self.on & ~barred & (now - self.since > rules.gives_up)))
        return np.where(start, rules.restart_cost * self.th, 0.0)

    def order(self, now: float, days: float, revenue: float) -> None:
        """Sites whose machines have come begin; more are ordered while one is worth more than it costs.

        Parameters
        ----------
        now : day; days : since the last time; revenue : expected, USD a day of one TH/s
        """
        rules = self.entry
        if rules is None:
            return
        self._arrive(now, rules)
        joules, price = self.world.on(rules.efficiency), self.world.on(rules.price)
        cost = UNIT_COST * joules * (rules.electricity + rules.other_cost)
        delay = 0.5 * (rules.lag_low + rules.lag_high) / DAYS_PER_YEAR
        value = machine_value(
            revenue * DAYS_PER_YEAR,
            cost * DAYS_PER_YEAR,
            rules.decline,
            rules.annual_return,
            rules.life / DAYS_PER_YEAR,
            delay,
        )
        excess = value / price - 1.0
        self.value_of_entry = excess
        if excess <= 0.0:
            return
        self._ordered += float(self.running.sum()) * min(rules.speed * excess, rules.ceiling) * days
        while self._ordered >= rules.site * TH_PER_EH:
            self._ordered -= rules.site * TH_PER_EH
            number = self._sites_ordered
            lag = float(self._newcomers.uniforms([number], LAG)[0])
            self._orders.append((now + rules.lag_low + lag * (rules.lag_high - rules.lag_low), number))
            self._sites_ordered += 1
            self.invested_usd += rules.site * TH_PER_EH * price

    def _arrive(self, now: float, rules: Entry) -> None:
        here = sorted(number for day, number in self._orders if day <= now)
        if not here:
            return
        self._orders = [order for order in self._orders if order[0] > now]
        ids = np.array(here)
        normal = ndtri(self._newcomers.uniforms(ids, ELECTRICITY) + 2.0**-54)
        power = rules.electricity * np.exp(rules.electricity_spread * normal) + rules.other_cost
        th = np.full(len(ids), rules.site * TH_PER_EH)
        self._add(th, np.full(len(ids), self.world.on(rules.efficiency)), power, len(self.groups))
        self.entries += len(ids)
