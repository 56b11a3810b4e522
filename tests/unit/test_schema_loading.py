"""YAML 1.2 text to values that know where they stand."""

import pytest

from simdai.schema.loading import Mark, Node, compose, from_python, read_file


def value(text):
    tree, problems = compose(f"x: {text}", "f.yaml")
    assert not problems, problems
    return tree.value["x"].value


@pytest.mark.parametrize(
    ("text", "expected"),
    [  # YAML 1.2.2, section 10.3.2 (core schema)
        ("1e9", 1e9),
        ("1E3", 1e3),
        ("12e03", 12e3),
        ("-2E+05", -2e5),
        (".5", 0.5),
        ("1.", 1.0),
        ("0o17", 15),
        ("0x3A", 58),
        ("-19", -19),
        ("+12", 12),
        ("0", 0),
        ("007", 7),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
    ],
)
def test_numbers_booleans_and_nothing_mean_what_yaml_1_2_says(text, expected):
    found = value(text)
    assert found == expected and type(found) is type(expected)


OTHERWISE_IN_YAML_1_1 = """
no yes on off NO y n 12:30 1:30:00 2026-01-01 1_000 0b101 1e e5 1.2.3 0o8 0x + -x . NaN nan inf tRue = 1,000
"""


@pytest.mark.parametrize("text", [*OTHERWISE_IN_YAML_1_1.split(), "2026-01-01 10:00:00", "90 d"])
def test_what_yaml_1_1_would_have_read_as_something_else_is_text(text):
    assert value(text) == text


def test_quoted_words_are_text():
    assert value("'1'") == "1" and value('"true"') == "true" and value('""') == ""


def test_octal_as_of_yaml_1_1_is_decimal():
    assert value("010") == 10


def test_every_value_and_key_knows_its_line_and_column():
    tree, _ = compose("a: 1\nlong_name:\n  - x\n  - {b: 2,  c: 3}\n", "dir/f.yaml")
    assert tree.value["a"].mark == Mark("dir/f.yaml", 1, 4)
    assert tree.keys["long_name"] == Mark("dir/f.yaml", 2, 1)
    inner = tree.value["long_name"].value[1]
    assert inner.mark == Mark("dir/f.yaml", 4, 5)
    assert inner.keys["c"] == Mark("dir/f.yaml", 4, 13)
    assert inner.value["c"].mark == Mark("dir/f.yaml", 4, 16)


def test_a_key_given_twice_is_refused_with_both_lines():
    _, problems = compose("a: 1\nb: 2\na: 3\n", "f.yaml")
    assert [str(p) for p in problems] == [
        "f.yaml:3:1: a: 'a' is given twice (first on line 1); one value a key"
    ]


def test_keys_are_names_whatever_they_look_like():
    tree, problems = compose("2026: 1\ntrue: 2\n1e3: 3\n", "f.yaml")
    assert not problems and list(tree.value) == ["2026", "true", "1e3"]


def test_a_merge_key_is_refused_and_a_quoted_one_is_a_key_like_others():
    _, problems = compose("a: {<<: {x: 1}}", "f.yaml")
    assert "merge key" in problems[0].found and (problems[0].line, problems[0].column) == (1, 5)
    assert not compose("a: {'<<': 1}", "f.yaml")[1]


@pytest.mark.parametrize(
    ("text", "line", "column", "found"),
    [
        ("a: !!python/object/apply:os.system [x]", 1, 4, "the tag"),
        ("a: !mine 1", 1, 4, "the tag"),
        ("a: &x 1", 1, 4, "the anchor &x"),
        ("a: 1\nb: *x", 2, 4, "the alias *x"),
        ("a: .nan", 1, 4, ".nan"),
        ("a: -.inf", 1, 4, "-.inf"),
        ("a: 1e999", 1, 4, "too large"),
        ("a: " + "9" * 6000, 1, 4, "a number of 6000 characters"),
        ("? [1]\n: 2", 1, 3, "a key that is not a word"),
        ("~: 2", 1, 1, "an empty key"),
        ("a: 1\n---\nb: 2", 2, 1, "a second document"),
        ("%TAG ! tag:x,2000:\n---\na: 1", 1, 1, "%TAG"),
        ("a: b: c", 1, 5, "not YAML"),
        ("a: 1\n\tb: 2", 2, 1, "not YAML"),
        ("a: x\0y", 1, 5, "U+0000"),
        ("a:\n  b: \x1b[31m", 2, 6, "U+001B"),
    ],
)
def test_what_a_scenario_file_may_not_hold_is_refused_where_it_stands(text, line, column, found):
    _, problems = compose(text, "f.yaml")
    assert len(problems) == 1, problems
    assert found in problems[0].found
    assert (problems[0].line, problems[0].column) == (line, column)


def test_bytes_that_are_not_utf_8_are_refused_where_they_stand():
    _, problems = compose(b"a: 1\nb: x\xff", "f.yaml")
    assert (problems[0].line, problems[0].column, problems[0].found) == (2, 5, "byte 0xff")
    assert not compose("\ufeffa: é".encode(), "f.yaml")[1]


def test_several_problems_are_found_in_one_reading():
    _, problems = compose("a: .nan\na: 1\nb: !x 2\nc: &d 3\n", "f.yaml")
    assert [p.line for p in problems] == [1, 2, 3, 4]


def test_a_file_without_keys_is_told_so(tmp_path):
    path = tmp_path / "list.yaml"
    path.write_text("- 1\n- 2\n")
    _, _, problems = read_file(path)
    assert problems[0].allowed == "keys and values"


def test_a_tree_walks_its_scalars_with_parameter_references_as_one():
    tree, _ = compose("a: {parameter: x.y, at: 2026-01-01}\nb: [1, {c: 2}]\n", "f.yaml")
    assert [location for location, _ in tree.leaves()] == [("a",), ("b", 0), ("b", 1, "c")]


def test_changing_a_tree_leaves_the_old_one_as_it_was():
    tree = from_python({"a": [1, 2]}, Mark("set"))
    changed = tree.with_child("a", tree.value["a"].with_child(1, Node(5)))
    assert changed.plain() == {"a": (1, 5)} and tree.plain() == {"a": (1, 2)}
