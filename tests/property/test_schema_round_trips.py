"""What is written is read; what is changed can be changed back; no text breaks the reader."""

import json
import math
import pickle

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from simdai.errors import ScenarioError, path_text
from simdai.schema import Scenario, load
from simdai.schema.loading import Mark, compose, from_python
from simdai.schema.overlay import changes_between, lay_over
from simdai.units import UnitError, parse_quantity, parse_unit

WORDS = st.text(st.characters(max_codepoint=0x2FF, exclude_categories=("Cc", "Cs")), max_size=20)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,10}", fullmatch=True)
NUMBERS = st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
TREES = st.recursive(
    st.none() | st.booleans() | NUMBERS | WORDS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(NAMES.filter(lambda n: n != "parameter"), inner, max_size=4)
    ),
    max_leaves=20,
)
MAPPINGS = st.dictionaries(NAMES.filter(lambda n: n not in ("parameter", "kind")), TREES, max_size=4)


def tupled(value):
    if isinstance(value, dict):
        return {key: tupled(item) for key, item in value.items()}
    return tuple(tupled(item) for item in value) if isinstance(value, list) else value


def without_nothing(value):
    """Drop keys whose value is None, which an overlay uses to take a key away."""
    if isinstance(value, dict):
        return {key: without_nothing(item) for key, item in value.items() if item is not None}
    return value


@given(MAPPINGS)
def test_every_json_text_means_in_yaml_what_it_means_in_json(tree):
    found, problems = compose(json.dumps(tree, ensure_ascii=False), "f.yaml")
    assert not problems
    assert found.plain() == tupled(tree)


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_no_text_breaks_the_reader(content):
    if isinstance(content, str):
        content = content.encode("utf-8", "surrogatepass")
    tree, problems = compose(content, "f.yaml")
    for problem in problems:
        assert problem.file == "f.yaml" and problem.line >= 1 and problem.column >= 1
        assert str(problem).isprintable()
    assert tree is not None


@given(st.text(st.sampled_from("{}[]:,-&*!<>|?'\"#%@`~ \n\tab1.e+"), max_size=60))
def test_no_heap_of_punctuation_breaks_the_loader(text):
    with pytest.raises(ScenarioError):
        load({"start": "2026-01-01", "horizon": 1, "hardware": 3}, set=[f"question={text}"])


@given(MAPPINGS, MAPPINGS)
def test_laying_the_same_over_twice_changes_nothing_more(base, over):
    base, over = (from_python(without_nothing(tree), Mark("x")) for tree in (base, over))
    once = lay_over(base, over)
    assert lay_over(once, over).plain() == once.plain()
    assert lay_over(base, from_python({}, Mark("x"))).plain() == base.plain()
    assert lay_over(from_python({}, Mark("x")), over).plain() == over.plain()


@given(MAPPINGS, MAPPINGS)
@example({"b": []}, {"a": [None]})
def test_there_are_changes_on_record_exactly_when_something_changed(base, over):
    before = from_python(without_nothing(base), Mark("x"))
    after = lay_over(before, from_python(without_nothing(over), Mark("x")))
    changes = changes_between(before, after, "set")
    old, new = dict(before.leaves()), dict(after.leaves())
    same = old.keys() == new.keys() and all(
        old[key].plain() == new[key].plain() and type(old[key].value) is type(new[key].value) for key in old
    )
    assert (not changes) == same
    came_or_went = {path_text(key) for key in old.keys() ^ new.keys()}
    for change in changes:
        differs = change.old != change.new or type(change.old) is not type(change.new)
        assert differs or change.path in came_or_went


UNITS = [
    "d",
    "h",
    "min",
    "s",
    "y",
    "USD",
    "USD/h",
    "USD/kWh",
    "W",
    "kW",
    "GiB",
    "TB",
    "Gbit/s",
    "token",
    "FLOP/s",
    "%",
]


@given(st.floats(1e-30, 1e30), st.sampled_from(UNITS))
def test_a_quantity_is_read_as_it_is_written(value, unit):
    number, found = parse_quantity(f"{value!r} {unit}")
    assert number == value and found == parse_unit(unit)


@given(st.floats(1e-30, 1e30), st.sampled_from(UNITS), st.sampled_from(UNITS))
def test_conversion_there_and_back_is_the_same_or_an_error(value, one, other):
    one, other = parse_unit(one), parse_unit(other)
    if one.same_dimension(other):
        assert math.isclose(other.convert(one.convert(value, other), one), value, rel_tol=1e-14)
    else:
        with pytest.raises(UnitError):
            one.convert(value, other)


POSITIVE = st.floats(1e-6, 1e12)
HARDWARE = st.fixed_dictionaries(
    {
        "kind": st.just("accelerator"),
        "speed": POSITIVE,
        "memory": POSITIVE,
        "power": POSITIVE,
        "capital_cost": POSITIVE,
        "life": st.floats(1.0, 1e5),
    }
)
SCENARIOS = st.fixed_dictionaries(
    {
        "start": st.dates().map(str),
        "horizon": st.floats(1.0, 1e4),
        "hardware": st.dictionaries(NAMES, HARDWARE, max_size=4),
        "scale": st.floats(1.0, 1e9),
        "question": WORDS,
    }
)


@settings(max_examples=50)
@given(SCENARIOS, st.randoms())
def test_a_scenario_survives_writing_pickling_and_another_order(tmp_path_factory, content, random):
    assume(int(content["start"][:4]) < 9900)
    path = tmp_path_factory.mktemp("scenario") / "one.yaml"
    path.write_text(json.dumps(content), encoding="utf-8")
    scenario = load(path)
    turned = list(content["hardware"].items())
    random.shuffle(turned)
    path.write_text(json.dumps({**content, "hardware": dict(turned)}), encoding="utf-8")
    for again in (
        load(path),
        load(content),
        Scenario(**json.loads(scenario.canonical)),
        pickle.loads(pickle.dumps(scenario)),
        scenario.with_changes({"scale": 1.5}).with_changes({"scale": content["scale"]}),
    ):
        assert again == scenario and again.hash == scenario.hash and hash(again) == hash(scenario)
    for name, hardware in content["hardware"].items():
        assert scenario.hardware[name].speed == hardware["speed"]
