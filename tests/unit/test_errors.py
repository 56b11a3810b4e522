"""What an error says."""

import pickle

import pytest

from simdai.errors import (
    LedgerError,
    ParameterError,
    Problem,
    ScenarioError,
    SimdaiError,
    nearest,
    path_text,
    shown,
    unknown,
)


def test_a_problem_says_where_what_was_found_what_is_allowed_and_the_nearest_match():
    problem = Problem(
        "market.yaml", 12, 5, "clouds.a.kind", "unknown cloud kind 'clud'", "one of: cloud", "cloud"
    )
    assert str(problem) == (
        "market.yaml:12:5: clouds.a.kind: unknown cloud kind 'clud'; one of: cloud. Did you mean 'cloud'?"
    )


def test_a_problem_without_a_file_says_only_what_it_knows():
    assert (
        str(Problem(path="Posted.price", found="-1", allowed="a number >= 0"))
        == "Posted.price: -1; a number >= 0"
    )
    assert str(Problem(found="no such thing")) == "no such thing"


def test_a_scenario_error_prints_every_problem_on_its_own_line():
    error = ScenarioError([Problem("a.yaml", 1, 1, "x", "one"), Problem("a.yaml", 2, 1, "y", "two")])
    assert str(error).splitlines() == ["a.yaml:1:1: x: one", "a.yaml:2:1: y: two"]
    assert len(error.problems) == 2


def test_a_scenario_error_survives_the_way_back_from_a_worker_process():
    error = ParameterError(Problem("a.yaml", 1, 1, "x", "one"))
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is ParameterError
    assert again.problems == error.problems


def test_every_error_of_a_user_is_a_simdai_error():
    for kind in (ScenarioError, ParameterError, LedgerError):
        assert issubclass(kind, SimdaiError)


@pytest.mark.parametrize(
    ("word", "expected"), [("postd", "posted"), ("POSTED", "posted"), ("zebra", ""), (3, ""), ("", "")]
)
def test_nearest_finds_a_misspelt_word_and_only_that(word, expected):
    assert nearest(word, ["posted", "auction"]) == expected


def test_nearest_is_quick_for_a_word_of_a_million_letters():
    assert nearest("posted" * 200_000, ["posted"] * 10) in ("", "posted")


def test_unknown_names_the_thing_the_choice_and_the_place():
    text = unknown("pricing kind", "postd", ["posted", "auction"], "markets.gpu.kind")
    assert text == (
        "markets.gpu.kind: unknown pricing kind 'postd'; one of: auction, posted. Did you mean 'posted'?"
    )


def test_long_and_unprintable_values_are_shown_short_and_on_one_line():
    assert len(shown("x" * 10_000)) <= 80
    assert "\n" not in shown("a\nb") and "\x1b" not in shown("\x1b[31m")
    assert shown(10**5000)  # Python refuses to write such a number out


def test_a_location_is_written_as_a_dotted_path():
    assert path_text(("shocks", 0, "at")) == "shocks[0].at"


def test_a_report_of_thousands_of_problems_is_cut_and_says_so():
    error = ScenarioError([Problem("a.yaml", n, 1, "x", "one") for n in range(1, 5001)])
    lines = str(error).splitlines()
    assert len(lines) == 201 and lines[-1] == "... and 4800 more problems"
    assert len(error.problems) == 5000


def test_a_problem_is_one_printable_line():
    text = str(Problem("a\0.yaml", 1, 1, "x\ny", "\x1b[2J"))
    assert text.isprintable()
