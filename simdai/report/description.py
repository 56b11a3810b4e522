"""A description of the model in the form of the ODD protocol, written from what the code itself declares.

Everything that can go stale is read off: kinds with their parameters, phases, market events, streams of luck,
mechanisms with their sources, parameter files with grades, rules that change by date in the library.
Source of the form: Grimm et al. (2020), The ODD Protocol for Describing Agent-Based and Other Simulation
Models: A Second Update, Journal of Artificial Societies and Social Simulation 23(2) 7.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import inspect
import pkgutil
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import simdai
from simdai import registry
from simdai.registry import Configured, Regimes
from simdai.schema import Scenario, library_scenarios, load
from simdai.schema.parameters import GRADES, Parameters
from simdai.schema.scenario import walk
from simdai.units import Quantity

__all__ = ["describe"]

CONCEPTS = {
    "Basic principles": ("economy", "mechanisms"),
    "Emergence": ("economy.token_market", "economy.compute_market"),
    "Adaptation": ("economy.venue_choice", "economy.switching", "economy.population"),
    "Interaction": ("economy.ledger", "economy.compute_network"),
    "Stochasticity": ("engine.streams", "economy.laws"),
    "Collectives": ("economy.provider_book", "economy.demand"),
    "Observation": ("engine.recorder", "metrics"),
}
"""Design concepts, and the modules whose first words say how the model has them."""

ASKED = ("entity", "streams")
"""Calls that take the name of a stream of luck."""

OUTSIDE = ("shock",)
STUDIES = ("design", "factor")


def describe(scenario: Scenario | None = None) -> str:
    """Write the description as Markdown.

    Parameters
    ----------
    scenario : whose objects, numbers and dated rules stand in it; None for all of the library
    """
    told = [load(name) for name in library_scenarios()] if scenario is None else [scenario]
    sections = (
        ("Purpose and patterns", purpose(told)),
        ("Entities, state variables and scales", entities()),
        ("Process overview and scheduling", scheduling()),
        ("Design concepts", concepts()),
        ("Initialization", initialization(scenario)),
        ("Input data", input_data(scenario)),
        ("Submodels", submodels(told)),
    )
    head = [
        "# The model, in the form of the ODD protocol",
        "",
        f"Written by `simdai describe` from the code of simdai {simdai.__version__}. The form is that of "
        "Grimm et al. (2020), *Journal of Artificial Societies and Social Simulation* 23(2) 7.",
    ]
    body = [
        part for n, (title, lines) in enumerate(sections, 1) for part in ("", f"## {n} {title}", "", *lines)
    ]
    return "\n".join([*head, *body]) + "\n"


def purpose(scenarios: Sequence[Scenario]) -> Iterator[str]:
    """What the model is for, and the questions that scenarios ask."""
    yield markdown(first_words(simdai))
    yield ""
    yield from table(
        ("scenario", "question"), ((f"`{scenario.name}`", scenario.question) for scenario in scenarios)
    )


def entities() -> Iterator[str]:
    """Every kind of actor by family, with its parameters."""
    yield "### The scenario"
    yield ""
    yield "Time is in days, money in USD; a scenario is a world with a beginning and an end."
    yield ""
    yield from parameter_table(Scenario)
    for family in families_of("simdai.economy", "simdai.networks", "simdai.labs", "simdai.training"):
        yield from family_section(family)


def scheduling() -> Iterator[str]:
    """What happens in which order."""
    from simdai.economy import calendar
    from simdai.kernel.market_spec import TRACE_KINDS

    yield markdown(first_words(calendar))
    yield ""
    yield from table(
        ("phase", "order", "what happens"),
        (
            (f"`{phase.name}`", f"{phase.value:g}", attribute_words(calendar, phase.name))
            for phase in sorted(calendar.Phase, key=lambda phase: phase.value)
        ),
    )
    yield ""
    yield f"Between two instants the market has its own events: {', '.join(TRACE_KINDS)}."


def concepts() -> Iterator[str]:
    """Design concepts, in the words of the modules that have them."""
    for concept, modules in CONCEPTS.items():
        yield f"**{concept}.** " + " ".join(
            markdown(first_words(importlib.import_module(f"simdai.{name}"))) for name in modules
        )
        yield ""
    yield "Streams of luck, by purpose: " + ", ".join(f"`{name}`" for name in sorted(streams())) + "."


def initialization(scenario: Scenario | None) -> Iterator[str]:
    """How a world begins."""
    from simdai import world

    yield markdown(words(world.build))
    if scenario is None:
        return
    yield ""
    yield f"`{scenario.name}` begins on {scenario.start} and runs {scenario.horizon:g} days with:"
    yield ""
    rows = []
    for section, value in scenario._sections():
        items = value.items() if hasattr(value, "items") else enumerate(value)
        rows += [(f"`{section}.{name}`", f"`{item.kind}`", first_line(type(item))) for name, item in items]
    yield from table(("object", "kind", "what it is"), rows)


def input_data(scenario: Scenario | None) -> Iterator[str]:
    """Numbers of the world with source and grade."""
    heads = ("parameter", "value", "unit", "date", "grade", "source")
    if scenario is not None:
        uses = {use.name: use for _, use in scenario.provenance.parameters}
        rows = [(f"`{n}`", u.value, u.unit, u.date, u.grade, u.source) for n, u in sorted(uses.items())]
        yield f"Numbers that `{scenario.name}` takes from parameter files:"
        yield ""
        yield from table(heads, rows)
        return
    found = list(Parameters.reachable_from(None).all())
    counts = Counter(entry.grade for entry in found)
    said = "; ".join(f"{counts[grade]} of grade {grade} ({meaning})" for grade, meaning in GRADES.items())
    yield f"{len(found)} entries: {said}."
    for file in sorted({entry.name.split(".")[0] for entry in found}):
        yield ""
        yield f"### `parameters/{file}.yaml`"
        yield ""
        yield from table(heads, (parameter_row(one) for one in found if one.name.split(".")[0] == file))


def submodels(scenarios: Sequence[Scenario]) -> Iterator[str]:
    """Mechanisms by module, with their kinds; what may happen from outside; rules that change by date."""
    from simdai import mechanisms

    yield markdown(first_words(mechanisms))
    for info in pkgutil.iter_modules(mechanisms.__path__):
        if info.name.startswith("_"):
            continue
        module = importlib.import_module(f"simdai.mechanisms.{info.name}")
        yield ""
        yield f"### `mechanisms.{info.name}`"
        yield ""
        yield markdown(words(module))
        rows = [(f"`{name}`", first_line(member), source_of(member)) for name, member in public(module)]
        if rows:
            yield ""
            yield from table(("rule", "what it says", "source"), rows)
    for family in families_of("simdai.mechanisms"):
        yield from family_section(family)
    yield from family_section("shock")
    yield ""
    yield "### Rules that change by date"
    yield ""
    yield from table(("scenario", "rule", "from", "kind"), dated_rules(scenarios))
    yield ""
    yield "### What a company or a foundation runs of a network"
    yield ""
    yield from table(("network", "function", "what depends on it"), functions())


def family_section(family: str) -> Iterator[str]:
    """A family with all its kinds."""
    yield ""
    yield f"### Family `{family}`"
    yield ""
    yield markdown(words(registry.families()[family]))
    for kind, cls in registry.kinds(family).items():
        yield ""
        yield f"#### `{family}: {kind}`"
        yield ""
        yield markdown(words(cls))
        yield ""
        yield from parameter_table(cls)


def families_of(*packages: str) -> list[str]:
    """Families that a package opens, those of studies and of shocks apart."""
    return [
        name
        for name, cls in registry.families().items()
        if cls.__module__.startswith(packages) and name not in (*STUDIES, *OUTSIDE)
    ]


def parameter_table(cls: type[Configured]) -> Iterator[str]:
    """The fields of a class with their meaning."""
    meanings: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        meanings.update(documented(base))
    rows = []
    for name, info in cls.model_fields.items():
        quantity = next((item for item in info.metadata if isinstance(item, Quantity)), None)
        unit = quantity.unit if quantity is not None and quantity.unit != "1" else ""
        default = "required" if info.is_required() else brief(info.get_default(call_default_factory=True))
        dated = "; may change by date" if "Regimes" in str(info.annotation) else ""
        meaning = markdown(info.description or meanings.get(name, ""))
        rows.append((f"`{name}`", unit, default, (meaning + dated).removeprefix("; ")))
    if rows:
        yield from table(("parameter", "unit", "default", "meaning"), rows)
    else:
        yield "No parameters."


def documented(cls: type) -> dict[str, str]:
    """What the numpydoc section Parameters of a class says of each field."""
    text = inspect.cleandoc(cls.__dict__.get("__doc__") or "")
    match = re.search(r"^Parameters\n-+\n(.*?)(?=^\S[^\n]*\n-{3,}\n|\Z)", text, re.S | re.M)
    found: dict[str, str] = {}
    names: list[str] = []
    for line in match[1].splitlines() if match else ():
        head = re.match(r"(\w[\w, ]*) : (.*)", line)
        if head:
            names = [name.strip() for name in head[1].split(",")]
            found.update(dict.fromkeys(names, head[2].strip()))
        elif line.startswith("    ") and names:
            found.update({name: f"{found[name]} {line.strip()}" for name in names})
    return found


def dated_rules(scenarios: Sequence[Scenario]) -> Iterator[tuple[str, ...]]:
    """Regimes with more than one rule."""
    for scenario in scenarios:
        for location, value in walk(scenario):
            if isinstance(value, Regimes) and len(value) > 1:
                path = ".".join(map(str, location))
                for regime in value:
                    kind = getattr(regime.rule, "kind", "") or type(regime.rule).__name__
                    yield f"`{scenario.name}`", f"`{path}`", str(regime.start or "the start"), f"`{kind}`"


def functions() -> Iterator[tuple[str, ...]]:
    """Functions that depend on whoever stands behind a network, of every kind of network."""
    for kind, cls in registry.kinds("network").items():
        said = cls.functions  # type: ignore[attr-defined]
        for function, depends in said.items() or (("none", "everybody runs all of it"),):
            yield f"`{kind}`", f"`{function}`" if said else function, depends


def parameter_row(entry: Any) -> tuple[object, ...]:
    """One entry of a parameter file."""
    unit = (
        entry.unit if isinstance(entry.unit, str) else ", ".join(f"{k}: {u}" for k, u in entry.unit.items())
    )
    return (f"`{entry.name}`", brief(entry.value.plain()), unit, entry.date, entry.grade, entry.source)


def public(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """Functions and classes that a module offers, in the order of its ``__all__``."""
    for name in getattr(module, "__all__", ()):
        member = getattr(module, name)
        if (inspect.isfunction(member) or inspect.isclass(member)) and member.__module__ == module.__name__:
            yield name, member


@functools.cache
def streams() -> set[str]:
    """Names of the streams of luck that the code asks for."""
    found = set[str]()
    for info in pkgutil.walk_packages(simdai.__path__, "simdai."):
        spec = importlib.util.find_spec(info.name)
        if spec is None or not str(spec.origin).endswith(".py"):
            continue
        text = Path(str(spec.origin)).read_text(encoding="utf-8")
        if not any(f"{name}(" in text for name in ASKED):  # most modules have no luck; parsing is slow
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                called = (
                    node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                )
                if called in ASKED and isinstance(node.args[0].value, str):
                    found.add(node.args[0].value)
    return found


def attribute_words(module: ModuleType, name: str) -> str:
    """The string that stands below an assignment in a module's classes."""
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if not isinstance(node, ast.ClassDef):
            continue
        for before, after in zip(node.body, node.body[1:], strict=False):
            named = isinstance(before, ast.Assign) and getattr(before.targets[0], "id", "") == name
            if named and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                return markdown(str(after.value.value))
    return ""


def words(thing: Any) -> str:
    """What a docstring says before its sections."""
    text = inspect.cleandoc(getattr(thing, "__doc__", "") or "")
    return re.split(r"\n(?=(?:>>> |[A-Z]\w+\n-{3,}))", text)[0].strip()


def first_words(thing: Any) -> str:
    """The first paragraph of a docstring, in one line."""
    return " ".join(words(thing).split("\n\n")[0].split())


def first_line(thing: Any) -> str:
    """The first line of a docstring."""
    return markdown((words(thing).splitlines() or [""])[0])


def source_of(thing: Any) -> str:
    """The sources that a docstring names."""
    text = " ".join((getattr(thing, "__doc__", "") or "").split())
    return markdown(
        "; ".join(found.strip(" .") for found in re.findall(r"Sources?: (.*?)(?:\. [A-Z]|$)", text))
    )


def markdown(text: str) -> str:
    """Write what docstrings mark up as code in Markdown's way."""
    return re.sub(r"``([^`]+)``", r"`\1`", text)


def brief(value: Any) -> str:
    """A value in few letters."""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def table(heads: Iterable[str], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """A Markdown table."""
    heads = list(heads)
    yield f"| {' | '.join(heads)} |"
    yield f"|{' --- |' * len(heads)}"
    for row in rows:
        cells = (" ".join(str(cell).split()).replace("|", "\\|") for cell in row)
        yield f"| {' | '.join(cells)} |"
