"""Scenario files: everything wrong in one report, changes on record, values that cannot change."""

import datetime
import json
import pickle
from types import MappingProxyType

import numpy as np
import pytest

from simdai.errors import ScenarioError
from simdai.schema import Scenario, check, load

SOUND = """\
question: Is this sound?
start: 2026-01-01
horizon: 90 d
hardware:
  h100: {kind: accelerator, speed: 1, memory: 80 GiB, power: 700 W, capital_cost: 30000 USD, life: 4 y}
  a100: {kind: accelerator, speed: 0.4, memory: 80 GiB, power: 400 W, capital_cost: 15000 USD, life: 4 y}
clouds:
  big: {kind: cloud, hardware: h100, capacity: 150, price: 3.5 USD/h}
  small: {kind: cloud, hardware: a100, capacity: 20, price: 1.5 USD/h}
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write files below a folder that is the working one; the first is returned as a path for `load`."""
    monkeypatch.chdir(tmp_path)

    def writer(**files):
        for name, text in files.items():
            path = tmp_path / f"{name.replace('__', '/')}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return f"./{next(iter(files))}.yaml"

    return writer


def problems_of(name, **arguments):
    with pytest.raises(ScenarioError) as caught:
        load(name, **arguments)
    return [str(problem) for problem in caught.value.problems]


def test_a_sound_file_becomes_a_scenario_in_canonical_units(write):
    scenario = load(write(market=SOUND))
    assert scenario.name == "market"
    assert scenario.start == datetime.date(2026, 1, 1)
    assert (scenario.horizon, scenario.warm_up, scenario.record_every, scenario.scale) == (
        90.0,
        0.0,
        1.0,
        1.0,
    )
    assert scenario.hardware["h100"].life == 1461.0
    assert scenario.end == datetime.datetime(2026, 4, 1)
    assert "market" in repr(scenario) and "h100" in scenario._repr_html_()


def test_six_planted_faults_give_six_positioned_problems_in_one_report(write):
    faulty = """\
question: What is wrong here?
start: 2026-01-01
horizn: 90 d
hardware:
  h100: {kind: acelerator, speed: 1, memory: 80 GiB, power: 700 W, capital_cost: 30000 USD, life: 4 y}
  a100:
    kind: accelerator
    speed: "0.4"
    memory: 80 W
    power: 400 W
    capital_cost: 15000 USD
    life: 4 y
clouds:
  big: {kind: cloud, hardware: h200, capacity: 150, price: 3.5 USD/h}
  small: {kind: cloud, hardware: a100, capacity: -20, price: 1.5 USD/h}
"""
    assert [line.split(": ")[:2] for line in problems_of(write(faulty=faulty))] == [
        ["./faulty.yaml:3:1", "horizn"],
        ["./faulty.yaml:5:16", "hardware.h100.kind"],
        ["./faulty.yaml:8:12", "hardware.a100.speed"],
        ["./faulty.yaml:9:13", "hardware.a100.memory"],
        ["./faulty.yaml:14:32", "clouds.big.hardware"],
        ["./faulty.yaml:15:50", "clouds.small.capacity"],
    ]
    report = "\n".join(problems_of("./faulty.yaml"))
    for hint in ("Did you mean 'horizon'?", "Did you mean 'accelerator'?", "text '0.4'", "is a power", "-20"):
        assert hint in report
    assert "unknown hardware 'h200'" in report


def test_missing_keys_are_told_at_what_lacks_them(write):
    (one, two) = problems_of(write(empty="question: What?\n"))
    assert one.startswith("./empty.yaml:1:1: start: missing") and two.startswith(
        "./empty.yaml:1:1: horizon: missing"
    )
    (line,) = problems_of(write(market=SOUND.replace("capacity: 150, ", "")))
    assert line.startswith("./market.yaml:8:3: clouds.big.capacity: missing")


@pytest.mark.parametrize(
    "value", ["0 d", "-1 d", "1e9 d", "true", "null", "[90]", "{d: 90}", "90 USD", ".nan"]
)
def test_a_horizon_is_a_positive_time(write, value):
    (line,) = problems_of(write(market=SOUND.replace("90 d", value)))
    assert line.startswith("./market.yaml:3:10: ")


@pytest.mark.parametrize(
    ("key", "value"), [("scale", "0.5"), ("scale", "x"), ("warm_up", "90 d"), ("record_every", "0 d")]
)
def test_numbers_out_of_range_are_refused_at_their_place(write, key, value):
    (line,) = problems_of(write(market=SOUND + f"{key}: {value}\n"))
    assert line.startswith(f"./market.yaml:10:{len(key) + 3}: {key}: ")


@pytest.mark.parametrize("part", ["labs.openai", "networks.akash", "institutions.models", "demand.startups"])
def test_what_others_say_of_a_faulty_object_is_not_held_against_them(part):
    with pytest.raises(ScenarioError) as caught:
        load("history", set={f"{part}.colour": "red"})
    assert [problem.path for problem in caught.value.problems] == [f"{part}.colour"]


def test_check_reports_the_problems_of_all_files_and_none_for_sound_ones(write):
    write(one=SOUND, two="start: 2026-01-01\n", three="start: x\nhorizon: 1 d\n")
    assert check(["./one.yaml"]) == []
    assert [problem.file for problem in check(["./one.yaml", "./two.yaml", "./three.yaml"])] == [
        "./two.yaml",
        "./three.yaml",
    ]


def test_nothing_in_a_scenario_can_be_changed(write):
    scenario = load(write(market=SOUND))
    with pytest.raises(Exception, match="frozen"):
        scenario.horizon = 3
    with pytest.raises(TypeError):
        scenario.hardware["x"] = 1
    with pytest.raises(Exception, match="frozen"):
        scenario.hardware["h100"].speed = 2


def test_scenarios_compare_hash_and_pickle_by_value_whatever_their_file(write):
    scenario = load(write(market=SOUND))
    turned = load(write(other=SOUND.replace("90 d", "2160 h")))
    assert scenario == turned and hash(scenario) == hash(turned) and scenario.hash == turned.hash
    assert scenario != scenario.with_changes({"horizon": "91 d"})
    again = pickle.loads(pickle.dumps(scenario))
    assert again == scenario and again.name == "market" and again.provenance == scenario.provenance
    assert len(scenario.hash) == 64


def test_the_order_of_names_in_a_file_does_not_count(write):
    head, h100, a100, rest = (
        SOUND.partition("  h100")[0],
        *SOUND.splitlines(True)[4:6],
        SOUND.splitlines(True)[6:],
    )
    assert load(write(turned=head + a100 + h100 + "".join(rest))) == load(write(market=SOUND))


def test_the_canonical_text_restores_the_scenario(write):
    scenario = load(write(market=SOUND))
    assert Scenario(**json.loads(scenario.canonical)) == scenario
    assert load(json.loads(scenario.canonical)) == scenario


def test_a_scenario_made_in_python_is_checked_like_a_file():
    with pytest.raises(ScenarioError) as caught:
        Scenario(start="2026-01-01", horizon=True, nonsense=1)
    assert {problem.path for problem in caught.value.problems} == {"Scenario.horizon", "Scenario.nonsense"}
    with pytest.raises(ScenarioError, match="warm_up"):
        Scenario(start="2026-01-01", horizon=10, warm_up=10)
    assert Scenario(start=datetime.date(2026, 1, 1), horizon=np.int64(10)).horizon == 10.0


# Extends and overrides


def test_a_file_extends_another_and_positions_name_the_file_a_value_came_from(write):
    child = "extends: ./market.yaml\nclouds:\n  big: {price: 4 USD/h}\n  small: null\n"
    scenario = load(write(child=child, market=SOUND))
    assert list(scenario.clouds) == ["big"]
    assert scenario.clouds["big"].capacity == 150
    assert scenario.question == "Is this sound?"
    (one, two) = problems_of(
        write(child=child.replace("4 USD/h", "4 d"), market=SOUND.replace("capacity: 150", "capacity: -1"))
    )
    assert one.startswith("./child.yaml:3:16: clouds.big.price: ")
    assert two.startswith("market.yaml:8:48: clouds.big.capacity: ")


def test_a_changed_kind_replaces_the_whole_object(write):
    child = "extends: ./market.yaml\nhardware: {h100: {kind: other}}\n"
    (line,) = problems_of(write(child=child, market=SOUND))
    assert "unknown hardware kind 'other'" in line


def test_of_several_bases_the_later_lie_over_the_earlier_and_the_file_over_all(write):
    one = SOUND.replace("capacity: 150", "capacity: 1")
    two = "extends: ./one.yaml\nquestion: Two?\nclouds: {big: {capacity: 2}}\n"
    child = "extends: [./one.yaml, ./two.yaml]\nclouds: {big: {price: 4 USD/h}}\n"
    scenario = load(write(child=child, one=one, two=two))
    assert scenario.question == "Two?"
    assert scenario.clouds["big"].capacity == 2
    assert "small" in scenario.clouds
    without = load(write(child=child.replace("{big", "{small: null, big"), one=one, two=two))
    assert list(without.clouds) == ["big"]


def test_a_library_scenario_can_be_extended(write):
    scenario = load(write(mine="extends: minimal\nhorizon: 8 d\n"))
    assert scenario.horizon == 8.0 and scenario.networks == load("minimal").networks


@pytest.mark.parametrize(
    ("files", "line"),
    [
        ({"a": "extends: ./a.yaml\n"}, "./a.yaml:1:10: extends: a circle"),
        ({"a": "extends: ./b.yaml\n", "b": "extends: ./a.yaml\n"}, "b.yaml:1:10: extends: a circle"),
        ({"a": "extends: no_such_scenario\n"}, "./a.yaml:1:10: extends: unknown scenario 'no_such_scenario'"),
        ({"a": "extends: ./no_such_file.yaml\n"}, "no_such_file.yaml: cannot be read"),
        ({"a": "extends: [minimal, x]\n"}, "./a.yaml:1:20: extends: unknown scenario 'x'"),
        ({"a": "extends: {a: 1}\n"}, "./a.yaml:1:10: extends: "),
        ({"a": "overrides: [no_such]\n" + SOUND}, "./a.yaml:1:13: overrides: unknown override 'no_such'"),
        ({"a": "overrides: [3]\n" + SOUND}, "./a.yaml:1:13: overrides[0]: 3"),
    ],
)
def test_what_cannot_be_extended_is_told_where_it_is_named(write, files, line):
    assert problems_of(write(**files))[0].startswith(line)


def test_a_chain_of_extensions_has_an_end(write):
    files = {f"f{n}": f"extends: ./f{n + 1}.yaml\n" for n in range(40)}
    assert "levels" in problems_of(write(**files))[0]


def test_overrides_patch_a_scenario_and_leave_a_record_of_old_and_new(write):
    patch = "question: What if power costs more?\nhardware: {h100: {power: 800 W}}\nclouds: {small: null}\n"
    scenario = load(write(market=SOUND, overrides__hot=patch, parameters__x=""), overrides=["hot"])
    assert scenario.hardware["h100"].power == 800 and list(scenario.clouds) == ["big"]
    assert scenario.question == "Is this sound?"
    changes = {change.path: (change.old, change.new, change.by) for change in scenario.provenance.changes}
    assert changes["hardware.h100.power"] == ("700 W", "800 W", "override hot")
    assert changes["clouds.small.price"] == ("1.5 USD/h", None, "override hot")
    assert [name for name, _ in scenario.provenance.files] == ["./market.yaml", "overrides/hot.yaml"]
    assert scenario.provenance.content == SOUND.encode()


def test_a_file_may_name_its_overrides(write):
    scenario = load(
        write(market="overrides: [hot]\n" + SOUND, overrides__hot="horizon: 7 d\n", parameters__x="")
    )
    assert scenario.horizon == 7.0 and scenario.provenance.changes[0].by == "override hot"


def test_an_override_extends_nothing(write):
    lines = problems_of(
        write(market=SOUND, overrides__hot="extends: minimal\n", parameters__x=""), overrides=["hot"]
    )
    assert lines[0].startswith("overrides/hot.yaml:1:1: extends: ")


# Set


def test_set_changes_values_given_as_text_or_from_python(write):
    path = write(market=SOUND)
    by_text = load(path, set=["hardware.h100.power=800 W", "clouds.big.capacity=1e3", "clouds.small=null"])
    by_python = load(
        path, set={"hardware.h100.power": 800, "clouds.big.capacity": np.int64(1000), "clouds.small": None}
    )
    assert by_text == by_python
    assert by_text.clouds["big"].capacity == 1000
    (first, *_) = by_text.provenance.changes
    assert (first.path, first.old, first.new, first.by) == ("hardware.h100.power", "700 W", "800 W", "--set")


def test_a_change_of_what_the_file_leaves_out_records_the_default_as_old(write):
    scenario = load(write(market=SOUND), set={"record_every": "2 d"})
    (change,) = scenario.provenance.changes
    assert (change.old, change.new) == (1.0, "2 d")


def test_set_takes_mappings_lists_and_positions_in_lists(write):
    rules = "[{rule: {kind: fixed, per_day: 1}}, {from: 2026-02-01, rule: {kind: fixed, per_day: 2}}]"
    scenario = load(
        "minimal", set=[f"networks.gridnet.emit={rules}", "networks.gridnet.emit[1].rule.per_day=3"]
    )
    assert [rule.per_day for rule in scenario.networks["gridnet"].emit.rules] == [1.0, 3.0]
    dotted = scenario.with_changes({"networks.gridnet.emit.1.rule.per_day": 3})
    assert dotted == scenario


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("clouds.bg.price=3", "no 'bg' in clouds; one of: big, small. Did you mean 'big'?"),
        ("cloud.big.price=3", "Did you mean 'clouds'?"),
        ("clouds.big.prize=3", "clouds.big.prize: unknown key 'prize'"),
        ("clouds.big.price.usd.x=3", "clouds.big.price is '3.5 USD/h'"),
        ("clouds.big.price", "no '='"),
        ("clouds..price=3", "the path 'clouds..price'"),
        ("=3", "the path ''"),
        ("clouds.big.price=[1", "not YAML"),
        ("clouds.big.price=!!python/name:os.system", "the tag"),
        ("shocks[3].at=2026-01-01", "shocks"),
        ("horizon=" + "9" * 6000, "a number of 6000 characters"),
    ],
)
def test_a_set_that_cannot_be_is_refused_with_the_nearest_match(write, text, expected):
    lines = problems_of(write(market=SOUND), set=[text])
    assert any(expected in line and line.startswith("--set ") for line in lines), lines


def test_further_changes_build_on_a_scenario_and_keep_its_record(write):
    scenario = load(write(market=SOUND), set={"horizon": "30 d"})
    further = scenario.with_changes({"scale": 2})
    assert (further.horizon, further.scale, further.name) == (30.0, 2.0, "market")
    assert [change.path for change in further.provenance.changes] == ["horizon", "scale"]
    assert load(scenario, set={"scale": 2}) == further
    assert Scenario(start="2026-01-01", horizon=3).with_changes({"horizon": 4}).horizon == 4.0


def test_a_mapping_can_be_loaded_like_a_file():
    content = MappingProxyType({"extends": "minimal", "horizon": "9 d"})
    assert load(content).horizon == 9.0
    with pytest.raises(ScenarioError, match="horizon"):
        load({"extends": "minimal", "horizon": "9 W"})


def test_rules_that_begin_after_the_start_are_refused(write):
    with pytest.raises(ScenarioError) as caught:
        load("minimal", set=["networks.gridnet.emit=[{from: 2026-01-05, rule: {kind: fixed, per_day: 1}}]"])
    (problem,) = caught.value.problems
    assert problem.path == "networks.gridnet.emit[0].from" and "2026-01-01, the start" in problem.allowed
