"""What Akash reports beside what every compute network does."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from simdai.networks.akash_vault import ACT

if TYPE_CHECKING:
    from simdai.networks.akash import AkashNetwork

__all__ = ["report"]

Measures = dict[str, tuple[str, Callable[[], float]]]


def report(network: AkashNetwork) -> None:
    """Register series and outcomes; flows are counted from the end of the warm-up in outcomes."""
    recorder, name = network.world.recorder, network.name
    for measure, (unit, level) in _levels(network).items():
        recorder.series(f"{name}.{measure}", unit, level)
        recorder.outcome(f"{name}.{measure}", unit, level)
    flows, then = _flows(network), dict[str, float]()
    for measure, (unit, total) in flows.items():
        recorder.series(f"{name}.{measure}", unit, total)
        recorder.outcome(f"{name}.{measure}", unit, lambda m=measure: flows[m][1]() - then.get(m, 0.0))  # type: ignore[misc]
    for measure, (unit, value) in _at_the_end(network).items():
        recorder.outcome(f"{name}.{measure}", unit, value)
    network.world.at_window(lambda: then.update({m: total() for m, (_, total) in flows.items()}))


def _levels(network: AkashNetwork) -> Measures:
    world, vault, token = network.world, network.vault, network.token
    scale, unit = world.scale, token.unit

    def held(asset: str, account: str) -> Callable[[], float]:
        return lambda: scale * world.ledger.holding(asset, account)

    measures: Measures = {
        "staking.inflation": ("1/y", lambda: network.staking.inflation),
        "staking.yield": ("1/y", lambda: network.staking.staking_yield),
        "treasury_akt": ("token", held(token.asset, token.treasury)),
        "treasury_usd": ("USD", held("USD", token.treasury)),
        "providers.arrears_usd": ("USD", lambda: scale * network.settlement.arrears / 1e6),
    }
    if vault is None:
        return measures

    def ratio() -> float:
        return vault.ratio(network.oracle.price or token.price) if vault.outstanding else math.nan

    def served(side: str) -> float:
        return float(vault.status(network.oracle.price)[side])  # type: ignore[literal-required]

    return measures | {
        "oracle.price_usd": ("USD", lambda: network.oracle.price or math.nan),
        "credit.supply": ("token", lambda: scale * world.ledger.supply(ACT) / 1e6),
        "credit.collateral_ratio": ("1", ratio),
        "credit.mint_open": ("1", lambda: served("mint")),
        "credit.redeem_open": ("1", lambda: served("redeem")),
        "credit.deposits": ("token", held(ACT, network.tenants.deposits)),
        "vault.akt": ("token", lambda: scale * vault.locked / unit),
        "vault.value_usd": ("USD", lambda: scale * vault.locked / unit * token.price),
    }


def _flows(network: AkashNetwork) -> Measures:
    world, vault, token = network.world, network.vault, network.token
    scale, unit = world.scale, token.unit

    def tallied(key: str, base: int) -> Callable[[], float]:
        return lambda: scale * network.settlement.tally[key] / base

    def locked() -> float:
        return vault.locked / unit if vault else 0.0

    flows: Measures = {
        "providers.unpaid_usd": ("USD", tallied("unpaid", 10**6)),
        "tenants.topped_up_usd": ("USD", lambda: scale * network.tenants.topped_up / 1e6),
        "tenants.conversion_loss_usd": ("USD", lambda: scale * network.tenants.lost / 1e6),
        "take_fees_usd": ("USD", tallied("take_usd", 10**6)),
        "take_fees_akt": ("token", tallied("take_akt", unit)),
        "leases.revenue_usd": ("USD", tallied("leased", 10**6)),
        "incentives.paid_usd": ("USD", lambda: scale * network.incentives_paid / 1e6),
        "incentives.short_usd": ("USD", lambda: scale * network.incentives_short / 1e6),
        "net_issuance_akt": ("token", lambda: scale * (token.issued - locked())),
    }
    if vault is None:
        return flows

    def counted(key: str, base: int) -> Callable[[], float]:
        return lambda: scale * vault.tally[key] / base

    return flows | {
        "credit.minted": ("token", counted("minted", 10**6)),
        "credit.redeemed": ("token", counted("redeemed", 10**6)),
        "credit.spread": ("token", counted("spread", 10**6)),
        "credit.cancelled": ("count", lambda: float(vault.tally["cancelled"])),
        "credit.refused": ("count", lambda: float(vault.tally["refused"])),
        "credit.mint_halted_days": ("d", lambda: vault.halted_days("mint")),
        "credit.redeem_halted_days": ("d", lambda: vault.halted_days("redeem")),
        "vault.locked_akt": ("token", counted("locked", unit)),
        "vault.released_akt": ("token", counted("from_vault", unit)),
        "vault.reminted_akt": ("token", counted("reminted", unit)),
    }


def _at_the_end(network: AkashNetwork) -> Measures:
    vault = network.vault
    if vault is None:
        return {}
    return {
        "credit.fall_at_halt": ("1", lambda: vault.fall_at_halt),
        "credit.fall_implied": ("1", lambda: vault.fall_implied),
    }
