"""Populations of providers: what they earn, and how they leave, enter and set their prices."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from simdai.economy.actors import World
from simdai.economy.barred import Barred
from simdai.economy.compute_market import Venue, asks_in_micro_usd
from simdai.economy.draws import RowDraws
from simdai.economy.laws import Exponential
from simdai.economy.ledger import WORLD
from simdai.economy.measures import Increment
from simdai.economy.population import Behaviour, Population
from simdai.economy.provider_book import ProviderBook
from simdai.economy.switching import Movers
from simdai.kernel import PoolSpec
from simdai.mechanisms import provider_choice as choice
from simdai.mechanisms.choice import weight_of_new
from simdai.mechanisms.rounding import largest_remainder

__all__ = ["Providers"]

HOURS = 24.0
MICRO = 10**6

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Providers:
    """A population on the clock.

    One pool of the market for each jurisdiction. Everything individual comes from streams keyed by the pool
    and the provider's place in it, and by the day: who enters, leaves or is banned changes nobody else's
    luck.
    """

    def __init__(
        self, rules: Population, world: World, network: str, name: str, venue: Venue, asset: str | None
    ) -> None:
        self.rules, self.world, self.name = rules, world, f"{network}.{name}"
        self.hardware = world.hardware[rules.hardware]
        self.hardware_index = world.compute.hardware_index(rules.hardware)
        self.asset = asset
        self.usd = world.ledger.block(f"{network}.providers.{name}")
        self.tokens = world.ledger.block(f"{network}.providers.{name}", asset) if asset else None
        self.jurisdictions = list(rules.jurisdictions)
        self.pools = [
            world.compute.add_pool(
                PoolSpec(
                    name=f"{self.name}.{place}",
                    venue=venue.index,
                    hardware=self.hardware_index,
                    gpus=rules.gpus,
                    region=world.compute.region(place),
                    speed=self.hardware.speed,
                    online=rules.online.kernel(),
                    offline=(rules.offline or Exponential(mean=1.0)).kernel(),
                    diurnal_amplitude=rules.diurnal_amplitude,
                    diurnal_peak=rules.diurnal_peak / HOURS,
                    reputation=rules.reputation,
                )
            )
            for place in self.jurisdictions
        ]
        self.book = ProviderBook()
        self.barred = Barred(world.compute, self.jurisdictions, self.pools, self.book)
        self._exit = self.draws("provider.exit")
        self._ask = [world.entity("provider.ask", f"{self.name}.{place}") for place in self.jurisdictions]
        self._entry = world.entity("provider.entry", self.name)
        self.capital_level = 1.0
        """Factor on the price of hardware; shocks change it."""
        self.notice = 0.0
        """Days between a provider's decision to leave and its exit."""
        self.blind = 0.0
        """Days from entry in which a provider has not been paid yet and does not know its income."""
        self.posted: float | None = None
        self._asked: float | None = None  # the posted price that all ask
        self._expected: list[tuple[float, int]] = []  # (day, number of entrants on their way)
        self._coming: list[tuple[float, int, int]] = []  # (day, place, number of devices from elsewhere)
        self.movers = Movers(rules.switching, self) if rules.switching else None
        self.rigid = False
        """Whether nobody comes or goes for what is earned here; a cut loop's."""
        self.exits = self.entries = self.moved_in = self.moved_out = 0
        self.sold_hours = self.idle_hours = 0.0
        """GPU-hours completed, and those of them that would have stood idle."""

    def draws(self, what: str) -> RowDraws:
        """What its providers draw for one kind of decision."""
        places = [self.world.entity(what, f"{self.name}.{place}") for place in self.jurisdictions]
        return RowDraws(places, self.book)

    # -- costs -----------------------------------------------------------------------------------------------

    @property
    def marginal_cost(self) -> float:
        """USD per GPU-hour at full load."""
        return choice.marginal_cost_per_hour(self.hardware.power, self.rules.overhead, self.rules.electricity)

    @property
    def capital_cost(self) -> float:
        """USD per GPU-hour that pays for hardware bought today."""
        price = self.world.on(self.hardware.capital_cost) * self.capital_level
        cost = choice.capital_cost_per_hour(
            price, self.hardware.residual, self.hardware.life, self.rules.annual_return
        )
        return cost * self.rules.capital_share

    @property
    def _capital_per_day(self) -> float:
        return self.capital_cost * HOURS * self.rules.gpus

    def outside_net(self, use: float) -> float:
        """USD per GPU-hour, less power, on the rental market outside, hired a share ``use`` of the time."""
        if use == 0.0 or self.hardware.rental_price is None:
            return 0.0
        return max(self.world.on(self.hardware.rental_price) - self.marginal_cost, 0.0) * use

    def _outside_income(self, behaviour: Behaviour) -> float:
        """USD a day that a provider would earn, less power, on the rental market outside."""
        return self.outside_net(behaviour.outside_use) * HOURS * self.rules.gpus

    def thresholds(self, behaviour: Behaviour) -> tuple[float, float]:
        """Margins below which staying, and above which entering, does not and does pay."""
        stay, enter = behaviour.exit_threshold, behaviour.entry_threshold
        if behaviour.income_volatility is None:
            return stay, enter
        running, capital = self.marginal_cost, self.capital_cost
        low, high = choice.option_thresholds(
            running,
            running + capital,
            self.rules.annual_return,
            behaviour.income_volatility,
            behaviour.income_drift,
        )
        return min(stay, (low - running) / capital), max(enter, (high - running) / capital)

    # -- life ------------------------------------------------------------------------------------------------

    def start(self, posted: float | None) -> None:
        """The initial providers enter; ``posted`` is the network's price for a speed-1 device, or None."""
        self.posted = posted
        real = self.rules.count * self.rules.share
        # However few there are, a population does not vanish for being looked at from far away.
        wanted = max(round(real / self.world.scale), 1) if real >= 1.0 else 0
        count = largest_remainder(wanted, list(self.rules.jurisdictions.values()))
        for place, n in enumerate(count.tolist()):
            self._enter(place, n, self.rules.ask)

    def _enter(self, place: int, n: int, median: float | None, bought: bool = False) -> None:
        """``n`` providers appear at a place, asking around ``median`` where the network posts no price.

        ``bought``: with hardware that they bought for it.
        """
        if n == 0:
            return
        first = self.book.size_of(place)
        if self.posted is not None:
            asks = np.full(n, self.posted * self.hardware.speed)
        else:
            assert median is not None
            uniforms = self._ask[place].uniforms(np.arange(first, first + n), 0)
            asks = median * np.exp(self.rules.ask_spread * ndtri(uniforms + 2.0**-54))
            asks = np.maximum(asks, self.marginal_cost)
        usd = self.usd.extend(n)
        tokens = np.full(n, -1, dtype=np.int64) if self.tokens is None else self.tokens.extend(n)
        units = asks_in_micro_usd(asks)
        uids = self.world.compute.market.add_providers(self.pools[place], units, usd)
        self.book.add(place, uids, units / MICRO, usd, tokens, self.world.env.now, bought)
        if self.jurisdictions[place] in self.barred.places:
            self.world.compute.market.ban(uids)

    def observe(self, over: Increment) -> None:
        """Take in what the market did lately: income, cost and use of every provider."""
        days, busy_days = over.days, over.pool_days["busy_days"]
        repricing = self.rules.repricing
        work = self.book.observe(
            self.book.read(self.world.compute.market, self.pools),
            [HOURS * self.rules.gpus * float(busy_days[pool]) for pool in self.pools],
            days,
            gpus=self.rules.gpus,
            full_cost=self.marginal_cost,
            idle_cost=self.marginal_cost * self.rules.idle_power,
            income_weight=weight_of_new(days, self._income_memory),
            use_weight=weight_of_new(days, repricing.memory if repricing else 0.0),
            known_from=self.world.env.now - self.blind,
        )
        spare = 1.0 - np.where(self.book.bought > 0, self.rules.capital_share, 0.0)
        self.sold_hours += float(work.sum())
        self.idle_hours += float((work * spare).sum()) * (1.0 - self.rules.outside_use)

    def day(self, days: float, posted: float | None) -> None:
        """The decisions of some ``days``, after `observe`: exits, entries, prices."""
        self.posted = posted
        if self.rules.behaviour is not None and not self.rigid:
            self._come_and_go(self.rules.behaviour, days)
        if self.movers is not None and not self.rigid:
            self.movers.day(days)
        self._arrive()
        self._reprice(days)

    def _margins(self, capital: float) -> Floats:
        """(n,) margins of the present providers when their hardware costs ``capital`` USD a day."""
        k = self.book.present
        running = self.book.cost[k]
        return choice.margin(self.book.income[k], running, running + capital)

    @property
    def margins(self) -> Floats:
        """(n,) margins of the present providers at today's price of hardware."""
        return self._margins(self._capital_per_day)

    @property
    def mean_margin(self) -> float:
        """Mean margin of those who have a record; nan when there are none, or when their hardware is free."""
        capital = self._capital_per_day
        if capital == 0:
            return math.nan
        margins = self._margins(capital)[self._seasoned(self.book.present)]
        return float(margins.mean()) if len(margins) else math.nan

    @property
    def price_level(self) -> float:
        """Mean ask over that of the start; 1 when nobody is there, or the asks follow a posted price."""
        asks = self.book.ask[self.book.present]
        return float(asks.mean()) / self.rules.ask if self.rules.ask and len(asks) else 1.0

    @property
    def _income_memory(self) -> float:
        """Days over which providers average their income."""
        rules = self.rules
        if rules.behaviour is not None:
            return rules.behaviour.income_memory
        return rules.switching.memory if rules.switching else 0.0

    def _seasoned(self, k: Ints) -> NDArray[np.bool_]:
        """Who of the providers ``k`` has a record, as long as the memory of its income."""
        there = self.world.env.now - self.book.entered[k]
        seasoned: NDArray[np.bool_] = (there >= self._income_memory + self.blind) & (self.book.weight[k] > 0)
        return seasoned

    def net_per_hour(self, k: Ints) -> Floats:
        """(n,) USD per GPU-hour, asleep and awake, that the providers ``k`` net: income less running cost."""
        net: Floats = (self.book.income[k] - self.book.cost[k]) / (HOURS * self.rules.gpus)
        return net

    @property
    def mean_net(self) -> float:
        """What those who may work and have a record net [USD per GPU-hour]; nan when there are none."""
        k = self.book.present
        known = k[self.barred.may_work(k) & self._seasoned(k)]
        return float(self.net_per_hour(known).mean()) if len(known) else math.nan

    @property
    def settled(self) -> Ints:
        """Rows of the providers that have a record and no plan to leave."""
        k = self.book.present
        settled: Ints = k[self._seasoned(k) & (self.book.leaves[k] == 0)]
        return settled

    def depart(self, k: Ints) -> None:
        """The providers ``k`` take their devices elsewhere, after the running job."""
        self.world.compute.market.remove_providers(self.book.uid[k], drain=True)
        self.book.remove(k)
        self.moved_out += len(k)

    def expect(self, day: float, place: int, n: int) -> None:
        """``n`` devices from elsewhere will enter at a place on ``day``."""
        self._coming.append((day, place, n))

    @property
    def coming(self) -> int:
        """Devices on their way from elsewhere."""
        return sum(n for _, _, n in self._coming)

    def _come_and_go(self, behaviour: Behaviour, days: float) -> None:
        """Some decide to leave, those whose notice is over go, newcomers decide to come.

        Where everybody has left, a single newcomer tries it now and then, unless nobody ever enters.
        """
        k, capital, thresholds = self.book.present, self._capital_per_day, self.thresholds(behaviour)
        margins, seasoned = self._margins(capital), self._seasoned(k)
        outside = self._outside_income(behaviour) / capital
        hazard = choice.exit_hazard(
            margins - outside, behaviour.exit_hazard, behaviour.exit_sensitivity, thresholds[0]
        )
        chance = choice.probability(hazard, days)
        drawn = self._exit.uniforms(k, round(self.world.env.now))
        now, leaves = self.world.env.now, self.book.leaves
        decided = k[(drawn < chance) & seasoned & (leaves[k] == 0)]
        leaves[decided] = now + self.notice
        going = (leaves[k] > 0) & (leaves[k] <= now)
        if going.any():
            gone = k[going]
            self.world.compute.market.remove_providers(self.book.uid[gone], drain=True)
            self.book.remove(gone)
            self.exits += len(gone)
        known = margins[seasoned & ~going]
        if len(known) and capital > 0.0:
            speed, ceiling = behaviour.entry_speed, behaviour.entry_ceiling
            n, margin = len(self.book.present), float(known.mean())
            rate = choice.entrants_per_day(n, margin, thresholds[1], speed, ceiling)
            self._expect_newcomers(behaviour, rate, days)
        elif not len(k) and self.rules.count and behaviour.entry_speed and not self._expected:
            self._expect_newcomers(behaviour, behaviour.entry_ceiling, days)

    def _expect_newcomers(self, behaviour: Behaviour, rate: float, days: float) -> None:
        """Draw how many decide to come at ``rate`` a day; they arrive after the lag."""
        if rate == 0.0:
            return
        uniform = self._entry.uniform(0, round(self.world.env.now))
        n = choice.whole_number(rate * days, uniform)
        if n:
            self._expected.append((self.world.env.now + behaviour.entry_lag, n))

    def _arrive(self) -> None:
        """Those whose lag is over enter: newcomers where it is allowed, devices from elsewhere anyway."""
        now = self.world.env.now
        for day, place, n in self._coming:
            if day <= now:
                self._enter(place, n, self._median_ask)
                self.moved_in += n
        self._coming = [coming for coming in self._coming if coming[0] > now]
        due = sum(n for day, n in self._expected if day <= now)
        self._expected = [(day, n) for day, n in self._expected if day > now]
        if due == 0:
            return
        barred = self.barred.places
        weights = [0.0 if place in barred else w for place, w in self.rules.jurisdictions.items()]
        cumulated = np.cumsum(weights)
        if cumulated[-1] == 0:
            return
        uniforms = self._entry.uniforms(np.arange(1, due + 1), round(now))
        places = np.searchsorted(cumulated / cumulated[-1], uniforms, side="right")
        median = self._median_ask
        for place, n in enumerate(np.bincount(places, minlength=len(weights)).tolist()):
            self._enter(place, n, median, bought=True)
        self.entries += due

    @property
    def _median_ask(self) -> float | None:
        asks = self.book.ask[self.book.present]
        return float(np.median(asks)) if len(asks) else self.rules.ask

    def _reprice(self, days: float) -> None:
        k, rules = self.book.present, self.rules.repricing
        if self.posted is not None:
            if self.posted == self._asked:  # newcomers have asked it from the beginning
                return
            self._asked = self.posted
            wanted = np.full(len(k), self.posted * self.hardware.speed)
        elif rules is not None:
            ceiling = math.inf if rules.ceiling is None else self.world.on(rules.ceiling)
            use = np.clip(self.book.use[k], 0.0, 1.0)
            if self.rules.one_price and len(k):
                use = np.full(len(k), use.mean())
            wanted = choice.repriced(
                self.book.ask[k], use, rules.use_target, rules.speed, days, self.marginal_cost, ceiling
            )
        else:
            return
        units = asks_in_micro_usd(wanted)
        moved = units != asks_in_micro_usd(self.book.ask[k])
        if moved.any():
            self.world.compute.market.reprice(self.book.uid[k[moved]], units[moved])
            self.book.reprice(k, units / MICRO)

    # -- money -----------------------------------------------------------------------------------------------

    def pay_running_cost(self) -> None:
        """Pay for power out of earnings, as far as they reach; owners pay the rest from outside."""
        k = self.book.take_bills()
        ledger, accounts = self.world.ledger, self.book.usd_account[k]
        bills = np.array(self.book.bill(k), dtype=np.int64)
        ledger.collect(np.minimum(bills, ledger.accounts("USD").balances[accounts]), "USD", accounts, WORLD)

    @property
    def count(self) -> int:
        """Simulated providers present that may work."""
        k = self.book.present
        return int(self.barred.may_work(k).sum()) if self.barred else len(k)

    @property
    def list_price(self) -> float:
        """USD per GPU-hour of a speed-1 device: the mean ask; nan when nobody is there."""
        return self.book.mean_ask / self.hardware.speed
