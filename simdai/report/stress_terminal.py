"""What ``simdai stress`` does and prints: a scorecard, a search, what levers do, two designs compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import simdai
from simdai.errors import Problem, ScenarioError, shown
from simdai.experiments.runners import runner
from simdai.experiments.stress import Challenge, break_point, load_battery, mend, tipping
from simdai.experiments.stress.battery import Battery
from simdai.experiments.stress.findings import break_point_found, keep
from simdai.experiments.stress.scorecard import Scorecard
from simdai.report.stress_page import cell, write
from simdai.report.terminal import print_table
from simdai.schema import Scenario
from simdai.units import parse_quantity, parse_unit

__all__ = ["compared", "graded", "mended", "searched"]

Say = Callable[[str], None]
Emit = Callable[[Any], None]
OK = 0
SOME = 2  # replications of each setting of levers, where none are given


def graded(name: str, *, say: Say, emit: Emit, as_json: bool, **asked: Any) -> int:
    """Lay the battery on a design, print its grades and write its report."""
    scenario = simdai.load(name, set=asked["changes"])
    card = _card(scenario, _folder(scenario, asked["out"]), say, asked)
    written = write(card)
    if as_json:
        emit(card.to_json())
    else:
        grades_table(card)
        print(f"report: {written}")
    return OK


def compared(pair: tuple[str, str], *, say: Say, emit: Emit, as_json: bool, **asked: Any) -> int:
    """Lay the battery on two designs and print where their grades differ, and by how much."""
    cards = []
    for name in pair:
        scenario = simdai.load(name, set=asked["changes"])
        folder = None if asked["out"] is None else asked["out"] / scenario.name.replace("/", "_")
        cards.append(_card(scenario, folder, say, asked))
        if folder is not None:
            write(cards[-1])
    if as_json:
        emit([card.to_json() for card in cards])
        return OK
    for card in cards:
        grades_table(card)
    comparison_table(*cards)
    return OK


def searched(name: str, *, say: Say, emit: Emit, as_json: bool, **asked: Any) -> int:
    """Search the cheapest break, print it, and keep it for the report."""
    scenario, stresses = simdai.load(name, set=asked["changes"]), asked["search"].split(",")
    challenge = Challenge(
        scenario,
        stresses,
        asked["network"],
        _battery(asked, ()),
        asked["prop"],
        vary=dict(_range(text, "--vary") for text in asked["vary"]),
        between=_days(asked["between"]),
        at=asked["severity"],
    )
    found = break_point(
        challenge,
        asked["budget"],
        **{"replications": asked["replications"]} if asked["replications"] else {},
        seed=asked["seed"],
        by=runner(asked["workers"]),
        told=say,
    )
    command = _command(
        name, asked, ("network", "battery", "search", "prop", "between", "severity", "horizon")
    )
    what = " + ".join(stresses) + (f" at {asked['severity']}" if asked["severity"] else "")
    keep(_folder(scenario, asked["out"]), searches={f"{what}: {found.prop}": (found, command)})
    if as_json:
        emit({"stress": asked["search"], **break_point_found(found)})
    else:
        print(found)
    if asked["save"] is not None and found.best is not None:
        print(f"scenario: {found.save(asked['save'])}")
    return OK


def mended(name: str, *, say: Say, emit: Emit, as_json: bool, **asked: Any) -> int:
    """Print what levers do to break-points, what is given up for it, and where they tip; keep it."""
    scenario, stresses = simdai.load(name, set=asked["changes"]), asked["mend"].split(",")
    levers = dict(_range(text, "--lever") for text in asked["lever"])
    network, battery = asked["network"], _battery(asked, ())
    options: dict[str, Any] = {
        "replications": asked["replications"] or SOME,
        "seed": asked["seed"],
        "by": runner(asked["workers"]),
    }
    found = mend(
        scenario, levers, stresses, network, battery, budget=min(asked["budget"], 16), told=say, **options
    )
    tips = None
    if asked["severity"] is not None:
        import pandas as pd

        held = [Challenge(scenario, s, network, battery, at=asked["severity"]) for s in stresses]
        tables = [tipping(one, lever, ends, **options) for lever, ends in levers.items() for one in held]
        tips = pd.concat(tables, ignore_index=True)
    keep(_folder(scenario, asked["out"]), tipping=tips, mended=(" and ".join(stresses), found))
    if as_json:
        emit({"settings": found.to_json(), "tipping": None if tips is None else tips.to_dict("records")})
        return OK
    for title, table in (
        ("break-points by lever", found.moves),
        ("settings; best: nothing tried is as good in all and better in something", found.table),
    ):
        print_table(title, list(table.columns), [[cell(v) for v in row] for row in table.to_numpy()])
    if tips is not None:
        shown_columns = ["lever", "stress", "severity", "level", "low", "high", "unit", "crossings", "n"]
        rows = [[cell(v) for v in row] for row in tips[shown_columns].to_numpy()]
        print_table("where levers tip, with 95 % intervals", shown_columns, rows)
    return OK


def _card(scenario: Scenario, folder: Path | None, say: Say, asked: dict[str, Any]) -> Scorecard:
    names = asked["only"].split(",") if asked["only"] else ()
    return simdai.stress(
        scenario,
        asked["network"],
        _battery(asked, names),
        asked["replications"],
        asked["seed"],
        asked["workers"],
        out=folder,
        force=asked["force"],
        told=say,
    )


def _battery(asked: dict[str, Any], names: Sequence[str]) -> Battery:
    battery = load_battery(asked["battery"])
    battery = battery.only(names) if names else battery
    horizon = _horizon(asked)
    return battery if horizon is None else battery.model_copy(update={"horizon": horizon})


def _folder(scenario: Scenario, out: Path | None) -> Path:
    return out or Path("results") / f"stress_{scenario.name.replace('/', '_')}"


def _horizon(asked: dict[str, Any]) -> float | None:
    if asked["horizon"] is None:
        return None
    value, unit = parse_quantity(asked["horizon"])
    days = unit.convert(value, parse_unit("d")) if unit.dimension else value
    if not days > 0:
        raise ScenarioError(Problem(found=f"--horizon {asked['horizon']}", allowed="more than zero"))
    return float(days)


def _range(text: str, option: str) -> tuple[str, tuple[Any, Any]]:
    """``a.b=LOW..HIGH``, the ends as a scenario file would say them."""
    path, equals, ends = text.partition("=")
    low, dots, high = ends.partition("..")
    if not (path and equals and dots and low and high):
        raise ScenarioError(Problem(found=f"{option} {shown(text)}", allowed=f"{option} a.b=LOW..HIGH"))
    return path, (_value(low), _value(high))


def _value(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def _days(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    first, dots, last = text.partition("..")
    try:
        days = float(first), float(last)
    except ValueError:
        dots = ""
        days = 0.0, 0.0
    if not dots or not 0.0 <= days[0] < days[1]:
        raise ScenarioError(Problem(found=f"--between {shown(text)}", allowed="--between 10..90"))
    return days


def _command(name: str, asked: dict[str, Any], options: Sequence[str]) -> str:
    """The command that asks the same again."""
    import shlex

    words = ["simdai", "stress", name]
    flags = {"prop": "property", "severity": "at"}
    for option in options:
        if asked[option] is not None and (option, asked[option]) != ("battery", "standard"):
            words += [f"--{flags.get(option, option)}", str(asked[option])]
    for flag in ("vary", "changes"):
        for text in asked[flag]:
            words += ["--set" if flag == "changes" else f"--{flag}", text]
    words += ["--budget", str(asked["budget"]), "--seed", str(asked["seed"])]
    if asked["replications"]:
        words += ["--replications", str(asked["replications"])]
    return shlex.join(words)


def grades_table(card: Scorecard) -> None:
    """Print the grade of every stress at every severity, with the measure that decided."""
    severities = card.applied.battery.severities
    rows = [(stress, *(card.shown(stress, severity) for severity in severities)) for stress in card.grades]
    print_table(f"{card.name}: {len(card.broken)} stresses broke it", ("stress", *severities), rows)


def comparison_table(a: Scorecard, b: Scorecard) -> None:
    """Print the stresses under which two designs are graded differently."""
    severities = a.applied.battery.severities
    rows = []
    for stress in [s for s in a.grades if s in b.grades]:
        for severity in severities:
            one, other = (card.grades[stress].get(severity, ("not measured", "")) for card in (a, b))
            if one[0] != other[0]:
                rows.append((stress, severity, " ".join(one), " ".join(other)))
    heads = ("stress", "severity", f"A: {a.name}", f"B: {b.name}")
    print_table(f"graded differently: {len(rows)}", heads, rows)
