"""What all analyses of a study share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simdai.errors import ResultsError
from simdai.experiments.designs.points import Design
from simdai.experiments.study import Study

if TYPE_CHECKING:
    import pandas as pd


def tidy(rows: list[dict[str, Any]], study: Study, outcome: str, **attrs: Any) -> pd.DataFrame:
    """Make a table whose ``attrs`` hold the units, the outcome and the study it is about."""
    import pandas as pd

    table = pd.DataFrame(rows)
    units = {name: factor.unit for name, factor in study.factors.items()}
    table.attrs.update({"units": {**units, outcome: study.units.get(outcome, "")}, "outcome": outcome})
    table.attrs.update({"study": study.name, **attrs})
    return table


def laid_out_for(study: Study, kind: type[Design]) -> Any:
    """The design of a study that has the wanted layout.

    Raises
    ------
    ResultsError : it has another
    """
    design = study.file.design
    if not isinstance(design, kind):
        raise ResultsError(
            f"{study.name} has the design {design.kind}; this analysis needs the design {kind.kind}"
        )
    return design


def ranks(study: Study) -> NDArray[np.float64]:
    """(n points, n factors) the points as numbers: options by their place in the list."""
    points = study.points
    columns = []
    for name, factor in study.factors.items():
        column = points[name].to_numpy()
        if factor.options is not None:
            names = [factor.shown(float(n)) for n in range(factor.options)]
            column = np.array([names.index(value) for value in column], np.float64)
        columns.append(column.astype(np.float64))
    return np.column_stack(columns)
