"""Units: what they convert to, and what a field refuses."""

import datetime
import math
import pickle
from typing import Annotated

import numpy as np
import pytest
from pydantic import TypeAdapter

from simdai.errors import ScenarioError
from simdai.registry import Configured
from simdai.units import (
    Count,
    Date,
    Days,
    GiB,
    Hours,
    Measured,
    MeasuredCount,
    Name,
    Positive,
    Quantity,
    Share,
    Tokens,
    UnitError,
    Usd,
    UsdPerGpuHour,
    UsdPerKwh,
    Watts,
    measured,
    parse_quantity,
    parse_unit,
)


class Everything(Configured):
    horizon: Days = 1.0
    wait: Hours = 1.0
    cash: Usd = 1.0
    price: UsdPerGpuHour = 1.0
    power_price: UsdPerKwh = 1.0
    power: Watts = 1.0
    memory: GiB = 1.0
    share: Share = 1.0
    factor: Positive = 1.0
    n: Count = 1
    supply: Tokens = 1.0
    speed: Annotated[float, Quantity("GiB/s")] = 1.0
    day: Date = datetime.date(2026, 1, 1)
    name: Name = "a"


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("horizon", "90 d", 90.0),
        ("horizon", "2 weeks", 14.0),
        ("horizon", "36 h", 1.5),
        ("horizon", "90 min", 0.0625),
        ("horizon", "4 y", 1461.0),  # a Julian year is 365.25 days
        ("horizon", "1 month", 30.4375),  # a twelfth of it
        ("wait", "90 min", 1.5),
        ("wait", "1 d", 24.0),
        ("cash", "2e6 USD", 2e6),
        ("price", "0.34 USD/h", 0.34),
        ("price", "0.34 USD/GPU-hour", 0.34),
        ("price", "24 USD/d", 1.0),
        ("power_price", "8 cents/kWh", 0.08),
        ("power_price", "80 USD/MWh", 0.08),
        ("power", "0.7 kW", 700.0),
        ("memory", "80 GiB", 80.0),
        ("memory", "1 TiB", 1024.0),
        ("memory", "1073741824 B", 1.0),
        ("share", "30 %", 0.3),
        ("share", "50 bps", 0.005),
        ("supply", "3 sat", 3e-8),
        ("speed", "8 Gbit/s", 1e9 / 2**30),
        ("speed", "100 Mbit/s", 12.5e6 / 2**30),
    ],
)
def test_text_with_a_unit_is_converted_to_the_canonical_unit(field, text, value):
    assert getattr(Everything(**{field: text}), field) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    ("field", "text", "found", "allowed"),
    [
        ("horizon", "90 USD", "an amount of money", "a time"),
        ("price", "2 d", "is a time", "money per time"),
        ("price", "2 USD", "an amount of money", "USD/h"),
        ("memory", "80 W", "is a power", "memory or data"),
        ("power", "3 kWh", "is an energy", "a power"),
        ("cash", "3 tokens", "a number of tokens", "an amount of money"),
    ],
)
def test_a_wrong_dimension_is_an_error_that_names_the_right_one(field, text, found, allowed):
    with pytest.raises(ScenarioError) as caught:
        Everything(**{field: text})
    (problem,) = caught.value.problems
    assert found in problem.found and allowed in problem.allowed
    assert problem.path == f"Everything.{field}"


@pytest.mark.parametrize(
    "value",
    [
        "5",
        "five",
        "5 parsecs",
        "d",
        "",
        "1_000 d",
        "5 d d",
        "0x10 d",
        "nan d",
        "inf d",
        "1e999 d",
        "5 d; 6 d",
        "٣ d",
    ],
)
def test_text_that_is_no_quantity_of_a_known_unit_is_refused(value):
    with pytest.raises(ScenarioError):
        Everything(horizon=value)


@pytest.mark.parametrize("value", [True, None, math.nan, math.inf, -1, [1], {"a": 1}, 10**400, 1j])
@pytest.mark.parametrize("field", ["horizon", "price", "share", "n"])
def test_what_is_no_finite_number_in_range_is_refused(field, value):
    with pytest.raises(ScenarioError):
        Everything(**{field: value})


def test_a_count_is_a_whole_number_however_it_is_written():
    assert Everything(n=1e9).n == 10**9 and type(Everything(n=1e9).n) is int
    for bad in (2.5, -1, "3", 2.0**53 + 2):
        with pytest.raises(ScenarioError):
            Everything(n=bad)


def test_numpy_scalars_from_python_pass_and_numpy_booleans_do_not():
    assert Everything(n=np.int64(3), price=np.float64(2), power=np.float32(0.5), horizon=np.uint8(9)).n == 3
    with pytest.raises(ScenarioError):
        Everything(n=np.bool_(True))


def test_a_positive_number_is_not_zero():
    with pytest.raises(ScenarioError, match="> 0"):
        Everything(factor=0)


def test_dates_are_iso_days_that_exist():
    assert Everything(day="2028-02-29").day == datetime.date(2028, 2, 29)
    for bad in ("2026-02-29", "2026-2-1", "20260201", 20260201, "01.02.2026", datetime.datetime(2026, 1, 1)):
        with pytest.raises(ScenarioError):
            Everything(day=bad)


def test_names_can_stand_in_a_dotted_path():
    for bad in ("A", "1a", "a.b", "a b", "", "a" * 65, 3):
        with pytest.raises(ScenarioError):
            Everything(name=bad)


def test_a_number_from_a_parameter_is_converted_by_the_field_that_receives_it():
    assert Everything(price=Measured(24.0, parse_unit("USD/d"))).price == pytest.approx(1.0)
    assert type(Everything(price=Measured(24.0, parse_unit("USD/d"))).price) is float
    with pytest.raises(ScenarioError, match="a power"):
        Everything(price=MeasuredCount(700, parse_unit("W")))


def test_measured_numbers_keep_their_unit_when_pickled():
    for number in (measured(3, parse_unit("d")), measured(2.5, parse_unit("USD/h"))):
        again = pickle.loads(pickle.dumps(number))
        assert again == number and again.unit == number.unit


def test_a_quantity_keeps_its_unit_as_written():
    value, unit = parse_quantity("0.34 USD/GPU-hour")
    assert value == 0.34 and str(unit) == "USD/GPU-hour"
    assert unit.same_dimension(parse_unit("USD/h"))


def test_strokes_divide_one_after_the_other_and_a_hyphen_multiplies():
    assert parse_unit("USD/kW/month").same_dimension(parse_unit("USD/kW-h"))
    assert parse_unit("GPU-hour").same_dimension(parse_unit("h"))


def test_a_growth_factor_a_year_is_no_rate():
    assert parse_unit("x/yr").dimension == ()
    assert parse_unit("1/y").dimension != ()


def test_an_unknown_unit_names_the_nearest_one():
    with pytest.raises(UnitError, match="Did you mean 'hours'"):
        parse_unit("houres")


def test_a_plain_number_with_a_hundred_thousand_digits_is_refused_at_once():
    with pytest.raises(UnitError):
        parse_quantity("9" * 100_000 + " d")
    with pytest.raises(UnitError):
        parse_quantity("1" + "-d" * 100_000)


def test_a_field_tells_editors_about_its_unit():
    schema = TypeAdapter(UsdPerGpuHour).json_schema()
    assert {part["type"] for part in schema["anyOf"]} == {"number", "string"}
    assert "USD/h" in schema["description"]
