"""From a tree without references to a scenario, or to everything that is wrong with it."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from simdai.errors import Problem, ScenarioError
from simdai.registry import FrozenMapping
from simdai.schema.loading import Location, Node
from simdai.schema.overlay import location_of
from simdai.schema.positions import MOST_FAULTS, positioned, with_positions
from simdai.schema.scenario import LeftOut, Scenario, faults

__all__ = ["SECTIONS", "validate"]

SECTIONS = tuple(
    name for name, info in Scenario.model_fields.items() if isinstance(info.default, FrozenMapping)
)


def validate(tree: Node) -> tuple[Scenario | None, list[tuple[Problem, Location]]]:
    """Make the scenario, or say what is wrong; what is wrong between its sound parts is said in any case."""
    try:
        scenario: Scenario = Scenario.__pydantic_validator__.validate_python(tree.plain())
    except ValidationError as error:
        found = with_positions(error, tree)
        if len(found) > MOST_FAULTS:
            return None, found
        return None, found + _between_sound_parts(tree, [location for _, location in found])
    return scenario, [_placed(problem, tree) for problem in faults(scenario)]


def _placed(problem: Problem, tree: Node) -> tuple[Problem, Location]:
    try:
        location = location_of(problem.path) if problem.path else ()
    except ScenarioError:  # a name that no dotted path can hold
        location = ()
    return positioned(problem, location, tree), location


def _between_sound_parts(tree: Node, faulty: list[Location]) -> list[tuple[Problem, Location]]:
    """Leave the faulty parts out and check how the others fit together."""
    rest = tree
    unsound: dict[str, dict[str, Any]] = {}
    unknown = set[str]()
    for location in faulty:
        first = str(location[0]) if location else ""
        section = rest.at(first)
        if first in SECTIONS and len(location) > 1 and section is not None and section.is_mapping:
            rest = rest.with_child(first, section.with_child(location[1], None))
            unsound.setdefault(first, {})[str(location[1])] = LeftOut()
        elif first:
            rest = rest.with_child(first, None)
            unknown.add(first)
    for key, stand_in in (("start", "2000-01-01"), ("horizon", 1e5)):
        if rest.at(key) is None:
            rest = rest.with_child(key, Node(stand_in))
            unknown.add(key)
    try:
        scenario = Scenario.__pydantic_validator__.validate_python(rest.plain())
    except ValidationError:
        return []
    names = {key: FrozenMapping({**getattr(scenario, key), **lost}) for key, lost in unsound.items()}
    found = []
    for problem in faults(scenario.model_copy(update=names)):
        timing = problem.path in ("horizon", "warm_up", "record_every") or problem.path.endswith("[0].from")
        if not (timing and unknown & {"start", "horizon"}) and not unknown & set(SECTIONS):
            found.append(_placed(problem, tree))
    return found
