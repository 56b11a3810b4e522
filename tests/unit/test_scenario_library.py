"""The scenarios that travel with the package: sound, complete, and together they use every kind there is."""

import datetime
import re

import pytest

import simdai
from simdai import registry
from simdai.schema import library_scenarios
from simdai.schema.library import library_folder

SCENARIOS = library_scenarios()


def test_every_scenario_of_the_library_is_sound(library):
    assert list(library) == list(SCENARIOS)


def test_every_scenario_asks_a_question(library):
    assert [name for name, scenario in library.items() if not scenario.question] == []


def suggestions() -> list[tuple[str, str]]:
    """What the comments of the attacks' scenarios say to try, by scenario."""
    found = []
    for name in SCENARIOS:
        if name.startswith("attacks/"):
            lines = (library_folder() / f"{name}.yaml").read_text().splitlines()
            told = " ".join(line.lstrip("# ").rstrip() for line in lines if line.startswith("#"))
            settings = re.findall(r"""--set (?:"([^"]*)"|'([^']*)'|([^\s"',;)]+))""", told)
            found += [(name, "".join(parts).rstrip(".")) for parts in settings]
    return found


@pytest.mark.parametrize("name, setting", suggestions())
def test_what_an_attack_says_to_try_can_be_set(name, setting):
    assert simdai.load(name, set=(setting,)).provenance.changes


SECTIONS = {
    "network": "networks",
    "cloud": "clouds",
    "shock": "shocks",
    "institution": "institutions",
    "lab": "labs",
    "training": "training",
    "demand": "demand",
    "hardware": "hardware",
}


@pytest.mark.parametrize("family", SECTIONS)
def test_every_kind_is_used_by_some_scenario(family, library):
    used = set()
    for scenario in library.values():
        part = getattr(scenario, SECTIONS[family])
        used |= {item.kind for item in (part if family == "shock" else part.values())}
    assert set(registry.kinds(family)) - used == set()


def test_the_compute_layer_holds_the_three_networks_and_three_kinds_of_clouds_for_two_years():
    scenario = simdai.load("compute_layer")
    assert {"render", "akash", "ionet"} == set(scenario.networks)
    assert {"hyperscaler", "specialist", "long_tail"} <= set(scenario.clouds)
    assert scenario.start == datetime.date(2026, 1, 1) and scenario.horizon == 730.0


@pytest.mark.parametrize("name", ["compute_layer", "hard_year"])
def test_a_layer_run_is_the_same_for_one_and_two_workers_and_conserves_every_asset(name):
    short = {"horizon": "20 d", "warm_up": 0, "record_every": "5 d"}
    small = simdai.load(name, set={"scale": 50, "shocks": [], **short})
    one = simdai.run(small, seed=3, replications=2, workers=1)
    two = simdai.run(small, seed=3, replications=2, workers=2)
    assert one.hash == two.hash
    sim = simdai.Simulation(small, seed=3)
    sim.run()
    assert {asset: sim.world.ledger.imbalance(asset) for asset in sim.world.ledger.assets} == dict.fromkeys(
        sim.world.ledger.assets, 0
    )
