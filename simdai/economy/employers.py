"""Who employs researchers, and what the labour market tells about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

__all__ = ["Employer", "LabourMarket", "Staff", "employers"]


class Staff(NamedTuple):
    """Researchers of one employer, one entry a simulated person.

    Parameters
    ----------
    ability : (n,) float, productivity relative to the median researcher [1]
    full_time : (n,) float, real full-time equivalents that each entry stands for
    """

    ability: NDArray[np.float64]
    full_time: NDArray[np.float64]


@runtime_checkable
class Employer(Protocol):
    """An actor that employs researchers, paid or attracted: a lab, a network, an open training run.

    All numbers are real ones, whatever the scale. The labour market reads the attributes, sets ``pay_usd``
    where it bids, and reports with `employ`.

    Attributes
    ----------
    name : of the actor in the scenario
    is_open : whether the work is public and paid in tokens or bounties
    researchers : full-time equivalents now
    pay_usd : USD a year and researcher, cash and expected equity or tokens; the market's bids change it
    pay_ceiling_usd : USD a year above which it does not bid
    research_h100e : H100 equivalents that its researchers experiment on
    live_index : quality of the best model it has out [points]; minus infinity without one
    vacancies : full-time equivalents that it seeks now
    exit_hazard : share of its researchers who leave in a year at the start [1/yr]
    """

    name: str
    is_open: bool
    pay_usd: float

    @property
    def researchers(self) -> float: ...

    @property
    def pay_ceiling_usd(self) -> float: ...

    @property
    def research_h100e(self) -> float: ...

    @property
    def live_index(self) -> float: ...

    @property
    def vacancies(self) -> float: ...

    @property
    def exit_hazard(self) -> float: ...

    def employ(self, researchers: float, labour: float) -> None:
        """Take note of who works here from now on.

        Parameters
        ----------
        researchers : real full-time equivalents, hires and departures counted
        labour : effective research labour: ability, time in the job and the cost of teams counted
        """


class LabourMarket(Protocol):
    """What others ask the labour market; its kind is ``labour_market``, at most one in a scenario."""

    @property
    def moves(self) -> Mapping[tuple[str, str], float]:
        """Real people who moved since the start, by (from, to); ``outside`` is everybody else."""

    def staff(self, employer: str) -> Staff:
        """Researchers of an employer now."""

    def labour(self, employer: str) -> float:
        """Effective labour of an employer, in full-time people of ability 1."""

    def exodus(self, share: float) -> None:
        """Let a share of the researchers of every closed lab leave for open projects at once."""


def employers(world: Any) -> dict[str, Employer]:
    """Employers of a world by name, in the order of its sections."""
    actors = {**world.networks, **world.labs, **world.training}
    return {name: actor for name, actor in actors.items() if isinstance(actor, Employer)}
