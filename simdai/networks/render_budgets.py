"""What a scenario says of Render's mint and treasuries. RNP-n: rendernetwork/RNPs@a7ced774 ``RNP-n.md``."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import model_validator

from simdai.mechanisms.emission import render_budget, render_year1_split
from simdai.registry import Configured, Regimes
from simdai.units import Date, Quantity, Share, Tokens

__all__ = ["Budget", "Emission", "Remint", "SharedBudget", "Treasury", "VotedBudget", "YearOnePlan"]

TokensPerYear = Annotated[float, Quantity("token/y", low=0.0)]
Parts = dict[str, float]


class Budget(Configured, family="render_budget"):
    """How a month's emission is divided among operations, node rewards and grants."""

    def parts(self, year: int, month: int) -> Parts:
        """Weights of the three treasuries in a month, 1 to 12, of a BME year."""
        raise NotImplementedError


class SharedBudget(Budget, kind="shares"):
    """Shares of a year's emission, as tokens a year; what matters is their ratio."""

    operations: TokensPerYear
    node_rewards: TokensPerYear
    grants: TokensPerYear

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.operations + self.node_rewards + self.grants == 0:
            raise ValueError("a budget needs one part above zero")
        return self

    def parts(self, year: int, month: int) -> Parts:
        return {"operations": self.operations, "node_rewards": self.node_rewards, "grants": self.grants}


class VotedBudget(Budget, kind="voted"):
    """The budget that was voted for the BME year; that of year 3 from then on (RNP-006, RNP-018, RNP-022)."""

    LAST: ClassVar[int] = 3

    def parts(self, year: int, month: int) -> Parts:
        voted = render_budget(min(year, self.LAST))
        return {part: voted[part] for part in ("operations", "node_rewards", "grants")}


class YearOnePlan(Budget, kind="year_one_plan"):
    """The plan of BME year 1 before RNP-013 (RNP-006).

    Grants are the pools for liquidity and for artists; operations pay compute clients and upgrade points.
    """

    def parts(self, year: int, month: int) -> Parts:
        if year != 1:
            raise ValueError(f"the plan is for BME year 1, not {year}; give another budget from then on")
        plan = render_year1_split(month)
        return {
            "operations": plan["foundation"],
            "node_rewards": plan["nodes"],
            "grants": plan["liquidity"] + plan["artists"],
        }


class Remint(Configured):
    """The net-emission clause of RNP-001 in the form that Helium gave it: once the cap is reached, some of
    what is burned is minted again for nodes, epoch by epoch.

    Parameters
    ----------
    most : tokens that may be minted again in an epoch
    smoothing : weight of the target of the epoch before
    """

    most: Tokens
    smoothing: Share


class Emission(Configured):
    """The mint: on the day of ``genesis`` of every month a twelfth of the BME year's emission.

    Parameters
    ----------
    genesis : first day of BME year 1
    cap : tokens that may ever be minted
    budget : how a month's emission is divided among treasuries, by date
    remint : what is minted again after the cap; nothing without
    """

    genesis: Date
    cap: Tokens
    budget: Regimes[Budget]
    remint: Remint | None = None

    @model_validator(mode="after")
    def _day_of_every_month(self) -> Self:
        if self.genesis.day > 28:
            raise ValueError("genesis: a day that every month has, 1 to 28, is needed")
        return self


class Treasury(Configured):
    """Tokens of one category, minted and not yet paid out.

    Parameters
    ----------
    held : tokens at the start
    spent : share of a month's emission that is paid to recipients in that month; node rewards are paid by
        rule instead
    sold : share of what they get that recipients sell at once
    """

    held: Tokens = 0.0
    spent: Share = 0.0
    sold: Share = 0.0
