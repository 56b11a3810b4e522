"""The niches: where the open side may win. Censorship, cost, special models, privacy."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import Field

from simdai.economy.actors import only
from simdai.mechanisms.demand import privacy_multiple
from simdai.mechanisms.niches import (
    confidential_is_viable,
    reachable_share,
    savings_share,
    survival_k_of_n,
    survival_repairable,
    win_share,
)
from simdai.mechanisms.scaling import domain_quality
from simdai.registry import Configured
from simdai.units import PositiveCount, Quantity, Share, Tokens

if TYPE_CHECKING:
    from simdai.economy.model_market import ModelMarketActor
    from simdai.economy.scoreboard import ScoreboardActor

__all__ = ["Domains", "Hosting", "NicheMeasures", "Niches"]

DAYS_PER_YEAR = 365.25
Hazard = Annotated[float, Quantity("1/y", low=0.0)]


class Hosting(Configured):
    """How a service stands against takedowns.

    Parameters
    ----------
    jurisdictions, needed : places that host the open side's service, and how many must stand
    takedown : hazard that one place takes down what it hosts [1/yr]; a closed lab is hosted in one
    repair : rate at which a host that was taken down is replaced elsewhere [1/yr]
    common : hazard of what all hosts of the open side share: token gateway, names, client store [1/yr]
    """

    jurisdictions: PositiveCount
    needed: PositiveCount
    takedown: Hazard
    repair: Hazard
    common: Hazard


class Domains(Configured):
    """Special domains, in which fine-tuned models compete.

    Parameters
    ----------
    count : domains
    labs_per_year : domains that closed labs fine-tune for in a year
    lab_tokens : tokens on which they do
    """

    count: PositiveCount
    labs_per_year: Hazard
    lab_tokens: Tokens


class Niches(Configured):
    """What the measures of niches need to know.

    Parameters
    ----------
    hosting, domains : see there
    tee_loss : share of throughput that confidential serving costs, where no host offers it yet
    egress_share : share of a cloud's bill for moving data, which its price per hour leaves out
    """

    hosting: Hosting
    domains: Domains
    tee_loss: Share = Field(lt=1.0)
    egress_share: Share = Field(lt=1.0)


class NicheMeasures:
    """``niche.*``."""

    def __init__(self, board: ScoreboardActor) -> None:
        self.board, self.world, self.rules = board, board.world, board.rules.niches

    def start(self) -> bool:
        """Report; nothing needs to be remembered from day to day."""
        self.market: ModelMarketActor | None = only(self.world.institutions, "model_market")
        self._censorship()
        self._cost()
        if self.market is not None:
            self._privacy(self.market)
            self._specialised(self.market)
        return False

    def look(self) -> None:
        """Nothing to remember."""

    # -- censorship ------------------------------------------------------------------------------------------

    def _censorship(self) -> None:
        recorder, h = self.world.recorder, self.rules.hosting
        for years in (1, 5):
            recorder.outcome(
                f"niche.censorship.survival_{years}y",
                "1",
                lambda years=years: survival_repairable(  # type: ignore[misc]
                    h.jurisdictions, min(h.needed, h.jurisdictions), h.takedown, h.repair, h.common, years
                ),
            )
            recorder.outcome(
                f"niche.censorship.survival_{years}y_closed",
                "1",
                lambda years=years: survival_k_of_n(1, 1, h.takedown, 0.0, years),  # type: ignore[misc]
            )
        if self.market is not None:
            for side in ("closed", "open"):
                reading = lambda side=side: self._reachable(side)  # noqa: E731
                recorder.series(f"niche.censorship.reachable_share_{side}", "1", reading)
                recorder.outcome(f"niche.censorship.reachable_share_{side}", "1", reading)

    def _reachable(self, side: str) -> float:
        """Share of customers, weighted by what they would pay, who can reach a seller of a side."""
        assert self.market is not None
        weights, reachable = self.market.reach(closed=side == "closed")
        return reachable_share(weights, reachable)

    # -- cost ------------------------------------------------------------------------------------------------

    def _cost(self) -> None:
        compute, recorder = self.world.compute, self.world.recorder
        networks = [v for v in compute.venues if not v.is_cloud]
        clouds = [v for v in compute.venues if v.is_cloud]
        if not networks or not clouds:
            return

        def saved(egress: float) -> float:
            over = compute.window()
            central = compute.unit_cost(clouds, over) / (1.0 - egress)
            decentral = compute.unit_cost(networks, over)
            if math.isnan(central) or math.isnan(decentral) or central <= 0.0:
                return math.nan
            return savings_share(decentral, central)

        recorder.outcome("niche.cost.savings_share", "1", lambda: saved(0.0))
        recorder.outcome("niche.cost.savings_share_with_egress", "1", lambda: saved(self.rules.egress_share))

    # -- special models --------------------------------------------------------------------------------------

    def _specialised(self, market: ModelMarketActor) -> None:
        if not any(host.rules.specialised for host in market.hosts.values()):
            return
        for register in (self.world.recorder.series, self.world.recorder.outcome):
            register("niche.specialised.win_share", "1", lambda: self._win_share(market, at_price=True))
            register("niche.specialised.better_share", "1", lambda: self._win_share(market, at_price=False))

    def _win_share(self, market: ModelMarketActor, at_price: bool) -> float:
        """Share of domains in which the best special open model is the better buy, or simply the better.

        At a tenth of the price, open models may be some twenty points behind and still be the better buy.
        """
        domains, rules = self.rules.domains, market.rules
        hosts = [host for host in market.hosts.values() if host.rules.specialised]
        served = market.served
        if not math.isfinite(served) or not self.board.closed:
            return math.nan
        lam = rules.price_sensitivity / rules.quality
        best = max(hosts, key=lambda h: h.index(served, specialised=True) - lam * math.log(h.price))
        tuned = min(domains.count, int(domains.labs_per_year * self.world.env.now / DAYS_PER_YEAR))
        special = best.rules.specialised
        assert special is not None
        closed = self.board.closed[-1][1]
        theirs = np.full(domains.count, closed)
        theirs[:tuned] = domain_quality(closed, domains.lab_tokens, special.gain, special.scale_tokens)
        ours = np.full(domains.count, best.index(served, specialised=True))
        ratio = best.price / rules.closed_price if at_price else 1.0
        return win_share(ours, theirs, ratio, rules.price_sensitivity, rules.quality)

    # -- privacy ---------------------------------------------------------------------------------------------

    def _privacy(self, market: ModelMarketActor) -> None:
        """Price multiple that full privacy is worth to each segment, and whether it pays for what it costs.

        The multiple is taste alone; what private serving brings is the revenue that it draws to hosts.
        """
        recorder, beta_p = self.world.recorder, market.rules.price_sensitivity
        demand = self.world.demand.values()
        weights = {d.name: d.rules.privacy for d in demand if d.rules.kind == "ai_use"}
        if not weights:
            return
        for name, weight in weights.items():
            recorder.outcome(
                f"niche.privacy.premium.{name}",
                "1",
                lambda weight=weight: privacy_multiple(weight, beta_p),  # type: ignore[misc]
            )
        recorder.outcome(
            "niche.privacy.premium", "1", lambda: max(privacy_multiple(w, beta_p) for w in weights.values())
        )
        recorder.outcome(
            "niche.privacy.viable_share",
            "1",
            lambda: float(
                np.mean([confidential_is_viable(w, beta_p, self._loss(market)) for w in weights.values()])
            ),
        )
        for register in (recorder.series, recorder.outcome):
            register("niche.privacy.revenue_premium_usd", "USD/y", market.worth_of_privacy)

    def _loss(self, market: ModelMarketActor) -> float:
        """Share of throughput that confidential serving costs the host that does it best."""
        losses = [host.confidential.loss for host in market.hosts.values() if host.confidential is not None]
        return min(losses, default=self.rules.tee_loss)
