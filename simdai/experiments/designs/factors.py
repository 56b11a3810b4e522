"""What a study varies: a value of the scenario, and the law or list that its levels come from.

A *level* is one float: the number itself (in the factor's unit), or the index into a list of options. So the
points of a study are a plain table of floats, whatever is varied.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BeforeValidator, Field, model_validator

from simdai.errors import listed, nearest, refused, shown
from simdai.experiments.designs.amounts import Amount, BaseNumber, common_unit, unmeasured, written
from simdai.registry import Configured, FrozenMapping

__all__ = ["Choice", "Factor", "LogUniform", "Numeric", "Triangular", "Uniform", "Variant", "Whole"]

Levels = NDArray[np.float64]
MOST_OPTIONS = 1000


class Factor(Configured, family="factor"):
    """A value of the scenario that a study varies."""

    note: Annotated[str, Field(description="what is varied and why, with the source of the range")] = ""

    @property
    def unit(self) -> str:
        """Unit of the levels; empty for options, and for numbers in the unit of the value they are put at."""
        return ""

    @property
    def options(self) -> int | None:
        """How many options there are; None for a number."""
        return None

    def quantile(self, shares: ArrayLike) -> Levels:
        """Levels at shares of probability in [0, 1]."""
        raise NotImplementedError

    def grid(self, n: int) -> Levels:
        """``n`` levels spread evenly over the range, both ends included; all of a factor with options."""
        return self.quantile(np.linspace(0.0, 1.0, n) if n > 1 else np.array([0.5]))

    def level_of(self, given: Any) -> float:
        """The level that a file or a caller means; the positioned report's error for one out of range."""
        raise NotImplementedError

    def shown(self, level: float) -> float | str:
        """A level as a table shows it: the number, or the option's name."""
        return level

    def changes(self, level: float, base: Mapping[str, BaseNumber]) -> dict[str, Any]:
        """What a level changes, as dotted path to new value.

        Parameters
        ----------
        level : of this factor
        base : dotted path to what stands in the base scenario there, for the paths of `relative_paths`
        """
        raise NotImplementedError

    @property
    def paths(self) -> tuple[str, ...]:
        """Dotted paths of the places that take the value; empty where each option has its own."""
        return ()

    @property
    def relative_paths(self) -> tuple[str, ...]:
        """Paths whose value in the base scenario the levels multiply."""
        return ()

    def probes(self) -> Iterator[tuple[tuple[str | int, ...], float]]:
        """Levels that must fit into the scenario, each with the place in the file that it comes from."""
        raise NotImplementedError


def _read_paths(value: Any) -> tuple[str, ...]:
    """Dotted paths given as one text or a list."""
    return (value,) if isinstance(value, str) else value


Paths = Annotated[
    str | tuple[str, ...],
    Field(description="dotted path in the scenario, or several that all take the same value"),
]


class Numeric(Factor):
    """A number between two ends."""

    path: Paths
    low: Annotated[Amount, Field(description="least value")]
    high: Annotated[Amount, Field(description="greatest value")]
    relative: Annotated[bool, Field(description="levels multiply the value of the base scenario")] = False

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        low, high = self.ends
        if not low < high:
            raise ValueError(f"low = {self.low.plain()} is not below high = {self.high.plain()}")
        if self.relative and self.unit:
            raise ValueError(f"{self.low.plain()}: relative levels are plain numbers, such as 0.5 and 2")
        return self

    @property
    def unit(self) -> str:
        return common_unit(self.low, self.high)

    @property
    def ends(self) -> tuple[float, float]:
        """Least and greatest level."""
        unit = self.unit
        return self.low.into(unit), self.high.into(unit)

    @property
    def paths(self) -> tuple[str, ...]:
        return _read_paths(self.path)

    @property
    def relative_paths(self) -> tuple[str, ...]:
        return self.paths if self.relative else ()

    def level_of(self, given: Any) -> float:
        level = Amount.read(given).into(self.unit)
        low, high = self.ends
        if not low <= level <= high:
            raise refused(shown(given), f"from {self.low.plain()} to {self.high.plain()}")
        return level

    def changes(self, level: float, base: Mapping[str, BaseNumber]) -> dict[str, Any]:
        if self.relative:
            return {path: base[path].times(level) for path in self.paths}
        return dict.fromkeys(self.paths, self.value(level))

    def value(self, level: float) -> Any:
        """What stands in the scenario at a level."""
        return written(float(level), self.unit)

    def probes(self) -> Iterator[tuple[tuple[str | int, ...], float]]:
        low, high = self.ends
        yield ("low",), low
        yield ("high",), high


class Uniform(Numeric, kind="uniform"):
    """Every value between the ends is as likely."""

    def quantile(self, shares: ArrayLike) -> Levels:
        low, high = self.ends
        return np.clip(low + (high - low) * np.asarray(shares, np.float64), low, high)


class LogUniform(Numeric, kind="log_uniform"):
    """The logarithm is uniform between the ends: for values that may differ tenfold."""

    @model_validator(mode="after")
    def _is_positive(self) -> Self:
        if self.ends[0] <= 0.0:
            raise ValueError(f"low = {self.low.plain()}: a logarithm needs a low above zero")
        return self

    def quantile(self, shares: ArrayLike) -> Levels:
        low, high = self.ends
        spread = math.log(high / low) * np.asarray(shares, np.float64)
        return np.clip(low * np.exp(spread), low, high)


class Triangular(Numeric, kind="triangular"):
    """Likeliest at the mode, falling in a straight line to nothing at the ends."""

    mode: Annotated[Amount, Field(description="likeliest value")]

    @model_validator(mode="after")
    def _holds_its_mode(self) -> Self:
        low, high = self.ends
        if not low <= self.mode.into(self.unit) <= high:
            raise ValueError(f"mode = {self.mode.plain()} is not between low and high")
        return self

    @property
    def unit(self) -> str:
        return common_unit(self.low, self.high, self.mode)

    def quantile(self, shares: ArrayLike) -> Levels:
        low, high = self.ends
        mode, width = self.mode.into(self.unit), high - low
        share = np.asarray(shares, np.float64)
        rising = low + np.sqrt(share * width * (mode - low))
        falling = high - np.sqrt((1.0 - share) * width * (high - mode))
        return np.clip(np.where(share * width <= mode - low, rising, falling), low, high)


class Whole(Numeric, kind="whole"):
    """A whole number between two ends, both included, every one as likely."""

    @model_validator(mode="after")
    def _has_whole_ends(self) -> Self:
        if any(not end.is_integer() for end in self.ends):
            raise ValueError(
                f"low = {self.low.plain()}, high = {self.high.plain()}: whole numbers are needed"
            )
        return self

    def quantile(self, shares: ArrayLike) -> Levels:
        low, high = self.ends
        return np.minimum(low + np.floor(np.asarray(shares, np.float64) * (high - low + 1.0)), high)

    def grid(self, n: int) -> Levels:
        low, high = self.ends
        return np.unique(np.round(np.linspace(low, high, n))) if n > 1 else np.round([(low + high) / 2])

    def level_of(self, given: Any) -> float:
        level = super().level_of(given)
        if not level.is_integer():
            raise refused(shown(given), "a whole number")
        return level

    def value(self, level: float) -> Any:
        return written(float(level), self.unit) if self.unit else int(level)


class Options(Factor):
    """One of several options, in the order given, every one as likely."""

    @property
    def names(self) -> tuple[str | float, ...]:
        """The options as tables show them."""
        raise NotImplementedError

    @property
    def options(self) -> int | None:
        return len(self.names)

    def quantile(self, shares: ArrayLike) -> Levels:
        n = len(self.names)
        return np.minimum(np.floor(np.asarray(shares, np.float64) * n), n - 1.0)

    def grid(self, n: int) -> Levels:
        return np.arange(float(len(self.names)))

    def shown(self, level: float) -> float | str:
        return self.names[int(level)]


class Choice(Options, kind="choice"):
    """One of several values: numbers, words or objects with their ``kind``; null takes the value away."""

    path: Paths
    values: Annotated[
        tuple[Any, ...],
        BeforeValidator(unmeasured),
        Field(description="the values", min_length=1, max_length=MOST_OPTIONS),
    ]

    @property
    def paths(self) -> tuple[str, ...]:
        return _read_paths(self.path)

    @property
    def names(self) -> tuple[str | float, ...]:
        kinds = [value.get("kind") if isinstance(value, Mapping) else None for value in self.values]
        if all(kinds) and len(set(kinds)) == len(kinds):
            return tuple(map(str, kinds))
        return _told_apart([_name(value) for value in self.values])

    def level_of(self, given: Any) -> float:
        for n, value in enumerate(self.values):
            if (type(given) is not bool and given == value) or given == self.names[n]:
                return float(n)
        raise refused(shown(given), listed(map(str, self.names)), nearest(given, map(str, self.names)))

    def changes(self, level: float, base: Mapping[str, BaseNumber]) -> dict[str, Any]:
        return dict.fromkeys(self.paths, self.values[int(level)])

    def probes(self) -> Iterator[tuple[tuple[str | int, ...], float]]:
        for n in range(len(self.values)):
            yield ("values", n), float(n)


class Variant(Options, kind="variant"):
    """One of several sets of changes that belong together, by name, such as two designs of a token."""

    variants: Annotated[
        FrozenMapping[str, FrozenMapping[str, Any]],
        BeforeValidator(unmeasured),
        Field(description="name to dotted paths with their values; {} leaves the base as it is"),
    ]

    @model_validator(mode="after")
    def _has_some(self) -> Self:
        if not self.variants:
            raise ValueError("no variants; at least one is needed")
        return self

    @property
    def names(self) -> tuple[str | float, ...]:
        return tuple(self.variants)

    def level_of(self, given: Any) -> float:
        if given not in self.names:
            raise refused(shown(given), listed(self.variants), nearest(given, self.variants))
        return float(self.names.index(given))

    def changes(self, level: float, base: Mapping[str, BaseNumber]) -> dict[str, Any]:
        return dict(self.variants[str(self.names[int(level)])])

    def probes(self) -> Iterator[tuple[tuple[str | int, ...], float]]:
        for n, name in enumerate(self.variants):
            yield ("variants", name), float(n)


def _told_apart(names: list[str | float]) -> tuple[str | float, ...]:
    """Names with a number behind those that occur before."""
    return tuple(
        f"{name} #{names[:n].count(name) + 1}" if name in names[:n] else name for n, name in enumerate(names)
    )


def _name(value: Any) -> str | float:
    """What a table calls an option: a number as it is, an object by its kind, anything else in few words."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "none"}[value]
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, Mapping):
        kind = value.get("kind")
        rest = ", ".join(f"{k}: {v}" for k, v in value.items() if k != "kind")
        text = f"{kind} ({rest})" if kind and rest else str(kind or rest)
    else:
        text = str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
