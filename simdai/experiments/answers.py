"""What a study of the library found, as a small table that can be made again.

``python -m simdai.experiments.answers NAME ...`` makes the studies named and writes the table of each as
``results/reference/NAME.csv``, behind a line that says how to make it again and one with the question.
A study that looks for conditions (``discover``) has the boxes of PRIM and the leaves of CART; others have the
analysis that their design is made for, or the mean of every point.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from simdai.errors import ResultsError
from simdai.experiments.analysis import FITTING, cart, prim
from simdai.experiments.study import Study
from simdai.experiments.sweeping import sweep

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["answer", "read_answer", "table_text"]

STORE = Path("results")  # where `simdai sweep` keeps the runs; made ones are taken from there
FOLDER = STORE / "reference"
DIGITS = 4  # significant ones
MOST_BOXES = 2


def answer(study: Study) -> pd.DataFrame:
    """The table that answers a study's question, with the outcome in the first column.

    Parameters
    ----------
    study : finished

    Returns
    -------
    DataFrame : ``outcome``, ``analysis`` and the columns of the analysis; see `simdai.experiments.analysis`
    """
    import pandas as pd

    file = study.file
    tables = []
    if file.discover:
        for name, side in file.discover.items():
            sign, threshold = (">", side.above) if side.below is None else ("<", side.below)
            for analysis, find in (("prim", prim), ("cart", cart)):
                more = {"boxes": MOST_BOXES} if find is prim else {}
                try:
                    found = find(study, name, above=side.above, below=side.below, **more)
                except ResultsError as none_or_all:
                    found = pd.DataFrame([{"factor": str(none_or_all)}])
                found = found.rename(columns={"leaf": "box"})
                tables.append(_headed(found, f"{name} {sign} {threshold:g}", analysis))
    elif file.design.analysis in FITTING:
        analyse = FITTING[file.design.analysis]
        tables = [_headed(analyse(study, name), name, file.design.analysis) for name in study.outcomes]
    else:
        return study.summary().drop(columns="point")
    return pd.concat(tables, ignore_index=True)


def _headed(table: pd.DataFrame, outcome: str, analysis: str) -> pd.DataFrame:
    return table.assign(outcome=outcome, analysis=analysis)[
        ["outcome", "analysis", *(column for column in table if column not in ("outcome", "analysis"))]
    ]


def table_text(study: Study) -> str:
    """The table as text, with the command that makes it and the question it answers."""
    head = f"# python -m simdai.experiments.answers {study.name}\n# {study.question}\n"
    table = answer(study)
    for column in table:
        if table[column].dtype == object:  # numbers beside names of options
            table[column] = [f"{x:.{DIGITS}g}" if isinstance(x, float) else x for x in table[column]]
    return head + table.to_csv(index=False, float_format=f"%.{DIGITS}g", lineterminator="\n")


def read_answer(path: str | Path) -> pd.DataFrame:
    """Read a table that `table_text` wrote."""
    import pandas as pd

    return pd.read_csv(path, comment="#")


def main(names: list[str]) -> None:
    """Make the studies named and write their tables."""
    for name in names:
        study = sweep(name, out=STORE / name, told=lambda text: print(text, file=sys.stderr))
        (FOLDER / f"{name}.csv").write_text(table_text(study), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
