"""Names and paths: what is found, and what may not be read."""

import json
from pathlib import Path

import jsonschema
import pytest

from simdai.errors import ResultsError, ScenarioError
from simdai.schema import json_schema, library, library_scenarios, load, new_scenario
from simdai.schema.loading import read_file

SMALL = "start: 2026-01-01\nhorizon: 1 d\n"


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """Make a library with two scenarios of one stem and one that is alone."""
    for name in (
        "landscape",
        "attacks/wash",
        "designs/wash",
        "parameters/gpu",
        "studies/sweep",
        "overrides/hot",
    ):
        path = tmp_path / "library" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SMALL if "/" not in name or "wash" in name else "")
    monkeypatch.setattr(library, "library_folder", lambda: tmp_path / "library")
    return tmp_path / "library"


def test_only_scenarios_are_listed(shelf):
    assert library_scenarios() == ("attacks/wash", "designs/wash", "landscape")


def test_a_stem_is_enough_where_it_is_unique(shelf):
    assert load("landscape").name == "landscape"
    assert load("attacks/wash").name == "attacks/wash"
    with pytest.raises(ScenarioError, match="attacks/wash, designs/wash"):
        load("wash")


def test_other_folders_of_the_library_are_asked_by_name(shelf):
    assert library.locate("sweep", "studies", "study").name == "studies/sweep"
    with pytest.raises(ScenarioError, match="unknown study 'sweeep'.*Did you mean 'studies/sweep'"):
        library.locate("sweeep", "studies", "study")


def test_an_unknown_name_is_told_with_the_nearest_and_how_to_give_a_path(shelf):
    with pytest.raises(ScenarioError, match=r"Did you mean 'landscape'\?") as caught:
        load("landscpe")
    assert "ends in .yaml" in str(caught.value)


@pytest.mark.parametrize(
    "name", ["parameters/gpu", "../library/landscape", "", "a b", "landscape\0", "studies/sweep"]
)
def test_other_names_are_no_scenarios(shelf, name):
    with pytest.raises(ScenarioError):
        load(name)


def test_dots_strokes_and_endings_mean_a_path(shelf, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "landscape.yaml").write_text(SMALL.replace("1 d", "2 d"))
    for name in (
        "./landscape.yaml",
        "landscape.yaml",
        str(tmp_path / "landscape.yaml"),
        Path("landscape.yaml"),
    ):
        assert load(name).horizon == 2.0
    assert load("landscape").horizon == 1.0


@pytest.mark.parametrize(
    "reference", ["../secret.yaml", "../../secret.yaml", "deep/../../secret.yaml", "link.yaml", "loop.yaml"]
)
def test_a_file_cannot_reach_outside_its_project(tmp_path, reference):
    (tmp_path / "secret.yaml").write_text(SMALL)
    project = tmp_path / "project"
    project.mkdir()
    (project / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    (project / "loop.yaml").symlink_to(project / "loop.yaml")
    (project / "mine.yaml").write_text(f"extends: ./{reference}\n")
    with pytest.raises(ScenarioError, match="leads outside|cannot be read"):
        load(project / "mine.yaml")


def test_an_absolute_path_or_a_home_is_no_base(tmp_path):
    (tmp_path / "secret.yaml").write_text(SMALL)
    for reference in (str(tmp_path / "secret.yaml"), "~/secret.yaml", "/etc/passwd"):
        (tmp_path / "mine.yaml").write_text(f"extends: {reference}\n")
        with pytest.raises(ScenarioError, match="a relative path inside"):
            load(tmp_path / "mine.yaml")


def test_a_project_is_the_nearest_folder_above_that_holds_parameters(tmp_path):
    (tmp_path / "parameters").mkdir()
    (tmp_path / "attacks").mkdir()
    (tmp_path / "base.yaml").write_text(SMALL)
    (tmp_path / "attacks" / "mine.yaml").write_text("extends: ../base.yaml\nhorizon: 5 d\n")
    assert load(tmp_path / "attacks" / "mine.yaml").horizon == 5.0


def test_overrides_and_parameters_that_are_links_to_the_outside_do_not_exist(tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "gpu.yaml").write_text(
        "p: {value: 2, unit: d, date: 2026, source: x, grade: A}\n"
    )
    (tmp_path / "outside" / "hot.yaml").write_text("horizon: 3 d\n")
    project = tmp_path / "project"
    for folder in ("parameters", "overrides"):
        (project / folder).mkdir(parents=True)
    (project / "parameters" / "gpu.yaml").symlink_to(tmp_path / "outside" / "gpu.yaml")
    (project / "overrides" / "hot.yaml").symlink_to(tmp_path / "outside" / "hot.yaml")
    (project / "mine.yaml").write_text("start: 2026-01-01\nhorizon: {parameter: gpu.p}\n")
    with pytest.raises(ScenarioError, match="gpu"):
        load(project / "mine.yaml")
    (project / "mine.yaml").write_text(SMALL)
    with pytest.raises(ScenarioError, match="unknown override 'hot'"):
        load(project / "mine.yaml", overrides=["hot"])


# The JSON Schema


def plain(value):
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, tuple) else value


@pytest.fixture(scope="module")
def validator():
    schema = json.loads(json.dumps(json_schema()))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("name", library.library_names())
def test_the_json_schema_accepts_every_shipped_scenario(validator, name):
    _, tree, _ = read_file(library.library_names()[name])
    assert [error.message for error in validator.iter_errors(plain(tree.plain()))] == []


@pytest.mark.parametrize(
    ("change", "accepted"),
    [
        ({}, True),
        ({"horizon": {"parameter": "a.b", "at": "2026-01-01"}}, True),
        ({"extends": "minimal", "horizon": None}, False),
        ({"clouds": {"big": {"kind": "cloud", "hardware": "x", "capacity": 3, "price": "3.5 USD/h"}}}, True),
        (
            {
                "clouds": {
                    "big": {"kind": "cloud", "hardware": "x", "capacity": {"parameter": "a.b"}, "price": 3}
                }
            },
            True,
        ),
        ({"clouds": {"big": {"kind": "clod", "hardware": "x", "capacity": 3, "price": 3.5}}}, False),
        ({"clouds": {"big": {"hardware": "x"}}}, False),
        ({"clouds": {"big": {"hardware": "x"}}, "extends": "minimal"}, True),
        ({"clouds": {"Big": {"kind": "cloud", "hardware": "x", "capacity": 3, "price": 3.5}}}, False),
        ({"nonsense": 1}, False),
        ({"horizon": True}, False),
        ({"overrides": ["a", "b"]}, True),
    ],
)
def test_the_json_schema_tells_sound_from_faulty(validator, change, accepted):
    assert validator.is_valid({"start": "2026-01-01", "horizon": "90 d", **change}) is accepted


def test_the_json_schema_follows_the_registry():
    from simdai import registry

    definitions = json_schema()["$defs"]
    for family in set(registry.families()) - {"design", "factor"}:  # of study files
        for kind in registry.kinds(family):
            assert definitions[f"{family}.{kind}"]["properties"]["kind"] == {"const": kind}


# A first file


def test_a_new_scenario_checks(tmp_path):
    path = new_scenario("mine", tmp_path / "fresh")
    assert load(path).hash == load("minimal").hash
    assert path.read_text().startswith("# mine: ")


def test_a_new_scenario_overwrites_nothing_and_needs_a_name(tmp_path):
    new_scenario("mine", tmp_path)
    with pytest.raises(ScenarioError, match="the file exists"):
        new_scenario("mine", tmp_path)
    for name in ("", "../mine", "Mine", "a/b", "a" * 65):
        with pytest.raises(ScenarioError, match="the name"):
            new_scenario(name, tmp_path)


def test_a_folder_that_cannot_be_made_is_an_error_of_the_disk(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultsError):
        new_scenario("mine", tmp_path / "file" / "folder")
