"""The vault of AKT behind the credit ACT: requests to mint and to redeem, and the circuit breaker."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from simdai.economy.actors import World
from simdai.economy.calendar import Phase
from simdai.mechanisms.akash_credit import (
    Conversion,
    CreditStatus,
    bme_basis_points,
    bme_collateral_ratio,
    bme_convert,
    bme_mint_epoch_blocks,
    bme_retry,
    bme_status,
    bme_use_credits,
)
from simdai.networks.akash_oracle import PriceOracle
from simdai.networks.akash_rules import Credit

__all__ = ["ACT", "CreditVault", "Request"]

ACT = "ACT"
MICRO = 10**6
BPS = 10_000

Side = Literal["mint", "redeem"]
Account = str | int


@dataclass
class Request:
    """A request in the queue: ``amount`` base units from ``source``, the proceeds to ``target``.

    ``holder`` tells whose it is: a provider by population and row, or somebody who is told the end by
    ``executed(request, received)``; ``purpose`` and ``cost`` are for the holder's own use.
    """

    side: Side
    amount: int
    source: Account
    target: Account
    holder: Any = None
    purpose: str = ""
    cost: int = 0
    attempts: int = 0


Executed = Callable[[list[tuple[Request, int]]], None]


class CreditVault:
    """AKT locked and ACT outstanding.

    Accounts: ``NAME.vault`` (AKT: the seed and what was locked to mint; ACT: the spread) and ``NAME.queue``
    (what pending requests hold, in AKT and in ACT).
    """

    def __init__(
        self, rules: Credit, world: World, name: str, akt: str, oracle: PriceOracle, block: float
    ) -> None:
        self.rules, self.world, self.akt, self.oracle, self.block = rules, world, akt, oracle, block
        self.vault, self.queue = f"{name}.vault", f"{name}.queue"
        self._marks = round(rules.warn * BPS), round(rules.halt * BPS)
        world.ledger.declare(ACT, 6)
        for asset in (akt, ACT):
            world.ledger.open(self.vault, asset)
            world.ledger.open(self.queue, asset)
        self.executed: Executed = lambda done: None
        """Called with each batch: requests that are over, and what their targets got."""
        self._queues: dict[Side, deque[Request]] = {"mint": deque(), "redeem": deque()}
        self._scheduled: set[Side] = set()
        self.tally = dict.fromkeys(
            ("minted", "redeemed", "spread", "locked", "from_vault", "reminted", "cancelled", "refused"), 0
        )
        """Base units since the start (cancelled and refused: requests)."""
        self._halted: dict[Side, float] = {"mint": 0.0, "redeem": 0.0}
        self.fall_at_halt = self.fall_implied = math.nan
        """Fall of AKT at the first halt for want of collateral, and the one at which the ratio is too low."""
        self.begun = False
        self.credits = 0
        """Remint credits: micro-AKT locked by minting that redemptions may take; the seed is not for them."""
        self._known: tuple[tuple[float | None, int, int], CreditStatus] | None = None  # last status asked for
        self._counted: tuple[float, CreditStatus] | None = None
        self._open: tuple[float, float] | None = None  # price and ratio when last seen open

    # -- state -----------------------------------------------------------------------------------------------

    @property
    def locked(self) -> int:
        """Micro-AKT in the vault, pending requests not counted."""
        return self.world.ledger.balance(self.akt, self.vault)

    @property
    def outstanding(self) -> int:
        """Micro-ACT that exist."""
        return self.world.ledger.supply(ACT)

    def ratio(self, price: float | None) -> float:
        """Collateral ratio at a price of AKT; infinite without credit, as long as AKT are locked."""
        return bme_collateral_ratio(float(self.locked), price or 0.0, float(self.outstanding))

    def status(self, price: float | None) -> CreditStatus:
        """What is served at the oracle's price; None is a price that may not be used."""
        state = price, self.locked, self.outstanding
        if self._known is None or self._known[0] != state:
            bps = bme_basis_points(self.ratio(price))
            self._known = state, bme_status(bps, price is not None, *self._marks)
        return self._known[1]

    def look(self) -> CreditStatus:
        """Take the status now, and note the fall of the price since the last look at which minting halts."""
        price = self.oracle.price
        status = self._count(price)
        if self.begun and price is not None:
            if self._open is not None and status["status"] == "halt_cr" and math.isnan(self.fall_at_halt):
                last, ratio = self._open
                self.fall_at_halt = 1.0 - price / last
                self.fall_implied = max(1.0 - self.rules.halt / ratio, 0.0)
            self._open = (price, self.ratio(price)) if status["mint"] else None
        return status

    def _count(self, price: float | None) -> CreditStatus:
        """Take the status, and add up how long minting and redemption have been halted."""
        now, status = self.world.env.now, self.status(price)
        if self._counted is not None:
            then, before = self._counted
            self._halted["mint"] += 0.0 if before["mint"] else now - then
            self._halted["redeem"] += 0.0 if before["redeem"] else now - then
        self._counted = (now, status) if self.begun else None
        return status

    def halted_days(self, side: Side) -> float:
        """Days without service since the start."""
        then, status = self._counted or (0.0, None)
        lasting = self.world.env.now - then if status is not None and not status[side] else 0.0
        return self._halted[side] + lasting

    def seed(self, source: Account) -> None:
        """Fund the vault, as far as ``source`` holds the seed; an empty vault mints nothing."""
        self.begun = True
        wanted = round(self.rules.seed / self.world.scale * MICRO)
        amount = min(wanted, self.world.ledger.balance(self.akt, source))
        self.world.ledger.transfer(amount, self.akt, source, self.vault)

    # -- requests --------------------------------------------------------------------------------------------

    def request(self, request: Request) -> bool:
        """Queue a request and take what it converts; False when the circuit breaker refuses it."""
        if request.amount == 0:
            return False
        if not self.status(self.oracle.price)[request.side]:
            self.tally["refused"] += 1
            return False
        asset = self.akt if request.side == "mint" else ACT
        self.world.ledger.transfer(request.amount, asset, request.source, self.queue)
        self._queues[request.side].append(request)
        self._schedule(request.side)
        return True

    def pending(self, side: Side, holder: Any) -> int:
        """Base units that the pending requests of a holder hold."""
        return sum(request.amount for request in self._queues[side] if request.holder == holder)

    def _schedule(self, side: Side) -> None:
        """Put the next batch on the calendar: at the next multiple of the epoch of its side."""
        if side in self._scheduled or not self._queues[side]:
            return
        self._scheduled.add(side)
        blocks, rules = self.rules.min_blocks, self.rules
        price = self.oracle.price
        if side == "mint" and price is not None:
            blocks = bme_mint_epoch_blocks(
                bme_basis_points(self.ratio(price)),
                round(rules.backoff * 100),
                round(rules.warn * BPS),
                rules.min_blocks,
                rules.max_blocks,
            )
        height = (math.floor(self.world.env.now / self.block) // blocks + 1) * blocks
        self.world.calendar.at(height * self.block, Phase.EPOCHS, partial(self._batch, side))

    def _batch(self, side: Side) -> None:
        """Serve the oldest requests of a side; those that cannot be served yet stay, a few times."""
        self._scheduled.discard(side)
        queue, price = self._queues[side], self.oracle.price
        first = [queue.popleft() for _ in range(min(len(queue), self.rules.batch))]
        done, kept = [], []
        for request in first:
            if price is not None and self.status(price)[side]:
                done.append((request, self._execute(request, price)))
            elif self._try_again(request):
                kept.append(request)
            else:
                done.append((request, 0))
        queue.extendleft(reversed(kept))
        self._count(price)
        self._schedule(side)
        self.executed(done)

    def _try_again(self, request: Request) -> bool:
        """Whether a request that failed stays pending; else it is cancelled and refunded."""
        request.attempts += 1
        if bme_retry(request.attempts, self.rules.max_attempts)[1] == "executed":
            return True
        self._refund(request, request.amount)
        return False

    def _refund(self, request: Request, amount: int) -> None:
        asset = self.akt if request.side == "mint" else ACT
        self.world.ledger.transfer(amount, asset, self.queue, request.source)
        self.tally["cancelled"] += 1

    def _execute(self, request: Request, price: float) -> int:
        """Convert one request; returns what its target got, zero when it was cancelled."""
        return self._mint(request, price) if request.side == "mint" else self._redeem(request, price)

    def _mint(self, request: Request, price: float) -> int:
        """AKT into the vault, ACT out of nothing: the spread to the vault, the rest to the target."""
        rules, ledger = self.rules, self.world.ledger
        least = round(rules.min_mint / self.world.scale * MICRO)
        conversion = bme_convert(request.amount, price, 1, round(rules.mint_spread * BPS), least)
        if self._cancelled(request, conversion):
            return 0
        ledger.transfer(request.amount, self.akt, self.queue, self.vault)
        ledger.mint(conversion["out"], ACT, self.vault)
        ledger.transfer(conversion["received"], ACT, self.vault, request.target)
        self.credits += request.amount
        self.tally["locked"] += request.amount
        self.tally["minted"] += conversion["out"]
        self.tally["spread"] += conversion["spread"]
        return conversion["received"]

    def _redeem(self, request: Request, price: float) -> int:
        """ACT burned, AKT out of the vault as far as remint credits reach, then newly minted."""
        rules, ledger = self.rules, self.world.ledger
        least = round(rules.min_redeem / self.world.scale * MICRO)
        conversion = bme_convert(request.amount, 1, price, round(rules.settle_spread * BPS), least)
        if self._cancelled(request, conversion):
            return 0
        used = bme_use_credits(self.credits, conversion["out"])
        self.credits = used["left"]
        ledger.burn(request.amount, ACT, self.queue)
        ledger.mint(used["minted"], self.akt, self.vault)
        ledger.transfer(conversion["received"], self.akt, self.vault, request.target)
        self.tally["redeemed"] += request.amount
        self.tally["from_vault"] += used["from_credits"]
        self.tally["reminted"] += used["minted"]
        return conversion["received"]

    def _cancelled(self, request: Request, conversion: Conversion) -> bool:
        if conversion["reason"] is None:
            return False
        self._refund(request, conversion["refund"])
        return True
