"""Everything the README shows is run here, as it stands there."""

import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from simdai import cli

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.M | re.S)
SESSIONS = [
    [line.partition(" #")[0].strip() for line in text.splitlines()] for kind, text in BLOCKS if kind == "sh"
]
LINES = [line for session in SESSIONS for line in session]
COMMANDS = [found for session in SESSIONS if (found := [s for s in session if s.startswith("simdai ")])]
TABLE = re.findall(r"^\| `simdai ([^`]+)` \|", README, re.M)


def shown(kind):
    return [text for name, text in BLOCKS if name == kind]


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A working folder of one's own, as a user has; results are written there."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def simdai(elsewhere, capsys):
    """Run a line as a process of its own would, without starting one each time; its status and output."""

    def typed(line):
        with pytest.raises(SystemExit) as left:
            cli.main(shlex.split(line)[1:])
        return left.value.code, *capsys.readouterr()

    return typed


def test_the_scenario_shown_is_the_file_it_is_said_to_be():
    (scenario,) = shown("yaml")
    assert scenario == (ROOT / "scenarios" / "examples" / "minimal.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("lines", COMMANDS, ids=lambda lines: lines[0])
def test_the_commands_shown_together_succeed_one_after_the_other(lines, simdai):
    for line in lines:
        status, out, errors = simdai(line)
        assert status == 0, errors
        assert out


def test_the_python_shown_runs(elsewhere, capsys):
    names = {}
    for code in shown("python"):
        exec(compile(code, "README.md", "exec"), names)
    printed = capsys.readouterr().out
    assert "mean" in printed  # the table of outcomes
    assert [f"day {day}" in printed for day in (1, 2, 3, 4)] == [True] * 4  # the user's own process


def test_the_table_names_every_verb_there_is_and_no_other():
    verbs = {words.split()[0] for words in TABLE}
    assert verbs == set(cli.app.commands)


@pytest.mark.parametrize("words", TABLE)
def test_each_verb_of_the_table_takes_what_the_table_shows(words):
    """Its options exist, and it has as many arguments as there are words in capitals."""
    verb = [word for word in words.split() if re.fullmatch(r"[a-z]+", word)]
    usage = CliRunner().invoke(cli.app, [*verb, "--help"])
    assert usage.exit_code == 0, usage.output
    for option in re.findall(r"--[a-z]+", words):
        assert option in usage.output
    command = cli.app
    for word in verb:
        command = command.commands.get(word, command) if hasattr(command, "commands") else command
    named = [word for word in words.split() if re.fullmatch(r"\[?[A-Z_]+(\.\.\.)?\]?", word)]
    assert len(named) == len([one for one in command.params if one.param_type_name == "argument"])


def test_each_option_and_file_named_in_the_text_exists():
    options = set(re.findall(r"`(--[a-z]+)", README))
    known = {opt for command in cli.app.commands.values() for one in command.params for opt in one.opts}
    assert options <= known
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_files_said_to_be_written_are_written(simdai):
    folder = Path("results") / "examples" / "minimal"
    assert simdai("simdai run examples/minimal")[0] == 0
    section = README.partition("## Results")[2].partition("\n## ")[0]
    for pattern in re.findall(r"`([\w*/]+\.\w+)`", section):
        assert list(folder.glob(pattern)), pattern


@pytest.mark.skipif(
    not (shutil.which("make") and (ROOT / ".ci").exists()), reason="needs make, in a checkout"
)
@pytest.mark.parametrize("target", sorted({*re.findall(r"(?:^|`)make ([a-z]+)", README, re.M)}))
def test_each_make_target_named_exists(target):
    done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# Commands that set up a system or an environment, and what runs them.
ELSEWHERE = {
    "make run": "test_each_make_target_named_exists, and every fresh checkout",
    "make test": "this test is being run by it",
    "pip install .": "tests/robustness/test_install.py",
    "pip wheel --no-deps -w dist .": "tests/robustness/test_install.py",
    'pip install ".[notebooks]"': "test_extras_named_exist",
}


def test_every_other_command_shown_is_tried_somewhere():
    rest = {line for line in LINES if line and not line.startswith(("simdai ", "sudo apt-get "))}
    assert rest == set(ELSEWHERE)


def test_the_system_packages_named_are_those_that_the_installation_asks_for():
    (packages,) = re.findall(r"sudo apt-get install -y (.*)", "\n".join(LINES))
    asked_for = (ROOT / ".ci" / "install").read_text()
    assert set(packages.split()) == {"git", "make", "gcc", "python3-dev", "python3-venv"}
    assert 'packages="$packages gcc' in asked_for
    assert "$apt_name-venv" in asked_for and "$apt_name-dev" in asked_for


def test_extras_named_exist():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    (named,) = re.findall(r"with an extra: (.*)", README)
    assert set(re.findall(r"\w+", named)) - {"or"} == set(extras)
