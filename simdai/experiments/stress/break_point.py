"""How hard stresses must be to break a network."""

from __future__ import annotations

from collections.abc import Callable

from simdai.experiments.runners import Runner
from simdai.experiments.stress.challenge import Challenge
from simdai.experiments.stress.search import Search, cheapest_break

__all__ = ["break_point"]


def break_point(
    challenge: Challenge,
    budget: int = 60,
    replications: int = 4,
    fresh: int = 10,
    seed: int = 1,
    by: Runner | None = None,
    told: Callable[[str], None] = lambda text: None,
) -> Search:
    """Search the cheapest level of a stress, or of several at once, that breaks a network.

    Every field that the battery's severities change is searched between its mildest and its hardest level.
    The cost is what those who bring the stresses about spend [USD]; where nobody pays for one of them, it is
    the severity: the mean place between the mildest levels (0) and the hardest (1).

    Parameters
    ----------
    challenge : the stresses, the network, and what must hold
    budget, replications, fresh, seed, by : as for `cheapest_break`

    Raises
    ------
    ScenarioError : no such stress or severity, or it does not apply to the network, or nothing is searched
    """
    asked = challenge.posed()
    told(
        f"searching {', '.join(asked.factors)} for a break of {asked.prop}: "
        f"at most {budget} points x {replications} runs"
    )
    return cheapest_break(
        asked.base,
        asked.factors,
        asked.prop,
        asked.cost,
        budget,
        replications,
        fresh,
        seed,
        by,
        calm=asked.calm,
    )
