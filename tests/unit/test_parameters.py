"""The shipped numbers of the world: none without unit, date, source and grade."""

import re

import pytest

from simdai.schema.library import library_folder
from simdai.schema.loading import read_file
from simdai.schema.parameters import GRADES, Parameters, first_day, read_parameters
from simdai.units import UnitError, parse_unit

FOLDER = library_folder() / "parameters"
FILES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
NOT_NUMBERS = {"text", "date", "bool"}


def entries():
    return list(Parameters((FOLDER,)).all())


@pytest.mark.parametrize("name", FILES)
def test_every_file_can_be_read_without_a_problem(name):
    assert read_parameters(FOLDER / f"{name}.yaml")


def test_there_are_some_six_hundred_entries():
    assert len(entries()) > 580 and len({entry.name for entry in entries()}) == len(entries())


def test_no_number_lacks_its_unit_date_source_or_grade():
    for entry in entries():
        assert entry.source.strip() and entry.grade in GRADES and first_day(entry.date), entry.name
        for location, leaf in entry.value.leaves():
            assert entry.unit_at(location).strip(), (entry.name, location)
            assert leaf.value is not None, (entry.name, location)


def test_every_unit_can_be_converted_or_says_that_the_value_is_no_number():
    for entry in entries():
        for location, leaf in entry.value.leaves():
            unit = entry.unit_at(location)
            is_number = isinstance(leaf.value, int | float) and not isinstance(leaf.value, bool)
            assert is_number != (unit in NOT_NUMBERS), (entry.name, location, leaf.value, unit)
            if is_number:
                try:
                    parse_unit(unit)
                except UnitError as error:
                    pytest.fail(f"{entry.name}: {error}")


def test_no_source_is_only_the_same_as_another_or_an_abbreviation():
    for entry in entries():
        assert not re.match(r"same\b", entry.source), entry.name
        assert not re.search(r"\b(?:RNP|AKN|SDK|AEP|AKC|AKP|HELM|IOD|FIL|RAO|ST) [A-Za-z]", entry.source), (
            entry.name
        )


def test_grade_a_is_never_an_assumption_or_a_recollection():
    for entry in entries():
        if entry.grade == "A":
            assert not re.search(r"\bassum|\brecalled\b|reported by|social media", entry.source), entry.name


def test_dated_values_stand_in_order_and_begin_no_later_than_they_were_read():
    for entry in entries():
        for location, _ in entry.value.leaves():
            dates = [part for part in location if isinstance(part, str) and first_day(part)]
            assert all(first_day(day) <= first_day("2026-11-22") for day in dates), entry.name


def test_files_say_what_they_hold():
    for name in FILES:
        assert (FOLDER / f"{name}.yaml").read_text().startswith("# "), name


@pytest.mark.parametrize(
    ("name", "value", "unit"),
    [  # from the protocols' own documents, named in the entries
        ("render.operator_fee", 0.05, "fraction"),
        ("akash.genesis_supply", 100_000_000, "AKT"),
        ("bitcoin.initial_subsidy", 5_000_000_000, "sat"),
        ("bitcoin.retarget_interval", 2016, "blocks"),
        ("bittensor.tao_max_supply", 21_000_000, "TAO"),
        ("ionet.max_supply", 800_000_000, "IO"),
        ("graph.protocol_fee_burn", 0.01, "fraction"),
        ("ocean.ve_maxtime", 4 * 365 * 86_400, "s"),
        ("training.chinchilla.alpha", 0.3478, "nat"),
        ("labs.openai.compute_h100e", 1.7e6, "H100e"),
        ("hardware.h100_rental_history.2026-03", 2.35, "USD/h"),
    ],
)
def test_known_numbers_are_found_under_their_names(name, value, unit):
    _, tree, _ = read_file(FOLDER / f"{name.split('.')[0]}.yaml")
    node = tree
    for part in name.split(".")[1:]:
        child = node.at(part)
        if child is None:
            entry, child = node, node.value["value"].at(part)
        elif "value" in child.value:
            entry = child
        node = child
    found = node.value["value"].value if node.is_mapping and "value" in node.value else node.value
    assert found == value and entry.value["unit"].value == unit
