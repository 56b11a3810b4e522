"""Study files: what they may say, and what a mistake in one is told."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import jsonschema
import pytest
import yaml

import simdai
from simdai import registry
from simdai.errors import ScenarioError
from simdai.experiments.study_file import UntilPrecise, check, is_study, load_study, study_schema
from simdai.schema import library

STUDY = """
question: Does it count?
base: examples/minimal
set: {horizon: 10 d, warm_up: 2 d}
replications: 3
uncertainties:
  cloud_price: {kind: uniform, path: clouds.bigcloud.price, low: 2.5 USD/h, high: 4.5 USD/h}
levers:
  ask: {kind: choice, path: networks.gridnet.providers.racks.ask, values: [1.8 USD/h, 2.2 USD/h]}
outcomes: [gridnet.*]
design: {kind: factorial, levels: 3}
"""


def study(folder: Path, text: str = STUDY, **changes: str) -> Path:
    """The study file with some of its top-level lines replaced."""
    lines = textwrap.dedent(text).strip("\n")
    tree = yaml.safe_load(lines)
    for key, value in changes.items():
        tree[key] = yaml.safe_load(value)
    path = folder / "asked.yaml"
    path.write_text(lines if not changes else yaml.safe_dump(tree, sort_keys=False))
    return path


def problems(path: Path) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        load_study(path)
    return [str(problem).removeprefix(f"{path}:") for problem in caught.value.problems]


def test_a_study_knows_its_base_with_the_changes_it_makes(tmp_path: Path):
    loaded = load_study(study(tmp_path))
    assert loaded.scenario.horizon == 10.0 and loaded.scenario.warm_up == 2.0
    assert loaded.scenario.name == "examples/minimal" and loaded.name == "asked"
    assert loaded.n_points == 6 and loaded.replications == 3
    assert list(loaded.factors) == ["cloud_price", "ask"]


def test_further_changes_lie_over_those_of_the_file(tmp_path: Path):
    loaded = load_study(study(tmp_path), set=["horizon=12 d"], seed=7, replications=5)
    assert loaded.scenario.horizon == 12.0 and loaded.seed == 7 and loaded.replications == 5


def test_every_mistake_is_reported_at_once_with_its_place(tmp_path: Path):
    said = problems(
        study(
            tmp_path,
            """
            base: examples/minimal
            set: {horizn: 10 d}
            replications: 0
            levers:
              fee: {kind: unifrm, path: a.b, low: 1, high: 2}
              ask: {kind: uniform, path: a.b, low: 2 USD/h, high: 1 GiB}
            design: {kind: factorial, levls: 3}
            """,
        )
    )
    assert [line.split(" ")[0] for line in said] == [
        "2:15:", "3:15:", "5:15:", "6:8:", "7:27:",
    ]  # fmt: skip
    assert "Did you mean 'horizon'" in said[0]
    assert "a whole number" in said[1] or "number >= 1" in said[1]
    assert "Did you mean 'uniform'" in said[2]
    assert "one unit" in said[3]
    assert "Did you mean 'levels'" in said[4]


def test_the_ends_of_a_factor_must_fit_into_the_base_and_are_named_at_their_place(tmp_path: Path):
    said = problems(
        study(
            tmp_path,
            """
            base: examples/minimal
            levers:
              ask: {kind: uniform, path: networks.gridnet.providers.racks.ask, low: -1 USD/h, high: 2 USD/h}
              fee: {kind: choice, path: networks.gridnet.pay.operator_fee, values: [0.1, 1.5]}
              wait: {kind: uniform, path: networks.gridnet.epoch, low: 1 d, high: 3 USD}
            design: {kind: factorial}
            """,
        )
    )
    assert [line.split(" ")[0] for line in said] == ["5:9:"]
    path = study(
        tmp_path,
        """
        base: examples/minimal
        levers:
          ask: {kind: uniform, path: networks.gridnet.providers.racks.ask, low: -1 USD/h, high: 2 USD/h}
          fee: {kind: choice, path: networks.gridnet.pay.operator_fee, values: [0.1, 1.5]}
          none: {kind: uniform, path: networks.grid.epoch, low: 1 d, high: 3 d}
        design: {kind: factorial}
        """,
    )
    said = problems(path)
    assert [line.split(" ")[0] for line in said] == ["3:73:", "4:78:", "5:31:"]
    assert "networks.gridnet.providers.racks.ask" in said[0] and ">= 0" in said[0]
    assert "Did you mean 'gridnet'" in said[2]


def test_relative_levels_multiply_the_number_of_the_base(tmp_path: Path):
    factor = "{kind: log_uniform, path: networks.gridnet.emit.per_day, low: 0.5, high: 2, relative: true}"
    loaded = load_study(study(tmp_path, levers=f"emission: {factor}"))
    from simdai.experiments.study_file import base_values

    base = base_values(loaded.factors, loaded.scenario)
    assert loaded.levers["emission"].changes(0.5, base) == {"networks.gridnet.emit.per_day": 2500.0}
    count = "{kind: uniform, path: networks.gridnet.providers.racks.count, low: 0.5, high: 2, relative: true}"
    price = count.replace("networks.gridnet.providers.racks.count", "clouds.bigcloud.price")
    loaded = load_study(study(tmp_path, levers=f"{{count: {count}, price: {price}}}"))
    base = base_values(loaded.factors, loaded.scenario)
    changes = {k: v for f in loaded.levers.values() for k, v in f.changes(0.7525, base).items()}
    assert changes["networks.gridnet.providers.racks.count"] == 150.0, "a count stays whole"
    assert changes["clouds.bigcloud.price"] == f"{3.5 * 0.7525!r} USD/h", "a price keeps its unit"
    said = problems(study(tmp_path, levers=f"emission: {factor.replace('emit.per_day', 'emit')}"))
    assert "is no number" in said[0]


def test_a_range_may_come_from_a_parameter_with_its_unit(tmp_path: Path):
    (tmp_path / "parameters").mkdir()
    entry = {
        "value": [2.5, 4.5],
        "unit": "USD/h",
        "date": "2026",
        "source": "assumption: a test",
        "grade": "C",
    }
    (tmp_path / "parameters" / "prices.yaml").write_text(yaml.safe_dump({"cloud": entry}))
    ends = ("low: {parameter: prices.cloud, pick: low}", "high: {parameter: prices.cloud, pick: high}")
    text = f"cloud_price: {{kind: uniform, path: clouds.bigcloud.price, {', '.join(ends)}}}"
    loaded = load_study(study(tmp_path, uncertainties=text))
    factor = loaded.uncertainties["cloud_price"]
    assert factor.unit == "USD/h" and factor.ends == (2.5, 4.5)


def test_the_rule_for_replications_is_checked(tmp_path: Path):
    rule = "{half_width: 0.05, of: [gridnet.utilisation], least: 10, most: 40}"
    loaded = load_study(study(tmp_path, replications=rule))
    assert isinstance(loaded.replications, UntilPrecise)
    looks = [0]
    while looks[-1] < loaded.replications.most:
        looks.append(loaded.replications.next_look(looks[-1]))
    assert looks == [0, 10, 15, 22, 33, 40]
    assert "is less than least" in problems(study(tmp_path, replications=rule.replace("40", "4")))[0]
    said = problems(study(tmp_path, replications=rule.replace("gridnet.", "cloud.")))
    assert "'cloud.utilisation' is not kept" in said[0]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"levers": "cloud_price: {kind: choice, path: scale, values: [1]}"}, "also an uncertainty"),
        ({"uncertainties": "{}", "levers": "{}"}, "no factors"),
        ({"design": "{kind: sobol, base_points: 12}"}, "a power of two"),
        ({"design": "{kind: morris, trajectories: 1}"}, "at least 2"),
        ({"design": "{kind: zip}"}, "without a list of values"),
        ({"design": "{kind: list, points: [{ask: 3 USD/h}]}"}, "a value for every factor"),
        ({"design": "{kind: list, points: [{cloud_price: 9 USD/h, ask: 1.8 USD/h}]}"}, "2.5 USD/h to 4.5"),
        ({"design": "{kind: factorial, levels_of: {asc: 2}}"}, "Did you mean 'ask'"),
        ({"design": "{kind: factorial, levels: 90000000}"}, "at most 10,000,000"),
        ({"base": "landscap"}, "unknown scenario"),
        ({"outcomes": "[1]"}, "text"),
        ({"overrides": "[no_such]"}, "unknown override"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, changes: dict[str, str], said: str):
    found = problems(study(tmp_path, **changes))
    assert len({line.split(":")[0] for line in found}) >= 1 and said in "\n".join(found)
    assert all(line[0].isdigit() for line in found)


def test_a_study_and_a_scenario_are_told_apart(tmp_path: Path):
    assert is_study(study(tmp_path)) and is_study("first_sweep") and is_study("studies/first_sweep")
    assert (
        not is_study("examples/minimal") and not is_study("minimal") and not is_study(tmp_path / "none.yaml")
    )
    assert check(["first_sweep", "examples/minimal", study(tmp_path)]) == []
    assert "unknown scenario" in str(check(["no_such_thing"])[0])


@pytest.mark.parametrize("name", library.library_names("studies"))
def test_every_study_of_the_library_is_sound_asks_a_question_and_fits_its_schema(name: str):
    loaded = load_study(name)
    assert loaded.question
    content = yaml.safe_load(loaded.text)
    jsonschema.Draft202012Validator(study_schema()).validate(json.loads(json.dumps(content)))


def test_the_schema_refuses_what_the_loader_refuses():
    validator = jsonschema.Draft202012Validator(study_schema())
    sound = yaml.safe_load(STUDY)
    assert validator.is_valid(sound)
    for key, value in (("design", {"kind": "factoral"}), ("replications", "many"), ("levels", 3)):
        assert not validator.is_valid({**sound, key: value})
    assert not validator.is_valid({key: value for key, value in sound.items() if key != "base"})


def test_scenario_schemas_do_not_carry_what_only_studies_may_say():
    assert not [
        name for name in simdai.schema.json_schema()["$defs"] if name.startswith(("design.", "factor."))
    ]
    assert {"design", "factor"} <= set(registry.families())


def test_a_study_from_python_equals_the_one_from_its_file(tmp_path: Path):
    loaded = load_study(study(tmp_path))
    scenario = simdai.load("examples/minimal", set={"horizon": "10 d", "warm_up": "2 d"})
    made = load_study({**yaml.safe_load(STUDY), "base": scenario, "set": {}})
    assert made.hash == loaded.hash
    assert load_study(loaded, replications=9).hash == loaded.hash
    assert load_study(loaded, seed=9).hash != loaded.hash
