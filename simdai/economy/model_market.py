"""The market for models: each day segments weigh quality, price, privacy and risk, and their use moves."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from simdai.economy.actors import Institution, World, absent, only
from simdai.economy.bills import Bill
from simdai.economy.calendar import Phase
from simdai.economy.hosts import Host, HostActor
from simdai.economy.ledger import WORLD
from simdai.engine.streams import stable_key
from simdai.errors import Problem
from simdai.mechanisms.choice import share_table, weight_of_new
from simdai.mechanisms.demand import berry_inversion, indifference_price
from simdai.registry import Configured, FrozenMapping
from simdai.units import Name, NonNegative, Number, Positive, PositiveCount, PositiveDays, Quantity

__all__ = ["ModelMarket", "ModelMarketActor", "Tastes", "served_index"]

DAYS_PER_YEAR = 365.25
Floats = NDArray[np.float64]


class Tastes(Configured):
    """What quality and price leave unexplained: habits and names, closed labs only.

    Parameters
    ----------
    sd : standard deviation of a lab's walk in a year, the same in all segments [utils]
    reversion : rate a year at which a lab's premium returns to the mean of ``anchors`` in a segment
    anchors : labs that make up that mean
    """

    sd: NonNegative
    reversion: Annotated[float, Quantity("1/y", low=0.0)]
    anchors: tuple[Name, ...]


class ModelMarket(Institution, kind="model_market"):
    """Where the use of models is bought; the segments are the demand of kind ``ai_use``.

    Parameters
    ----------
    closed_price : of the labs' flagships, over the reference price
    price_sensitivity : b_p, utils of a log price; the own-price elasticity is -b_p (1 - share)
    quality : b_q, utils of an index point by which replaced models are priced
    network_effect : utils of the log of users over those of the start
    users : people that a whole segment stands for
    adoption_lag : days in which use moves most of the way to what is now best
    tastes : see there
    hosts : sellers of open weights by name
    step : whole days between the instants at which customers look and pay
    """

    closed_price: Positive
    price_sensitivity: Positive
    quality: Positive
    network_effect: Number
    users: Positive
    adoption_lag: PositiveDays
    tastes: Tastes
    hosts: FrozenMapping[Name, Host] = FrozenMapping()
    step: PositiveCount = 1

    def check(self, scenario: Any) -> Iterator[Problem]:
        named = {f"tastes.anchors[{n}]": name for n, name in enumerate(self.tastes.anchors)}
        yield from absent("lab", named, scenario.labs)
        for name in self.hosts:
            if name in scenario.labs:
                found = f"the name {name!r} of a lab"
                yield Problem(path=f"hosts.{name}", found=found, allowed="a name of its own")

    def price_of(self, seller: str) -> float:
        """Price of a seller at the start, over the reference price."""
        return self.hosts[seller].price if seller in self.hosts else self.closed_price

    def build(self, world: World, name: str) -> ModelMarketActor:
        return ModelMarketActor(self, world, name)


def served_index(world: World) -> float:
    """Index of the best model that anybody may host; minus infinity without one."""
    sources = [*world.labs.values(), *world.training.values()]
    return max((s.live_index for s in sources if getattr(s, "open_weights", False)), default=-math.inf)


class ModelMarketActor:
    """The market on the clock.

    Rows are segments by jurisdiction, columns are sellers: labs, then hosts.

    Attributes
    ----------
    frozen_quality : index of each seller by segment that customers go by instead of today's; a cut loop's
    """

    def __init__(self, rules: ModelMarket, world: World, name: str) -> None:
        self.rules, self.world, self.name = rules, world, name
        self.hosts = {host: HostActor(r, world, host) for host, r in rules.hosts.items()}
        if any(host.customers for host in rules.hosts.values()):
            world.compute.watch(float(rules.step))
        self.frozen_quality: Floats | None = None
        self._walk = world.entity("taste", name)

    # -- what the start says ---------------------------------------------------------------------------------

    def run_rate(self, lab: str) -> float:
        """USD a year that a lab takes at the start."""
        return math.fsum(segment.rules.revenue.get(lab, 0.0) for segment in self._segments())

    def _segments(self) -> list[Any]:
        return [d for d in self.world.demand.values() if d.rules.kind == "ai_use"]

    def start(self) -> None:
        """Invert the shares of the start into premiums, and open every day."""
        self.segments, self.regulator = self._segments(), only(self.world.institutions, "regulator")
        self.labs = [lab for lab in self.world.labs.values() if hasattr(lab, "service")]
        self.sellers = [lab.name for lab in self.labs] + list(self.hosts)
        self._column = {name: n for n, name in enumerate(self.sellers)}
        self._row = {segment.name: n for n, segment in enumerate(self.segments)}
        rules = [segment.rules for segment in self.segments]
        self._quality = np.array([[r.quality] for r in rules]).reshape(-1, 1)
        self._privacy = np.array([r.privacy for r in rules]).reshape(-1, 1)
        self._risk = np.array([r.risk for r in rules]).reshape(-1, 1)
        self._special = np.array([r.specialised for r in rules]).reshape(-1, 1)
        blocks = [(n, place, share) for n, r in enumerate(rules) for place, share in r.jurisdictions.items()]
        self._segment_of = np.array([n for n, _, _ in blocks], dtype=np.intp)
        self._places = [place for _, place, _ in blocks]
        self._weights = np.zeros((len(rules), len(blocks)))
        self._weights[self._segment_of, np.arange(len(blocks))] = [share for _, _, share in blocks]
        self.use = np.zeros((len(rules), len(self.sellers)))
        for segment in self.segments:
            for seller, share in segment.rules.shares(self.rules).items():
                self.use[self._row[segment.name], self._column[seller]] = share
        self._offered = self.use > 0.0
        self._states = self.use[self._segment_of]
        self._first_users = self.rules.users * self.use
        self._bills = [Bill(self.world, WORLD, name) for name in self.sellers]
        self._spent = np.zeros(len(rules))
        for host in self.hosts.values():
            host.start(self._wanted(host.name))
        self._invert()
        self._ban()
        if self.regulator:
            self.regulator.listeners.append(self._ban)
        if self.segments:
            step = float(self.rules.step)
            self.world.calendar.every(step, Phase.DEMAND, self._act, first=step)
        recorder = self.world.recorder
        for n, (name, host) in enumerate(self.hosts.items(), start=len(self.labs)):
            recorder.series(f"{name}.run_rate_usd", "USD/y", lambda n=n: self._worth(n))  # type: ignore[misc]
            if host.rules.network is None:  # else customers of the network pay, under its rules
                recorder.series(f"{name}.sales_usd", "USD", lambda n=n: self._bills[n].paid)  # type: ignore[misc]
                recorder.outcome(f"{name}.sales_usd", "USD", lambda n=n: self._bills[n].paid)  # type: ignore[misc]

    def _worth(self, column: int) -> float:
        """USD a year that the use which a seller has is worth at its price."""
        host = self._hosts_by_column()[column]
        price = self.rules.closed_price if host is None else host.price
        return self._wanted(self.sellers[column]) * float(price)

    def _invert(self) -> None:
        """Premiums that make today's shares the best choice (Berry), and those among them that wander."""
        self.premium = np.full(self.use.shape, -np.inf)
        explained = self._explained()
        for n, offered in enumerate(self._offered):
            if offered.any():
                self.premium[n, offered] = berry_inversion(self.use[n, offered]) - explained[n, offered]
        closed = len(self.labs)
        self._closed = self._offered[:, :closed]
        anchors = [self._column[name] for name in self.rules.tastes.anchors if name in self._column]
        self._anchors = np.zeros_like(self._closed)
        self._anchors[:, anchors] = self._closed[:, anchors]
        self._ids = np.array([stable_key(lab.name) for lab in self.labs], dtype=np.uint64)

    # -- choice ----------------------------------------------------------------------------------------------

    def quality(self) -> Floats:
        """(segments, sellers) index that each seller offers now [points]; minus infinity for nothing."""
        if self.frozen_quality is not None:
            return self.frozen_quality
        served = self.served
        general = [lab.live_index for lab in self.labs] + [served] * len(self.hosts)
        table = np.broadcast_to(np.array(general), self.use.shape)
        if math.isfinite(served) and any(host.rules.specialised for host in self.hosts.values()):
            special = [lab.live_index for lab in self.labs]
            special += [host.index(served, specialised=True) for host in self.hosts.values()]
            table = np.where(self._special, np.array(special), table)
        return table

    @property
    def served(self) -> float:
        """Index of the best open weights now."""
        return served_index(self.world)

    def prices(self) -> Floats:
        """(sellers,) price over the reference price."""
        hosts = [host.price for host in self.hosts.values()]
        return np.array([self.rules.closed_price] * len(self.labs) + hosts)

    def _explained(self, private: bool = True) -> Floats:
        """Utility without the premium: quality, price, privacy, risk and the number of users.

        Parameters
        ----------
        private : whether customers care who can look into their use
        """
        zeros = [0.0] * len(self.labs)
        privacy = np.array(zeros + [host.privacy * private for host in self.hosts.values()])
        risk = np.array(zeros + [host.rules.risk for host in self.hosts.values()])
        users = np.log1p(self.rules.users * self.use) - np.log1p(self._first_users)
        quality = np.where(self._offered, self.quality(), 0.0)
        total: Floats = np.asarray(
            self._quality * quality
            - self.rules.price_sensitivity * np.log(self.prices())
            + self._privacy * privacy
            - self._risk * risk
            + self.rules.network_effect * users
        )
        return total

    def _ban(self) -> None:
        """Note who may sell in which block."""
        self._banned, self._matters = np.zeros(self._states.shape, dtype=bool), False
        if self.regulator:
            for row, place in enumerate(self._places):
                for column, seller in enumerate(self.sellers):
                    self._banned[row, column] = self.regulator.banned(place, seller)
        self._matters = bool((self._banned & self._offered[self._segment_of]).any())

    def _target(self, private: bool = True) -> Floats:
        """(blocks, sellers) shares that customers would choose now; ``private`` as in `_explained`."""
        utility = self._explained(private) + self.premium
        sold = [n for n, lab in enumerate(self.labs) if lab.sold]
        utility[:, sold] = -np.inf
        rows = utility[self._segment_of]
        free = share_table(rows)
        if self.regulator is None or not self._matters:
            return free
        comply = float(self.regulator.rules.compliance)
        return comply * share_table(np.where(self._banned, -np.inf, rows)) + (1.0 - comply) * free

    # -- a step ----------------------------------------------------------------------------------------------

    def _act(self) -> None:
        self._change_tastes()
        moved = weight_of_new(self.rules.step, self.rules.adoption_lag)
        self._states = self._states + moved * (self._target() - self._states)
        self.world.calendar.events.update(segment.name for segment in self.segments)
        self._serve()

    def _change_tastes(self) -> None:
        """Let each lab's premium wander, and return to the mean of the anchors in each segment."""
        if not self.labs:
            return
        tastes, closed = self.rules.tastes, len(self.labs)
        luck = self._walk.uniforms(self._ids, round(self.world.env.now))
        years = self.rules.step / DAYS_PER_YEAR
        step = tastes.sd * math.sqrt(years) * ndtri(luck + 2.0**-54)
        premium = np.where(self._closed, self.premium[:, :closed] + step, 0.0)
        count = self._anchors.sum(axis=1, keepdims=True)
        mean = np.where(self._anchors, premium, 0.0).sum(axis=1, keepdims=True) / np.maximum(count, 1)
        pull = -math.expm1(-tastes.reversion * years)
        premium += np.where(count > 0, pull * (mean - premium), 0.0)
        self.premium[:, :closed] = np.where(self._closed, premium, -np.inf)

    def _serve(self) -> None:
        """Sell what can be served: money goes to the sellers, and to the networks' own customers."""
        wallets = np.array([[segment.wallet] for segment in self.segments])
        prices = self.prices()
        self.use = self._weights @ self._states
        wanted = (wallets * self.use * prices).sum(axis=0)
        served = np.ones(len(self.sellers))
        for n, lab in enumerate(self.labs):
            most = 0.0 if lab.sold else lab.service.most
            if wanted[n] > most:
                served[n] = most / wanted[n]
            lab.service.sell(float(wanted[n] * served[n]), float(wanted[n]), self.rules.step)
        served[len(self.labs) :] = [host.served_share(float(self.rules.step)) for host in self.hosts.values()]
        self._states = self._states * served
        self.use = self.use * served
        paid = wallets * self.use * prices * self.rules.step / DAYS_PER_YEAR
        self._spent += paid.sum(axis=1)
        for bill, host, usd in zip(self._bills, self._hosts_by_column(), paid.sum(axis=0), strict=True):
            if host is None or host.rules.network is None:
                bill.add(float(usd))
                bill.settle()
            else:
                host.bring(self._wanted(host.name))

    def _hosts_by_column(self) -> list[HostActor | None]:
        return [None] * len(self.labs) + list(self.hosts.values())

    def _wanted(self, seller: str) -> float:
        """USD a year, at the reference price, of the use that a seller has."""
        column = self.use[:, self._column[seller]]
        return math.fsum(s.wallet * float(u) for s, u in zip(self.segments, column, strict=True))

    # -- what others read ------------------------------------------------------------------------------------

    def replaced_price(self, gain: float) -> float:
        """Price of a model that is replaced by one ``gain`` points better, over that of the new one."""
        return indifference_price(1.0, gain, self.rules.quality, self.rules.price_sensitivity)

    def reach(self, closed: bool) -> tuple[Floats, NDArray[np.bool_]]:
        """Weight of each block of customers, and whether a closed (or an open) seller may sell there.

        Returns
        -------
        weights : (blocks,) USD a year that they would pay; reachable : (blocks,) bool
        """
        wallets = np.array([segment.wallet for segment in self.segments])
        open_lab = [lab.open_weights for lab in self.labs]
        side = np.array([(not o) == closed for o in open_lab] + [not closed] * len(self.hosts), dtype=bool)
        alive = np.array([not lab.sold for lab in self.labs] + [True] * len(self.hosts), dtype=bool)
        return wallets @ self._weights, (~self._banned & (side & alive)).any(axis=1)

    def worth_of_privacy(self) -> float:
        """USD a year that hosts would gain, in the long run, from use that is theirs for being private."""
        gained = self._weights @ (self._target() - self._target(private=False))
        wallets = np.array([[segment.wallet] for segment in self.segments])
        return float((wallets * gained * self.prices())[:, len(self.labs) :].sum())

    def share_reading(self, segment: str, seller: str) -> Callable[[], float]:
        """A reading of the share of a segment's use that a seller has."""
        return lambda: float(self.use[self._row[segment], self._column[seller]])

    def spent(self, segment: str) -> float:
        """USD that a segment has spent since the start."""
        return float(self._spent[self._row[segment]])
