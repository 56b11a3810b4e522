"""Kinds by family: defining is registering, files name kinds, rules change by date."""

from __future__ import annotations

import datetime
import pickle
import subprocess
import sys
from types import SimpleNamespace
from typing import Annotated, Any

import numpy as np
import pytest
from pydantic import TypeAdapter

from simdai import registry
from simdai.errors import Problem, ScenarioError, SimdaiError
from simdai.registry import Configured, Dated, FrozenMapping, OneOf, Regime, Regimes
from simdai.units import Count, Name, Share, UsdPerGpuHour


class Block(Configured):
    share: Share
    size: Count = 1


@pytest.fixture
def kinds():
    """Give a family of three kinds, taken out of the registry afterwards."""

    class Tune(Configured, family="test_tune"):
        def notes(self) -> int:
            raise NotImplementedError

    class Single(Tune, kind="single"):
        pitch: Count
        price: UsdPerGpuHour = 1.0

        def notes(self) -> int:
            return 1

    class Chord(Tune, kind="chord"):
        parts: tuple[Tune, ...]

        def notes(self) -> int:
            return sum(part.notes() for part in self.parts)

    class Song(Configured):
        opening: Tune
        verses: Regimes[Tune] | None = None
        refrain: Annotated[Any, OneOf("test_tune")] | None = None
        ending: Annotated[Any, Dated("test_tune")] | None = None
        voices: FrozenMapping[Name, Tune] = FrozenMapping()

    yield SimpleNamespace(Tune=Tune, Single=Single, Chord=Chord, Song=Song)
    registry.configured._families.pop("test_tune", None)
    registry.configured._kinds.pop("test_tune", None)


def test_defining_a_class_registers_its_kind(kinds):
    assert registry.kinds("test_tune") == {"chord": kinds.Chord, "single": kinds.Single}
    assert registry.families()["test_tune"] is kinds.Tune
    assert registry.get("test_tune", "single") is kinds.Single


def test_a_kind_taken_twice_is_an_error(kinds):
    with pytest.raises(TypeError, match="'single' is already taken"):

        class Another(kinds.Tune, kind="single"):
            pass

    assert registry.get("test_tune", "single") is kinds.Single


def test_a_family_opened_twice_is_an_error(kinds):
    with pytest.raises(TypeError, match="already opened"):

        class Tunes(Configured, family="test_tune"):
            pass


def test_a_kind_outside_any_family_is_an_error():
    with pytest.raises(TypeError, match="needs a base class"):

        class Lost(Configured, kind="lost"):
            pass


def test_registering_a_class_again_changes_nothing_and_other_things_cannot_be_registered(kinds):
    assert registry.register(kinds.Single) is kinds.Single
    for thing in (Block, int, 3):
        with pytest.raises(TypeError, match="cannot be registered"):
            registry.register(thing)


def test_a_kind_defined_after_the_field_that_takes_it_is_found(kinds):
    class Late(kinds.Tune, kind="late"):
        pass

    assert isinstance(kinds.Song(opening={"kind": "late"}).opening, Late)


def test_a_mapping_with_a_kind_becomes_an_object_of_that_kind_at_any_depth(kinds):
    song = kinds.Song(opening={"kind": "chord", "parts": [{"kind": "single", "pitch": 3}] * 3})
    assert song.opening.notes() == 3
    assert song.opening.parts[0] == kinds.Single(pitch=3)


def test_an_object_of_the_family_passes_and_one_of_another_does_not(kinds):
    single = kinds.Single(pitch=1)
    assert kinds.Song(opening=single, refrain=single).refrain is single
    with pytest.raises(ScenarioError, match="a mapping with 'kind'"):
        kinds.Song(opening=Block(share=1))


def test_a_family_by_itself_is_no_kind(kinds):
    with pytest.raises(ScenarioError):
        kinds.Tune()


def test_all_problems_come_in_one_report_with_their_paths(kinds):
    with pytest.raises(ScenarioError) as caught:
        kinds.Song(
            opening={"kind": "chrod"},
            refrain={"kind": "single", "pich": 3},
            verses=[{"rule": {"kind": "single", "pitch": True}}],
            voices={"Tenor": {"pitch": 1}},
        )
    found = {problem.path: problem for problem in caught.value.problems}
    assert found["Song.opening.kind"].suggestion == "chord"
    assert found["Song.refrain.pich"].suggestion == "pitch"
    assert "Song.refrain.pitch" not in found  # misspelt, not missing
    assert found["Song.verses[0].rule.pitch"].found == "the boolean true"
    assert "no 'kind'" in found["Song.voices.Tenor"].found or "name" in found["Song.voices.Tenor"].found


def test_configured_objects_are_frozen_and_compare_hash_and_pickle_by_value(kinds):
    single = kinds.Single(pitch=1)
    with pytest.raises(Exception, match="frozen"):
        single.pitch = 2
    assert single == kinds.Single(pitch=1.0) and hash(single) == hash(kinds.Single(pitch=1))
    assert single != kinds.Single(pitch=2)
    assert pickle.loads(pickle.dumps(Block(share=0.5))) == Block(share=0.5)


def test_replace_checks_what_it_changes():
    assert Block(share=0.5).replace(size=3) == Block(share=0.5, size=3)
    with pytest.raises(ScenarioError):
        Block(share=0.5).replace(share=2)


def test_what_is_dumped_can_be_read_again(kinds):
    song = kinds.Song(
        opening={"kind": "single", "pitch": 1, "price": "24 USD/d"},
        verses=[
            {"rule": {"kind": "single", "pitch": 1}},
            {"from": "2026-01-01", "rule": {"kind": "single", "pitch": 2}},
        ],
        voices={"alto": {"kind": "single", "pitch": 4}},
    )
    assert kinds.Song(**song.model_dump()) == song


def test_lists_become_tuples_and_arrays_too(kinds):
    class Curve(Configured):
        points: tuple[float, ...]

    assert Curve(points=[1, 2.5]).points == Curve(points=np.array([1, 2.5])).points == (1.0, 2.5)


def test_a_kind_that_is_not_the_class_is_refused(kinds):
    assert kinds.Single(kind="single", pitch=1) == kinds.Single(pitch=1)
    with pytest.raises(ScenarioError, match="the kind 'single'"):
        kinds.Single(kind="chord", pitch=1)


def test_a_frozen_mapping_cannot_change_and_is_in_the_order_of_its_keys():
    one, other = FrozenMapping({"b": 2, "a": 1}), FrozenMapping({"a": 1, "b": 2})
    assert one == other == {"a": 1, "b": 2} and hash(one) == hash(other)
    assert list(one) == ["a", "b"]
    assert pickle.loads(pickle.dumps(one)) == one
    with pytest.raises(TypeError):
        one["c"] = 3
    with pytest.raises(TypeError):
        one._items = {}


def day(text: str) -> datetime.date:
    return datetime.date.fromisoformat(text)


def test_the_rule_in_force_is_the_newest_that_has_begun():
    rules = Regimes(Regime(None, "a"), Regime(day("2026-02-01"), "b"), Regime(day("2026-07-27"), "c"))
    assert [rules.at(day(text)) for text in ("2020-01-01", "2026-01-31", "2026-02-01", "2026-12-31")] == list(
        "aabc"
    )


def test_switches_are_those_after_the_start_up_to_the_end():
    rules = Regimes(Regime(None, "a"), Regime(day("2026-02-01"), "b"), Regime(day("2026-07-27"), "c"))
    assert rules.switches(day("2026-02-01"), day("2026-07-27")) == (Regime(day("2026-07-27"), "c"),)
    assert [r.rule for r in rules.switches(day("2026-01-01"), day("2027-01-01"))] == ["b", "c"]


def test_before_the_first_rule_there_is_none():
    with pytest.raises(SimdaiError, match="no rule is in force on 2025-12-31"):
        Regimes(Regime(day("2026-01-01"), "a")).at(day("2025-12-31"))


@pytest.mark.parametrize(
    ("verses", "path", "found"),
    [
        ([], "Song.verses", "an empty list"),
        (
            [{"from": "2026-02-01", "rule": {"kind": "single", "pitch": 1}}] * 2,
            "Song.verses[1].from",
            "2026-02-01",
        ),
        ([{"rule": {"kind": "single", "pitch": 1}}] * 2, "Song.verses[1]", "no 'from'"),
        ([{"from": "soon", "rule": {"kind": "single", "pitch": 1}}], "Song.verses[0].from", "text 'soon'"),
        (
            [{"form": "2026-02-01", "rule": {"kind": "single", "pitch": 1}}],
            "Song.verses[0].form",
            "unknown key",
        ),
        ([{"from": "2026-02-01"}], "Song.verses[0]", "no 'rule'"),
        ([{"rule": {"kind": "single", "pitch": -1}}], "Song.verses[0].rule.pitch", "-1"),
        ([3], "Song.verses[0]", "3"),
    ],
)
def test_faulty_lists_of_dated_rules_say_where(kinds, verses, path, found):
    with pytest.raises(ScenarioError) as caught:
        kinds.Song(opening={"kind": "single", "pitch": 1}, verses=verses)
    assert any(p.path == path and found in p.found for p in caught.value.problems), str(caught.value)


def test_a_bare_rule_holds_always(kinds):
    song = kinds.Song(opening={"kind": "single", "pitch": 1}, ending={"kind": "single", "pitch": 2})
    assert song.ending.at(day("1900-01-01")).pitch == 2
    assert song.ending.switches(day("1900-01-01"), day("2100-01-01")) == ()


def test_problems_of_a_check_are_values_of_the_object(kinds):
    assert list(kinds.Single(pitch=1).check(None)) == []
    assert Problem(path="pitch", found="x") in {Problem(path="pitch", found="x")}


def test_the_json_schema_of_a_field_marks_its_family(kinds):
    properties = TypeAdapter(kinds.Song).json_schema()["properties"]
    assert properties["opening"][registry.FAMILY_KEY] == "test_tune"


def test_a_notebook_may_define_its_class_again_and_send_it_to_a_worker():
    program = """
import cloudpickle, simdai.registry as registry
from simdai.registry import Configured
class Tune(Configured, family="notebook_tune"):
    pass
for pitch in (1, 2):
    class Single(Tune, kind="single"):
        pitch: int
sent = cloudpickle.dumps(Single(pitch=3))
registry.configured._families.clear(); registry.configured._kinds.clear()
again = cloudpickle.loads(sent)
print(again.pitch, again.kind, again.model_dump())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.stdout.split("{")[0].split() == ["3", "single"], done.stderr


def test_a_broken_entry_point_warns_and_breaks_nothing_else(monkeypatch):
    class Broken:
        name, value = "mine", "no.such.module"

        def load(self):
            raise ImportError("no module named 'no'")

    monkeypatch.setattr(registry.configured, "_loaded", False)
    registry.configured._load_installed.cache_clear()
    monkeypatch.setattr(registry.configured.importlib.metadata, "entry_points", lambda group: [Broken()])
    with pytest.warns(UserWarning, match="mine = no.such.module cannot be loaded"):
        registry.load()
