"""Those who sell the use of models that others made: clouds and networks that host open weights."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field

from simdai.economy.actors import World, absent
from simdai.errors import Problem
from simdai.mechanisms.scaling import domain_quality
from simdai.registry import Configured
from simdai.units import Name, NonNegative, Positive, Quantity, Share, Tokens

__all__ = ["Confidential", "Host", "HostActor", "Specialised"]


class Confidential(Configured):
    """Serving that nobody else can look into.

    Parameters
    ----------
    loss : share of throughput that it costs; the price rises to match
    """

    loss: Share = Field(lt=1.0)


class Specialised(Configured):
    """Fine-tuned models for special domains.

    Parameters
    ----------
    gain : index points of an e-fold of domain tokens
    scale_tokens : tokens of a domain at which fine-tuning begins to matter
    tokens : tokens of each domain at the start
    tokens_per_usd : tokens of a domain that a USD of the network's subsidies adds
    domains : number of domains among which they are spread
    """

    gain: NonNegative
    scale_tokens: Tokens = Field(gt=0.0)
    tokens: Tokens
    tokens_per_usd: Annotated[float, Quantity("token/USD", low=0.0)]
    domains: int = Field(ge=1)


class Host(Configured):
    """A seller of the best open weights, or of something that AI activity needs and that grows with it.

    Parameters
    ----------
    price : over the reference price at the start
    risk : how unvetted its providers are, from 0 (a cloud) to 1
    confidential : how it keeps use private; not without
    verification : share of its compute that checks take; none without
    network : network whose price it follows, and whose subsidies pay for its special models
    customers : demand actors of that network, whose level follows what is sold here
    specialised : its special models
    """

    price: Positive
    risk: NonNegative
    confidential: Confidential | None = None
    verification: Share = Field(default=0.0, lt=1.0)
    network: Name | None = None
    customers: tuple[Name, ...] = ()
    specialised: Specialised | None = None

    def check(self, scenario: Any) -> Iterator[Problem]:
        if self.network is not None:
            yield from absent("network", {"network": self.network}, scenario.networks)
        named = {f"customers[{n}]": name for n, name in enumerate(self.customers)}
        yield from absent("demand", named, scenario.demand)
        if self.customers and self.network is None:
            yield Problem(
                path="customers", found="customers without a network", allowed="the network's name too"
            )


class HostActor:
    """A host in the model market.

    Attributes
    ----------
    confidential, verification : as configured; shocks change them
    """

    def __init__(self, rules: Host, world: World, name: str) -> None:
        self.rules, self.world, self.name = rules, world, name
        self.confidential, self.verification = rules.confidential, rules.verification
        self._use = 0.0
        self._first_price = self._last_price = math.nan  # the network names its price once it has opened

    def start(self, use: float) -> None:
        """Remember the use of the start, and who sells for the network."""
        self._use = use
        sellers = self.world.sellers.items()
        self._venues = [venue for name, venue in sellers if name.partition(".")[0] == self.rules.network]

    @property
    def privacy(self) -> float:
        """1 where nobody can look into its use."""
        return 0.0 if self.confidential is None else 1.0

    @property
    def price(self) -> float:
        """Price over the reference price: it follows that of the network, checks and confidential serving."""
        rules, price = self.rules, self._network_price()
        if not math.isnan(price):
            self._last_price = price
            if math.isnan(self._first_price):
                self._first_price = price
        follows = 1.0 if math.isnan(self._first_price) else self._last_price / self._first_price
        before = 0.0 if rules.confidential is None else rules.confidential.loss
        now = 0.0 if self.confidential is None else self.confidential.loss
        checks = (1.0 - rules.verification) / (1.0 - self.verification)
        return rules.price * follows * checks * (1.0 - before) / (1.0 - now)

    def _network_price(self) -> float:
        """Mean price of the network's venues [USD/GPU-hour]; nan where it has none."""
        prices = [p for p in (venue.list_price(None) for venue in self._venues) if not math.isnan(p)]
        return math.fsum(prices) / len(prices) if prices else math.nan

    def index(self, served: float, specialised: bool) -> float:
        """Quality of what it sells in a segment, the best open weights being ``served`` [points]."""
        special = self.rules.specialised
        if special is None or not specialised:
            return served
        return domain_quality(served, self.domain_tokens, special.gain, special.scale_tokens)

    @property
    def domain_tokens(self) -> float:
        """Tokens on which each of its special models was fine-tuned."""
        special = self.rules.specialised
        assert special is not None
        network = self.world.networks.get(self.rules.network or "")
        subsidies = network.flows.subsidy_usd if network is not None else 0.0
        return special.tokens + special.tokens_per_usd * subsidies / special.domains

    def served_share(self, days: float) -> float:
        """Share of its customers' jobs of the last ``days`` that the network's machines took up in time."""
        served = lost = 0.0
        for name in self.rules.customers:
            customers = self.world.demand[name]
            if (job := getattr(customers, "job_class", None)) is None:
                continue
            over = self.world.compute.seen(days)
            size = customers.rules.devices
            for venue in self._venues:
                served += size * over.count("completed", venue.venue.index, job)
                lost += size * over.count("reneged", venue.venue.index, job)
        return served / (served + lost) if lost else 1.0

    def bring(self, use: float) -> None:
        """Let the network's customers want as much more as was sold here.

        Parameters
        ----------
        use : USD a year at the reference price
        """
        if not self.rules.customers or self._use <= 0.0 or use <= 0.0:
            return
        for name in self.rules.customers:
            customers = self.world.demand[name]
            customers.level *= use / self._use
            customers.apply()
        self._use = use
