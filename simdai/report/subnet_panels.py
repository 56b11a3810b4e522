"""Figures of subnets: who gets the emission, what it buys, where the stake is."""

from __future__ import annotations

from simdai.report.panel import Panel

__all__ = ["SUBNET_PANELS"]

SUBNET_PANELS = (
    Panel(
        "Who gets the emission",
        r"(?P<who>[^.]+)\.emission\.(?P<what>miners|validators|stakers|owners|nobody)_share",
        "Shares of all that subnets paid since the warm-up, at prices of the day; nobody's is destroyed.",
        facets=True,
    ),
    Panel(
        "Quality by domain",
        r"(?P<who>[^.]+)\.(?P<what>[^.]+)\.quality",
        "Quality of miners by what they are paid; 1 is a middling miner at full effort.",
        facets=True,
    ),
    Panel(
        "Subnets",
        r"(?P<who>[^.]+)\.subnets\.(?P<what>count|paying)",
        "Subnets that have a place, and those that get TAO.",
        facets=True,
    ),
    Panel(
        "Margins of validators and owners",
        r"(?P<who>[^.]+)\.(?P<what>validators|owners)\.margin",
        "Take of dividends over the cost of evaluation; owner's cut and revenue over that of a team; less 1.",
        facets=True,
        floor=False,
    ),
    Panel(
        "Stake on root",
        r"(?P<who>[^.]+)\.root_share",
        "Share of all TAO that is staked on root and not in a subnet.",
    ),
    Panel(
        "Worth of alpha",
        r"(?P<who>[^.]+)\.alpha\.market_cap_usd",
        "Alpha of all subnets outside their pools, at the prices of the pools.",
    ),
)
