"""The description of the model says everything that the code declares."""

from __future__ import annotations

import pkgutil
import re
from typing import Annotated

import pytest
from pydantic import Field

import simdai
from simdai import mechanisms, registry
from simdai.economy.calendar import Phase
from simdai.registry import Configured
from simdai.report import description
from simdai.report.description import describe, documented, source_of, words
from simdai.schema import Scenario, library_scenarios
from simdai.schema.parameters import Parameters
from simdai.units import Days


@pytest.fixture(scope="module")
def text(library: dict[str, Scenario]) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(description, "load", library.__getitem__)
        return describe()


def row(text: str, first: str) -> str:
    found = re.search(rf"^\| `{re.escape(first)}` \|.*$", text, re.M)
    assert found, f"no row for {first}"
    return found[0]


def test_the_seven_parts_of_the_protocol_are_there_in_order(text: str):
    parts = re.findall(r"^## (\d) (.*)$", text, re.M)
    assert [int(n) for n, _ in parts] == list(range(1, 8))
    assert [name for _, name in parts] == [
        "Purpose and patterns",
        "Entities, state variables and scales",
        "Process overview and scheduling",
        "Design concepts",
        "Initialization",
        "Input data",
        "Submodels",
    ]


def test_every_kind_is_described_with_each_of_its_parameters(text: str):
    for family in set(registry.families()) - {"design", "factor"}:
        for kind, cls in registry.kinds(family).items():
            part = re.search(
                rf"^#### `{re.escape(family)}: {re.escape(kind)}`\n(.*?)(?=^##|\Z)", text, re.M | re.S
            )
            assert part, f"{family}: {kind} is missing"
            for name in cls.model_fields:
                assert f"| `{name}` |" in part[1], f"{family}: {kind}: {name} is missing"


def test_every_mechanism_parameter_phase_and_scenario_is_in_it(text: str):
    for info in pkgutil.iter_modules(mechanisms.__path__):
        assert info.name.startswith("_") or f"### `mechanisms.{info.name}`" in text
    for entry in Parameters.reachable_from(None).all():
        assert f"| {entry.grade} |" in row(text, entry.name)
    for phase in Phase:
        assert not row(text, phase.name).endswith("|  |"), f"{phase.name} does not say what happens"
    for name in library_scenarios():
        row(text, name)


def test_streams_of_luck_sources_and_dated_rules_are_read_off_the_code(text: str):
    assert "`provider.entry`" in text and "`token.noise`" in text
    assert "Wilson (1985)" in text or "Source" not in words(mechanisms)
    assert re.search(r"\| `[\w/]+` \| `networks\.akash\.\w+` \| 2026-", text)
    assert "Parameters\n---" not in text and "``" not in text


def test_a_scenario_gives_its_own_objects_numbers_and_rules_only():
    scenario = simdai.load("networks/akash")
    said = describe(scenario)
    assert "| `networks.akash` | `akash` |" in said
    uses = {use.name for _, use in scenario.provenance.parameters}
    for name in uses:
        row(said, name)
    assert "| `render.operator_fee` |" not in said and "| `compute_layer` |" not in said


class Documented(Configured):
    """A thing.

    Parameters
    ----------
    first, second : days, which go on
        in a second line
    third : the last

    Notes
    -----
    Nothing. Source: Somebody (1999), A paper. More words.
    """

    first: Days
    second: Days
    third: Annotated[Days, Field(description="said by the field itself")] = 1.0


def test_parameters_are_read_from_docstrings_over_several_lines():
    found = documented(Documented)
    assert found["first"] == found["second"] == "days, which go on in a second line"
    assert found["third"] == "the last"
    assert words(Documented) == "A thing." and source_of(Documented) == "Somebody (1999), A paper"


def test_the_command_line_writes_it(tmp_path, capsys):
    from simdai.cli import run_app

    assert run_app(["describe", "examples/minimal", "--out", str(tmp_path / "model.md")]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "model.md")
    assert "# The model" in (tmp_path / "model.md").read_text()
