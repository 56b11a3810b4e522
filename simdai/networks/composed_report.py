"""What a composed network reports of its own: locks, purses, votes, collateral."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from simdai.economy.compute_network import MICRO

if TYPE_CHECKING:
    from simdai.networks.composed import ComposedNetwork

__all__ = ["report"]


def report(network: ComposedNetwork) -> None:
    """Register the series and outcomes of the parts that the network has; amounts in real units."""
    recorder, scale, name, token = network.world.recorder, network.world.scale, network.name, network.token

    def level(what: str, unit: str, function: Callable[[], float]) -> None:
        recorder.series(f"{name}.{what}", unit, function)
        recorder.outcome(f"{name}.{what}", unit, function)

    if network.treasury is not None:
        purse = network.treasury
        level("treasury.value_usd", "USD", lambda: scale * purse.value)
        level("treasury.runway_years", "y", lambda: purse.runway_years)
        level("treasury.paid_share", "1", lambda: purse.paid_share)
    if token is None:
        return
    unit = scale / token.unit
    if network.unlocks is not None:
        unlocks = network.unlocks
        level("token.locked", "token", lambda: unit * unlocks.still_locked)
    if network.stakes is not None:
        stakes = network.stakes
        level("staked", "token", lambda: unit * stakes.total)
        level("slashed", "token", lambda: unit * stakes.slashed)
    if network.access is not None:
        access = network.access
        level("access.locked", "token", lambda: unit * access.locked)
    if network.rules.governance is not None:
        level("governance.capture_cost_usd", "USD", lambda: scale * network.capture_cost)
    if network.credit is not None:
        credit, outcome = network.credit, recorder.outcome
        level("vault.collateral_ratio", "1", lambda: credit.ratio)
        level("vault.credit_usd", "USD", lambda: scale * credit.outstanding)
        outcome(f"{name}.vault.lowest_ratio", "1", lambda: credit.lowest_ratio)
        outcome(f"{name}.vault.lowest_value", "1", lambda: credit.lowest_value)
        outcome(f"{name}.vault.short_share", "1", lambda: credit.short_share)
        outcome(f"{name}.vault.redeemed_usd", "USD", lambda: scale * credit.redeemed / MICRO)
        outcome(f"{name}.vault.minted", "token", lambda: unit * credit.minted)
