"""What io.net's suppliers get when days are settled: pay for jobs, block rewards, targets of the engine."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simdai.economy.compute_network import MICRO, Paid, Rows, divided
from simdai.mechanisms.ionet_payouts import IncentiveEngine, Payout, emitted_before

if TYPE_CHECKING:
    from simdai.networks.ionet import IoNetNetwork
    from simdai.networks.ionet_fakes import Fakes

__all__ = ["Payments", "Settlement"]

Floats = NDArray[np.float64]


class Payments(NamedTuple):
    """What suppliers got in USD and in IO."""

    usd: list[Paid]
    io: list[Paid]


class Settlement:
    """Payments of a network's suppliers, and the vaults that they come from.

    What renters pay in IO they buy on the same market, so that only the net moves the price: what suppliers
    take in IO, and the fees that are burned.

    Accounts: ``NAME.vault`` (USD) and ``NAME.rewards`` (IO on its way to devices).

    Attributes
    ----------
    unreleased : base units of IO that have not been minted
    roi_factor, sustainability : of the engine's last day
    reward_usd : USD an hour that an active device of a population earned in rewards, on the last day
    reward_hours : hours in which devices of a population were active since the start, up to the last
        settlement
    """

    def __init__(self, network: IoNetNetwork) -> None:
        self.network, self.rules, self.world = network, network.rules, network.world
        self.token, self.tally = network.token, network.tally
        self.populations = network.populations
        self.fees, self.vault, self.rewards = (
            f"{network.name}.{what}" for what in ("fees", "vault", "rewards")
        )
        self.world.ledger.open(self.vault)
        self.world.ledger.open(self.rewards, self.token.asset)
        unit = self.rules.fees.of(1.0)
        self._kept_share = unit["network_keeps"] / unit["renter_pays"]
        before = emitted_before(self.rules.released_by, self.world.start_date)
        left = max(self.rules.max_supply - self.rules.genesis_supply - before, 0.0)
        self.unreleased = self.world.ledger.to_units(left / self.world.scale, self.token.asset)
        self._fraction = 0.0  # of a base unit that has been earned and not yet minted
        self.roi_factor, self.sustainability = 1.0, math.nan
        self.reward_usd = dict.fromkeys(self.populations, math.nan)
        self.reward_hours = dict.fromkeys(self.populations, 0.0)

    @property
    def fakes(self) -> Fakes | None:
        """An attacker with devices that do not exist."""
        return self.network.fakes

    def pay(
        self, payout: Payout, earned: dict[str, Floats], hours: dict[str, Floats]
    ) -> tuple[Payments, Payments]:
        """Pay jobs and rewards.

        Parameters
        ----------
        earned : (rows,) IO of blocks that each device earned since the last settlement, by population
        hours : (rows,) in which it was active

        Returns
        -------
        what suppliers got for jobs, and in rewards
        """
        if isinstance(payout, IncentiveEngine):
            revenue, jobs = self._pay_jobs() if payout.pays_jobs else (self._collect(), Payments([], []))
            return jobs, self._run_engine(payout, revenue, hours)
        kept, jobs = self._pay_jobs()
        self._burn(kept, self.fees)
        return jobs, Payments([], self._pay_block_rewards(earned))

    def note_rewards(self, rewards: Payments, hours: dict[str, Floats]) -> None:
        """Remember what an active hour was worth in rewards, by population."""
        for p, population in self.populations.items():
            total = float(hours[p].sum())
            self.reward_hours[p] += total
            if total:
                dollars, tokens = (
                    sum(float(part.sum()) for q, _, part in paid if q is population) for paid in rewards
                )
                self.reward_usd[p] = (dollars / MICRO + tokens / self.token.units_per_usd) / total

    # -- jobs ------------------------------------------------------------------------------------------------

    def _collect(self) -> int:
        """Take all that renters paid for the network, where suppliers are not paid by the job."""
        for p in self.populations.values():
            p.book.take_epoch(p.hardware.speed)
        revenue = self.world.ledger.balance("USD", self.fees)
        self.token.note_fees(revenue / MICRO, self.network.epoch)
        self.tally.add("fees.kept_usd", revenue * self._kept_share / MICRO)
        return revenue

    def _pay_jobs(self) -> tuple[int, Payments]:
        """Divide what renters paid between suppliers, by the value of their work, and the network.

        Returns
        -------
        micro-USD that stay on ``NAME.fees`` for the network, and what suppliers got
        """
        ledger = self.world.ledger
        work = [(p, *p.book.take_epoch(p.hardware.speed)) for p in self.populations.values()]
        values = np.concatenate([done.value_usd for _, _, done in work])
        revenue = ledger.balance("USD", self.fees) if values.sum() > 0 else 0
        kept = round(revenue * self._kept_share)
        self.token.note_fees(revenue / MICRO, self.network.epoch)
        self.tally.add("fees.kept_usd", kept / MICRO)
        self.tally.add("jobs.paid_usd", (revenue - kept) / MICRO)
        pay = ledger.split(revenue - kept, values)
        in_usd = np.rint(pay * self.rules.fees.withdrawn_in_usdc).astype(np.int64)
        tokens = self.token.buy(int((pay - in_usd).sum()), self.fees, self.rewards)
        rows = [(p, k) for p, k, _ in work]
        usd, io = divided(in_usd, rows), divided(ledger.split(tokens, pay - in_usd), rows)
        for p, k, part in usd:
            ledger.pay_out(part, "USD", self.fees, p.book.usd_account[k])
        self._pay_tokens(io)
        return kept, Payments(usd, io)

    def _pay_tokens(self, payments: list[Paid]) -> None:
        for p, k, amounts in payments:
            self.world.ledger.pay_out(amounts, self.token.asset, self.rewards, p.book.token_account[k])

    def _burn(self, usd: int, payer: str) -> None:
        units = self.token.buy_and_burn(usd, payer)
        self.tally.add("fees.burned", units / self.token.unit)

    # -- rewards ---------------------------------------------------------------------------------------------

    def _release(self, tokens: float) -> int:
        """Mint ``tokens`` IO on the rewards' account; fractions of a base unit add up. Returns base units."""
        exact = tokens * self.token.unit + self._fraction
        units = min(math.floor(exact), self.unreleased)
        self._fraction = exact - math.floor(exact)
        self.unreleased -= units
        self.world.ledger.mint(units, self.token.asset, self.rewards)
        self.network.subsidy_usd += units / self.token.units_per_usd
        self.tally.add("rewards.emitted", units / self.token.unit)
        return units

    def _pay_block_rewards(self, earned: dict[str, Floats]) -> list[Paid]:
        """Mint the day's blocks as far as somebody earned them, and share them out to the base unit."""
        fakes = self.fakes.earned_io if self.fakes else 0.0
        weights = np.concatenate([*earned.values(), [fakes]])
        units = self._release(math.fsum(weights.tolist()))
        self.tally.add("rewards.paid_usd", units / self.token.units_per_usd)
        if self.fakes:
            self.fakes.note(fakes * self.token.price, self.fakes.displaced_io * self.token.price)
        return self._share_tokens(units, weights)

    def _share_tokens(self, units: int, weights: Floats) -> list[Paid]:
        """Hand out IO by weight over all rows of all populations, the attacker's last; co-stakers take part.

        Returns what each population's owners got.
        """
        ledger, asset = self.world.ledger, self.token.asset
        amounts = ledger.split(units, weights)
        if self.fakes:
            ledger.transfer(int(amounts[-1]), asset, self.rewards, self.fakes.account)
        paid: list[Paid] = []
        parts = divided(amounts[:-1], self._all_rows())
        for (p, k, part), devices in zip(parts, self.rules.providers.values(), strict=True):
            others = np.floor(part * devices.co_reward).astype(np.int64)
            ledger.transfer(int(others.sum()), asset, self.rewards, self.token.holders)
            got = np.flatnonzero(part)
            paid.append((p, k[got], (part - others)[got]))
        self._pay_tokens(paid)
        return paid

    def _all_rows(self) -> list[Rows]:
        return [(p, np.arange(len(p.book.alive))) for p in self.populations.values()]

    def _run_engine(self, rules: IncentiveEngine, revenue: int, hours: dict[str, Floats]) -> Payments:
        """Days of the engine: ``revenue`` into the vault, targets out of both vaults, a surplus burned.

        Returns what the owners of devices got.
        """
        ledger, token = self.world.ledger, self.token
        fee_vault = ledger.balance("USD", self.vault)
        ledger.transfer(revenue, "USD", self.fees, self.vault)
        rates = {
            p: d.target * d.gpus * self.populations[p].price_level * self.roi_factor
            for p, d in self.rules.providers.items()
        }
        fakes = self.fakes.hours * rates[self.fakes.rules.poses_as] if self.fakes else 0.0
        weights = np.concatenate([*(hours[p] * rates[p] for p in hours), [fakes]])
        target = math.fsum(weights.tolist())
        ceiling = math.inf if rules.release_ceiling is None else rules.release_ceiling / self.world.scale
        state = self.rules.days, self.unreleased / token.unit, fee_vault / MICRO
        now = revenue / MICRO, token.price, self.roi_factor, ceiling
        step = rules.steps(*state, target, *now)
        usd = self._pay_usd(min(math.floor(step["usd"] * MICRO), fee_vault + revenue), weights)
        io = self._share_tokens(self._release(step["tokens"]), weights)
        self._burn(min(round(step["burned"] * now[1] * MICRO), ledger.balance("USD", self.vault)), self.vault)
        self.tally.add("rewards.target_usd", step["target"])
        self.tally.add("rewards.paid_usd", step["target"] - step["short"])
        if self.fakes and fakes and target > fakes:
            honest = target - fakes
            cut, cut_without = step["short"] / target, rules.steps(*state, honest, *now)["short"] / honest
            self.fakes.note(fakes * (1.0 - cut), max(cut - cut_without, 0.0) * honest)
        self.roi_factor, self.sustainability = step["roi"], step["sustainability"]
        return Payments(usd, io)

    def _pay_usd(self, amount: int, weights: Floats) -> list[Paid]:
        """Hand out USD of the vault like `_share_tokens`; co-stakers share in IO alone."""
        ledger = self.world.ledger
        amounts = ledger.split(amount, weights)
        if self.fakes:
            ledger.transfer(int(amounts[-1]), "USD", self.vault, self.fakes.account)
        paid = divided(amounts[:-1], self._all_rows())
        for p, k, part in paid:
            ledger.pay_out(part, "USD", self.vault, p.book.usd_account[k])
        return paid
