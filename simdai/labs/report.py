"""What a run remembers of a lab."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from simdai.labs.capital import VentureFunding

if TYPE_CHECKING:
    from simdai.labs.lab import LabActor

__all__ = ["report"]


def report(lab: LabActor) -> None:
    """Register a lab's series and outcomes."""
    recorder, name = lab.world.recorder, lab.name
    for what, unit, reading in (
        ("quality.index", "ECI", lambda: lab.shelf.live_index if not lab.sold else math.nan),
        ("compute.h100e", "H100e", lambda: lab.fleet.h100e),
        ("compute.on_order_h100e", "H100e", lambda: lab.fleet.on_order),
        ("compute.serving_h100e", "H100e", lambda: lab.service.h100e),
        ("research.log_software", "1", lambda: lab.log_software),
        ("staff.headcount", "employees", lambda: lab.people.headcount),
        ("staff.researchers", "researchers", lambda: lab.researchers),
        ("staff.pay_usd", "USD/y", lambda: lab.pay_usd),
        ("training.largest_flop", "FLOP", lambda: largest_flop(lab)),
        ("run_rate_usd", "USD/y", lambda: lab.service.run_rate),
        ("spent_usd", "USD", lambda: lab.funding.spent_usd),
    ):
        recorder.series(f"{name}.{what}", unit, reading)
        recorder.outcome(f"{name}.{what}", unit, reading)
    training = lab.training
    for what, unit, reading in (
        ("training.runs", "1", lambda: len(training.finished)),
        ("training.failed", "1", lambda: training.failures),
        ("training.interruptions", "1", lambda: sum(run.interruptions for run in training.finished)),
        ("training.goodput", "1", lambda: mean_goodput(lab)),
        (
            "training.run_cost_usd",
            "USD",
            lambda: training.finished[-1].cost_usd if training.finished else math.nan,
        ),
        ("training.parameters", "parameters", lambda: lab.shelf.parameters),
        ("training.tokens", "token", lambda: lab.shelf.tokens),
        ("releases", "1", lambda: len(lab.releases)),
        ("serving.refused_share", "1", lambda: lab.service.refused_share),
        ("serving.gross_margin", "1", lambda: lab.service.gross_margin),
        ("serving.price_of_start_quality", "1", lambda: lab.shelf.price_of_start),
        ("revenue_usd", "USD", lambda: lab.service.revenue_usd),
        ("sold", "1", lambda: float(lab.sold)),
    ):
        recorder.outcome(f"{name}.{what}", unit, reading)
    if isinstance(lab.funding, VentureFunding):
        funding = lab.funding
        for what, unit, reading in (
            ("cash_usd", "USD", lambda: funding.cash),
            ("valuation_usd", "USD", lambda: 0.0 if lab.sold else funding.valuation),
            ("runway_years", "y", lambda: min(funding.runway, 100.0)),
            ("raised_usd", "USD", lambda: funding.raised_usd),
            ("owners_kept", "1", lambda: funding.kept),
        ):
            recorder.series(f"{name}.{what}", unit, reading)
            recorder.outcome(f"{name}.{what}", unit, reading)
        recorder.outcome(f"{name}.rounds", "1", lambda: funding.rounds)
    else:
        captive = lab.funding
        recorder.outcome(f"{name}.capex_usd", "USD", lambda: captive.capex_usd)
        recorder.series(f"{name}.parent.capex_usd", "USD", lambda: captive.parent_capex_usd)


def largest_flop(lab: LabActor) -> float:
    """FLOP of the largest run finished; nan before the first."""
    return max((run.flop for run in lab.training.finished), default=math.nan)


def mean_goodput(lab: LabActor) -> float:
    """Useful share of the time of all runs finished, weighted by their length; nan before the first."""
    runs = lab.training.finished
    days = math.fsum(run.end - run.start for run in runs)
    return math.fsum(run.useful_days for run in runs) / days if days else math.nan
