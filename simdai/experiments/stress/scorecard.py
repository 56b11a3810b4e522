"""The verdict on a design: held, bent or broke, stress by stress, with the numbers that decide."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from simdai.experiments.runners import Runner, runner
from simdai.experiments.statistics import Interval, t_interval
from simdai.experiments.stress.battery import UNSTRESSED, Applied, Battery, load_battery
from simdai.experiments.stress.measures import MEASURES, Pair
from simdai.experiments.study import Study
from simdai.experiments.sweeping import swept
from simdai.results import finite, html_table
from simdai.schema import Scenario, load

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Row", "Scorecard", "stress"]

Grade = Literal["held", "bent", "broke", "not measured"]
ORDER: tuple[Grade, ...] = ("not measured", "held", "bent", "broke")


@dataclass(frozen=True)
class Row:
    """One measure under one stress at one severity.

    Parameters
    ----------
    stress, severity, measure : names
    unit : of the values
    interval : over replications
    grade : by the mean
    sure : whether the whole interval lies on the same side of the limits
    """

    stress: str
    severity: str
    measure: str
    unit: str
    interval: Interval
    grade: Grade
    sure: bool


class Scorecard:
    """What a battery found.

    Parameters
    ----------
    applied : the battery on its network
    study : its runs
    """

    def __init__(self, applied: Applied, study: Study) -> None:
        self.applied, self.study = applied, study
        self.rows = tuple(self._rows())

    @property
    def name(self) -> str:
        """Scenario and network."""
        return f"{self.applied.scenario.name}: {self.applied.network}"

    def _rows(self) -> list[Row]:
        series, names = self.study.run_series, list(self.applied.variants)
        points = {name: int(self.study.where(stress=name)[0]) for name in names}
        calm = points[UNSTRESSED]
        outcomes = {name: self.study.replicated(name) for name in self.study.outcomes}
        rows = []
        for stress, severity in self.applied.names:
            point = points[f"{stress}.{severity}"]
            pairs = []
            for r in range(next(iter(outcomes.values())).shape[1]):
                keys = f"p{point}-r{r}", f"p{calm}-r{r}"
                if all(key in series for key in keys):
                    pairs.append(
                        Pair(
                            self.applied.network,
                            self.applied.struck(stress),
                            _of(outcomes, point, r),
                            _of(outcomes, calm, r),
                            series[keys[0]],
                            series[keys[1]],
                        )
                    )
            for name, measure in MEASURES.items():
                values = [measure.of(pair) for pair in pairs]
                if not np.isfinite(values).any():
                    continue
                interval = t_interval(values)
                grade, sure = self._grade(stress, name, interval)
                rows.append(Row(stress, severity, name, measure.unit, interval, grade, sure))
        return rows

    def _grade(self, stress: str, measure: str, interval: Interval) -> tuple[Grade, bool]:
        verdict = self.applied.verdict(measure, stress)
        if verdict is None or math.isnan(interval.mean):
            return "not measured", True
        grades = {verdict.of(x) for x in (interval.low, interval.high) if math.isfinite(x)}
        grade = verdict.of(interval.mean)
        return grade, grades <= {grade}

    # -- tables ----------------------------------------------------------------------------------------------

    @property
    def table(self) -> pd.DataFrame:
        """Columns stress, severity, measure, unit, mean, low, high, n, grade, sure."""
        import pandas as pd

        rows = [(r.stress, r.severity, r.measure, r.unit, *r.interval, r.grade, r.sure) for r in self.rows]
        heads = ["stress", "severity", "measure", "unit", "mean", "low", "high", "n", "grade", "sure"]
        table = pd.DataFrame(rows, columns=heads)
        table.attrs["units"] = {row.measure: row.unit for row in self.rows}
        return table

    @property
    def grades(self) -> dict[str, dict[str, tuple[Grade, str]]]:
        """Stress to severity to (the worst grade, the measure that gave it)."""
        found: dict[str, dict[str, tuple[Grade, str]]] = {}
        for row in self.rows:
            best = found.setdefault(row.stress, {}).get(row.severity, ("not measured", ""))
            if ORDER.index(row.grade) > ORDER.index(best[0]):
                best = row.grade, row.measure
            found[row.stress][row.severity] = best
        return found

    def grade(self, stress: str, severity: str, measure: str) -> Grade:
        """The grade by one measure; ``not measured`` where the runs do not have it."""
        asked = stress, severity, measure
        return next(
            (r.grade for r in self.rows if (r.stress, r.severity, r.measure) == asked), "not measured"
        )

    @property
    def broken(self) -> list[str]:
        """Stresses that broke the design at some severity."""
        return [s for s, by in self.grades.items() if any(grade == "broke" for grade, _ in by.values())]

    def to_json(self) -> dict[str, Any]:
        """What ``simdai stress --json`` prints; null stands for what has no value."""
        return {
            "scenario": self.applied.scenario.name,
            "network": self.applied.network,
            "replications": int(self.study.replicated(self.study.outcomes[0]).shape[1]),
            "grades": {s: {v: grade for v, (grade, _) in by.items()} for s, by in self.grades.items()},
            "measures": [
                {
                    "stress": r.stress,
                    "severity": r.severity,
                    "measure": r.measure,
                    "unit": r.unit,
                    "mean": finite(r.interval.mean),
                    "low": finite(r.interval.low),
                    "high": finite(r.interval.high),
                    "n": r.interval.n,
                    "grade": r.grade,
                    "sure": r.sure,
                }
                for r in self.rows
            ],
            "skipped": dict(self.applied.skipped),
            "result_hash": self.study.hash,
        }

    def shown(self, stress: str, severity: str) -> str:
        """A grade as tables show it, with the measure that decided it where something happened."""
        grade, measure = self.grades[stress].get(severity, ("not measured", ""))
        return f"{grade} {measure}" if grade in ("bent", "broke") else grade

    def __repr__(self) -> str:
        return f"<Scorecard of {self.name}: {len(self.grades)} stresses, {len(self.broken)} break it>"

    def _repr_html_(self) -> str:
        severities = self.applied.battery.severities
        rows = [
            (stress, *(self.shown(stress, severity) for severity in severities)) for stress in self.grades
        ]
        title = f"<p><b>{html.escape(self.name)}</b></p>"
        return title + html_table(("stress", *severities), rows, words=range(len(severities) + 1))


def _of(tables: Mapping[str, Any], point: int, replication: int) -> dict[str, float]:
    """Outcomes of one run, those without a value left out."""
    found = {name: float(table[point, replication]) for name, table in tables.items()}
    return {name: value for name, value in found.items() if not math.isnan(value)}


def stress(
    scenario: Any,
    network: str | None = None,
    battery: Battery | str = "standard",
    replications: int | None = None,
    seed: int = 1,
    workers: int = 1,
    set: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    force: bool = False,
    by: Runner | None = None,
    progress: bool | None = None,
    told: Callable[[str], None] = lambda text: None,
) -> Scorecard:
    """Lay a battery of stresses on a network and grade what it does.

    Every stress at every severity runs under the luck of the unstressed run. With ``out`` every run is stored
    as it is made; the same call goes on where it stopped.

    Parameters
    ----------
    scenario : Scenario, library name or path; a token design is a scenario
    network : its name; the only one without
    battery : a battery, its name in ``scenarios/batteries/`` or a path
    replications, seed : of each stress at each severity; the battery's number without
    set : changes of the scenario, as for `simdai.load`
    workers, out, force, by, progress, told : as for `simdai.sweep`

    Raises
    ------
    ScenarioError : something in the scenario, the battery or the names given is wrong
    ResultsError : ``out`` holds other results, is in use or cannot be written
    """
    loaded = scenario if isinstance(scenario, Scenario) else load(scenario)
    loaded = loaded.with_changes(set) if set else loaded
    laid = (battery if isinstance(battery, Battery) else load_battery(battery)).applied(loaded, network)
    made = swept(
        laid.study(replications, seed),
        by or runner(workers),
        None if out is None else Path(out),
        force,
        progress=progress,
        told=told,
    )
    return Scorecard(laid, made)
