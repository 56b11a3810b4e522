"""Classes of hardware: what a GPU does, draws and costs."""

from __future__ import annotations

from typing import Annotated

from simdai.economy.paths import Path, PathOf
from simdai.registry import Configured
from simdai.units import GiB, Positive, PositiveDays, Share, Watts

__all__ = ["Accelerator", "Hardware"]


class Hardware(Configured, family="hardware"):
    """A class of devices that providers and clouds offer and jobs ask for."""


class Accelerator(Hardware, kind="accelerator"):
    """A GPU or another accelerator.

    Parameters
    ----------
    speed : work per hour relative to an H100
    memory : GiB
    power : W at full load, the board alone
    capital_cost : USD to buy and house one GPU; may follow a path
    life : days over which it has to pay
    residual : resale value after that life, as a share of the price
    rental_price : USD per GPU-hour on the rental market outside the model; a number or a path
    """

    speed: Positive
    memory: GiB
    power: Watts
    capital_cost: Annotated[Path, PathOf("USD")]
    life: PositiveDays
    residual: Share = 0.0
    rental_price: Annotated[Path, PathOf("USD/h")] | None = None
