"""References to sourced numbers: what they stand for, and what is on record of them."""

import pytest

from simdai.errors import ParameterError, ScenarioError
from simdai.schema import load, sources
from simdai.schema.loading import Mark, from_python
from simdai.schema.parameters import Parameters, first_day, read_parameters
from simdai.schema.references import resolve

MARKET = """\
start: {start}
horizon: 30 d
hardware:
  h100: {{kind: accelerator, speed: 1, memory: 80 GiB, power: 700 W, capital_cost: 30000 USD, life: 4 y}}
clouds:
  big: {{kind: cloud, hardware: h100, capacity: 150, price: {price}}}
"""
GPU = """\
price: {value: {2025-01: 3, 2025-12-15: 2.5, 2026-06: 1}, unit: USD/h, date: 2026, source: "a shop", grade: B}
by_kind:
  value: {H100: {2024: 4, 2026: 2}, A100: [1, 3], T4: [0.1, 0.2, 0.9]}
  unit: USD/h
  date: 2026-02
  source: "another shop"
  grade: A
  note: "list prices"
power: {value: 700, unit: W, date: 2026, source: "a data sheet", grade: A}
box: {value: {price: 24, memory: 80}, unit: {price: USD/d, memory: GiB}, date: 2026, source: "x", grade: C}
inner:
  price: {value: 5, unit: USD/h, date: 2026, source: "x", grade: C}
  rank: {value: 5, unit: thumbs, date: 2026, source: "x", grade: C}
"""


@pytest.fixture
def price(tmp_path, monkeypatch):
    """Load a scenario whose cloud price is the reference given."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "parameters").mkdir()
    (tmp_path / "parameters" / "gpu.yaml").write_text(GPU)

    def loader(reference, start="2026-01-01"):
        (tmp_path / "market.yaml").write_text(MARKET.format(start=start, price=reference))
        return load("./market.yaml")

    return loader


def value_of(scenario):
    return scenario.clouds["big"].price.value


@pytest.mark.parametrize(
    ("reference", "value", "name", "date"),
    [
        ("{parameter: gpu.inner.price}", 5.0, "gpu.inner.price", "2026"),
        ("{parameter: gpu.price}", 2.5, "gpu.price.2025-12-15", "2025-12-15"),
        ("{parameter: gpu.price, at: 2025-12-14}", 3.0, "gpu.price.2025-01", "2025-01"),
        ("{parameter: gpu.price, at: 2026-06-01}", 1.0, "gpu.price.2026-06", "2026-06"),
        ("{parameter: gpu.price, at: 2027}", 1.0, "gpu.price.2026-06", "2026-06"),
        ("{parameter: gpu.price.2025-01}", 3.0, "gpu.price.2025-01", "2025-01"),
        ("{parameter: gpu.by_kind, key: H100}", 2.0, "gpu.by_kind.H100.2026", "2026"),
        ("{parameter: gpu.by_kind.H100, at: 2025-05-05}", 4.0, "gpu.by_kind.H100.2024", "2024"),
        ("{parameter: gpu.by_kind.A100, pick: low}", 1.0, "gpu.by_kind.A100", "2026-02"),
        ("{parameter: gpu.by_kind, key: A100, pick: mid}", 2.0, "gpu.by_kind.A100", "2026-02"),
        ("{parameter: gpu.by_kind.A100, pick: high}", 3.0, "gpu.by_kind.A100", "2026-02"),
        ("{parameter: gpu.by_kind.T4, pick: mid}", 0.2, "gpu.by_kind.T4", "2026-02"),
        ("{parameter: gpu.box.price}", 1.0, "gpu.box.price", "2026"),  # 24 USD a day
    ],
)
def test_a_reference_stands_for_the_value_in_the_unit_of_its_field(price, reference, value, name, date):
    scenario = price(reference)
    assert value_of(scenario) == pytest.approx(value)
    ((path, use),) = scenario.provenance.parameters
    assert (path, use.name, use.date) == ("clouds.big.price", name, date)


def test_dated_values_follow_the_start_of_the_scenario(price):
    assert value_of(price("{parameter: gpu.price}", start="2025-03-01")) == 3.0
    scenario = price("{parameter: gpu.price}")
    assert value_of(scenario.with_changes({"start": "2026-07-01"})) == 1.0


@pytest.mark.parametrize(
    ("reference", "place", "message"),
    [
        (
            "{parameter: gpu.prise}",
            "gpu.prise",
            "no 'prise' in gpu; one of: box, by_kind, inner, power, price. Did you mean 'price'?",
        ),
        ("{parameter: gpus.price}", "gpus.price", "unknown parameter file 'gpus'"),
        ("{parameter: gpu.inner.prize}", "gpu.inner.prize", "no 'prize' in gpu.inner"),
        ("{parameter: gpu}", "gpu", "file.entry"),
        ("{parameter: ../gpu.price}", "../gpu.price", "file.entry"),
        ("{parameter: [gpu, price]}", "[", "text for 'parameter'"),
        (
            "{parameter: gpu.price, at: 2024-12-31}",
            "2024-12-31",
            "no value on 2024-12-31; a date from 2025-01 on",
        ),
        ("{parameter: gpu.price, at: soon}", "soon", "a date such as 2026-01-01"),
        ("{parameter: gpu.by_kind, key: B200}", "B200", "no 'B200' in gpu.by_kind; one of: A100, H100, T4"),
        ("{parameter: gpu.power, key: H100}", "H100", "gpu.power is a single value"),
        ("{parameter: gpu.power.H100}", "gpu.power.H100", "gpu.power has no parts"),
        ("{parameter: gpu.by_kind.A100, pick: middle}", "middle", "one of: high, low, mid"),
        ("{parameter: gpu.by_kind.A100}", "{", "pick: low"),
        ("{parameter: gpu.box, pick: low}", "low", "is not a range"),
        ("{parameter: gpu.inner, pick: low}", "gpu.inner", "is a group"),
        ("{parameter: gpu.price, on: 2026-01-01}", "on:", "unknown key 'on'"),
        ("{parameter: gpu.power}", "{", "700 W (a power)"),
    ],
)
def test_a_reference_that_leads_nowhere_is_told_at_its_place(price, reference, place, message):
    with pytest.raises(ScenarioError) as caught:
        price(reference)
    (problem,) = caught.value.problems
    assert message in str(problem), str(problem)
    assert (problem.file, problem.line) == ("./market.yaml", 6)
    assert problem.column == 60 + reference.index(place)  # the reference begins in column 60


def test_a_whole_group_stands_for_a_mapping_and_a_part_in_several_units_too(price, tmp_path):
    price("3")
    parameters = Parameters((tmp_path / "parameters",))

    def found(name):
        return resolve(parameters, from_python({"parameter": name}, Mark("f")), ("x",), None).plain()

    assert found("gpu.inner") == {"price": 5, "rank": 5}
    box = found("gpu.box")
    assert box == {"price": 24, "memory": 80}
    assert (str(box["price"].unit), str(box["memory"].unit)) == ("USD/d", "GiB")


def test_a_faulty_parameter_file_is_told_with_its_own_positions(price, tmp_path):
    (tmp_path / "parameters" / "gpu.yaml").write_text("price: {value: 3, unit: USD/h, grade: D}\n")
    with pytest.raises(ScenarioError) as caught:
        price("{parameter: gpu.price}")
    assert {str(p).split(";")[0] for p in caught.value.problems} == {
        "parameters/gpu.yaml:1:8: gpu.price.date: missing",
        "parameters/gpu.yaml:1:8: gpu.price.source: missing",
        "parameters/gpu.yaml:1:39: gpu.price.grade: 'D'",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 3\n", "an entry with value"),
        ("a: {value: 3, unit: d, date: 2026-13, source: x, grade: A}\n", "2026-02-05"),
        ("a: {value: 3, unit: '', date: 2026, source: x, grade: A}\n", "every number has its unit"),
        ("a: {value: null, unit: d, date: 2026, source: x, grade: A}\n", "nothing; a value"),
        ("a: {value: {b: 1, c: 2}, unit: {b: d}, date: 2026, source: x, grade: A}\n", "a.value.c: no unit"),
        ("a: {value: 3, unit: d, date: 2026, sauce: x, grade: A}\n", "Did you mean 'source'?"),
        ("a.b: {value: 3}\n", "the name 'a.b'"),
        ("- 3\n", "keys and values"),
    ],
)
def test_an_entry_lacks_nothing(tmp_path, text, message):
    path = tmp_path / "p.yaml"
    path.write_text(text)
    with pytest.raises(ParameterError) as caught:
        read_parameters(path)
    assert message in str(caught.value)


def test_a_project_sees_its_own_parameters_first_and_then_the_librarys(price):
    assert value_of(price("{parameter: hardware.h100_rental_history, at: 2026-03-01}")) == 2.35


def test_a_partial_date_means_its_first_day():
    assert [
        str(first_day(text)) for text in ("2026", "2026-02", "2026-02-05", "2026-02-30", "26", "1826")
    ] == [
        "2026-01-01",
        "2026-02-01",
        "2026-02-05",
        "None",
        "None",
        "None",
    ]


def test_sources_lists_every_number_with_where_it_comes_from(price):
    rows = {row["path"]: row for row in sources(price("{parameter: gpu.by_kind, key: H100}"))}
    assert rows["clouds.big.price"] == {
        "path": "clouds.big.price",
        "value": 2,
        "unit": "USD/h",
        "date": "2026",
        "source": "another shop",
        "grade": "A",
        "note": "list prices; gpu.by_kind.H100.2026",
        "where": "parameters/gpu.yaml:3",
    }
    memory = rows["hardware.h100.memory"]
    assert (memory["value"], memory["unit"], memory["source"]) == (80, "GiB", "scenario file")
    assert memory["where"] == "./market.yaml:4"
    assert rows["scale"]["source"] == "default"
    assert "clouds.big.hardware" not in rows


def test_sources_works_for_a_scenario_made_in_python():
    from simdai.schema import Scenario

    rows = sources(Scenario(start="2026-01-01", horizon=3))
    assert {row["path"]: row["value"] for row in rows} == {
        "horizon": 3,
        "warm_up": 0,
        "record_every": 1,
        "scale": 1,
    }
