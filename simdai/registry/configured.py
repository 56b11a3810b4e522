"""Configured classes, and the registry that they fill."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import importlib.util
import pkgutil
import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Self, cast

import numpy as np
import pydantic
from pydantic import ConfigDict, GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema, InitErrorDetails, core_schema

from simdai.errors import Problem, ScenarioError, listed, nearest, refused, shown, unknown
from simdai.registry.report import brief, dumped, problems_of, restated

__all__ = [
    "FAMILY_KEY",
    "Configured",
    "OneOf",
    "families",
    "get",
    "kinds",
    "load",
    "register",
    "union_schema",
]

PACKAGES = ("mechanisms", "economy", "networks", "labs", "training", "experiments.designs")
ENTRY_POINTS = ("simdai.mechanisms", "simdai.networks", "simdai.metrics")
DEFINED = re.compile(r'^class \w+\([^)]*\bkind="(\w+)"', re.MULTILINE)

_families: dict[str, type[Configured]] = {}
_kinds: dict[str, dict[str, type[Configured]]] = {}
_loaded = False


class Configured(pydantic.BaseModel):
    """A frozen, strict model that is both a rule and its configuration.

    ``class Quote(Configured, family="quote")`` opens a family; ``class Posted(Quote, kind="posted")`` adds
    a kind to it. A plain subclass is a block of a file without ``kind``. Unknown keys, text or booleans for
    numbers, NaN and infinities are refused; numpy scalars and lists are taken as numbers and tuples.
    Made from Python, a wrong value raises `ScenarioError` with every problem.
    """

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        allow_inf_nan=False,
        validate_default=True,
        arbitrary_types_allowed=True,
        defer_build=True,  # most kinds are never named by a scenario
    )

    family: ClassVar[str] = ""
    kind: ClassVar[str] = ""

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise ScenarioError(problems_of(error, type(self).__name__)) from None

    # Without this mark pydantic calls the constructor for nested values too and loses their positions.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    def __init_subclass__(cls, *, family: str = "", kind: str = "", **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if family and kind:
            raise TypeError(f"{cls.__qualname__} opens a family or adds a kind, not both")
        if family:
            cls.family, cls.kind = family, ""
        elif kind:
            if not cls.family:
                raise TypeError(f"{cls.__qualname__}: kind {kind!r} needs a base class that opened a family")
            cls.kind = kind

    @classmethod
    def __pydantic_init_subclass__(cls, *, family: str = "", kind: str = "", **keywords: Any) -> None:
        super().__pydantic_init_subclass__(**keywords)
        if family:
            _open(cls)
        elif kind:
            register(cls)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        if cls.family and not cls.kind:
            return union_schema(cls.family, cls)
        return core_schema.no_info_wrap_validator_function(cls._read, handler(source))

    @classmethod
    def _read(cls, value: Any, validate: core_schema.ValidatorFunctionWrapHandler) -> Self:
        """Validate a mapping, its ``kind`` dropped, numpy scalars and lists turned into what fields take."""
        if not isinstance(value, Mapping):
            if isinstance(value, cls):
                return value
            raise refused(brief(value), f"a mapping with {', '.join(cls.model_fields) or 'nothing in it'}")
        plain = {key: _python(item) for key, item in value.items()}
        if cls.kind and "kind" in plain:
            if plain["kind"] != cls.kind:
                raise refused(f"kind {shown(plain['kind'])}", f"the kind {cls.kind!r}")
            del plain["kind"]
        unknown_keys = [str(key) for key in plain if key not in cls.model_fields]
        try:
            return cast(Self, validate(plain))
        except ValidationError as error:
            if not unknown_keys:
                raise
            near = {key: nearest(key, cls.model_fields) for key in unknown_keys[:MOST_SUGGESTIONS]}
            raise cls._with_suggestions(error, near) from None

    @classmethod
    def _with_suggestions(cls, error: ValidationError, unknown_keys: Mapping[str, str]) -> ValidationError:
        """Say which keys exist where unknown ones were given; a misspelt key is not also missing."""
        lines = []
        fields = [*cls.model_fields, *(("kind",) if cls.kind else ())]
        for line in error.errors(include_url=False):
            location = line["loc"]
            if line["type"] == "extra_forbidden" and len(location) == 1:
                name = str(location[0])
                fault = refused(
                    f"unknown key {shown(name)}", listed(fields), unknown_keys.get(name, ""), at_key=True
                )
            elif line["type"] == "missing" and len(location) == 1 and location[0] in unknown_keys.values():
                continue
            else:
                fault = restated(cast(dict[str, Any], line))
            lines.append(InitErrorDetails(type=fault, loc=location, input=line["input"]))
        return ValidationError.from_exception_data(cls.__name__, lines)

    @pydantic.model_serializer(mode="wrap")
    def _with_kind(self, handler: pydantic.SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = handler(self)
        return {"kind": self.kind, **values} if self.kind else values

    def check(self, scenario: Any) -> Iterable[Problem]:
        """Yield what is wrong with this object inside its scenario, such as a name that nothing there bears.

        A kind overrides this; ``path`` of a problem is relative to the object (``"hardware"``), and
        the loader adds file, line and column.

        Parameters
        ----------
        scenario : simdai.schema.Scenario, already sound by itself
        """
        return ()

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some fields changed, validated like the original."""
        return type(self)(**{**{name: getattr(self, name) for name in type(self).model_fields}, **changes})


MOST_SUGGESTIONS = 200  # of nearest names for one object; a search takes some 0.1 ms
FAMILY_KEY = "x-simdai-family"  # in a JSON Schema: stands for the union of a family's kinds


def _python(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return _python(value.tolist())
    if isinstance(value, list | tuple) and type(value) in (list, tuple):
        return tuple(_python(item) for item in value)
    return value


@dataclass(frozen=True)
class OneOf:
    """Mark a field that takes any kind of a family: ``Annotated[Configured, OneOf("quote")]``.

    The registry is asked at validation, so kinds may be registered after the field was declared.
    """

    family: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return union_schema(self.family, Configured)


def union_schema(family: str, base: type[Configured]) -> CoreSchema:
    """Return the schema of the union of a family's kinds below ``base``, looked up when a value comes."""

    def read(value: Any) -> Any:
        opened = _families.get(family)
        if opened is not None and isinstance(value, opened) and isinstance(value, base) and value.kind:
            return value
        known = _known(family, base)
        kind = value.get("kind") if isinstance(value, Mapping) else None
        if kind not in known and not _loaded:
            load_kind(kind)
            if kind not in (known := _known(family, base)):
                load()
                known = _known(family, base)
        if not isinstance(value, Mapping):
            raise refused(brief(value), f"a mapping with 'kind', {listed(known)}")
        if kind is None:
            raise refused("no 'kind'", f"kind: {listed(known)}")
        if not isinstance(kind, str) or kind not in known:
            error = refused(f"unknown {family} kind {shown(kind)}", listed(known), nearest(kind, known))
            line = InitErrorDetails(type=error, loc=("kind",), input=kind)
            raise ValidationError.from_exception_data(family, [line])
        return known[kind].__pydantic_validator__.validate_python(value)

    return core_schema.no_info_plain_validator_function(
        read,
        serialization=core_schema.plain_serializer_function_ser_schema(dumped),
        metadata={"pydantic_js_functions": [lambda schema, handler: {FAMILY_KEY: family}]},
    )


def _known(family: str, base: type[Configured]) -> dict[str, type[Configured]]:
    return {kind: cls for kind, cls in _kinds.get(family, {}).items() if issubclass(cls, base)}


def _open(cls: type[Configured]) -> None:
    taken = _families.get(cls.family)
    if taken is not None and not _same_notebook_class(taken, cls):
        raise TypeError(f"family {cls.family!r} is already opened by {taken.__module__}.{taken.__qualname__}")
    _families[cls.family] = cls
    _kinds.setdefault(cls.family, {})


def register(cls: type[Configured]) -> type[Configured]:
    """Add a configured class to its family, so that files may name it; usable as a decorator.

    Defining a class with ``kind=`` already does this. A kind taken twice is a `TypeError`, save that a
    notebook may define its own class again.
    """
    if not (isinstance(cls, type) and issubclass(cls, Configured) and cls.kind):
        raise TypeError(
            f'{shown(cls)} cannot be registered; a class such as `class Mine(Quote, kind="mine")` can'
        )
    family = _kinds.setdefault(cls.family, {})
    taken = family.get(cls.kind)
    if taken is not None and taken is not cls and not _same_notebook_class(taken, cls):
        raise TypeError(
            f"{cls.family} kind {cls.kind!r} is already taken by {taken.__module__}.{taken.__qualname__}"
        )
    family[cls.kind] = cls
    return cls


def _same_notebook_class(a: type, b: type) -> bool:
    return a.__module__ == b.__module__ == "__main__" and a.__qualname__ == b.__qualname__


def load() -> None:
    """Import every module that may define kinds, and the entry points of installed packages; once.

    A package of kinds that fails to import is warned of, not fatal: its kinds are then unknown.
    """
    global _loaded
    if _loaded:
        return
    _loaded = True
    for name in PACKAGES:
        if importlib.util.find_spec(f"simdai.{name}") is None:
            continue
        package = importlib.import_module(f"simdai.{name}")
        for module in pkgutil.walk_packages(package.__path__, f"simdai.{name}."):
            importlib.import_module(module.name)
    _load_installed()


def load_kind(kind: Any) -> None:
    """Import the modules that define a kind of this name, in whatever family, and the entry points.

    A scenario names few of the kinds; to import all modules would be a third of a short command's time.
    """
    for module in _modules().get(kind, ()) if isinstance(kind, str) else ():
        importlib.import_module(module)
    _load_installed()


@functools.cache
def _modules() -> Mapping[str, list[str]]:
    """Names of the modules by the kinds that their text defines."""
    root = Path(__file__).parents[1]
    found: dict[str, list[str]] = {}
    for package in PACKAGES:
        for file in sorted(root.joinpath(*package.split(".")).rglob("*.py")):
            module = ".".join((root.name, *file.relative_to(root).with_suffix("").parts))
            for kind in DEFINED.findall(file.read_text(encoding="utf-8")):
                found.setdefault(kind, []).append(module.removesuffix(".__init__"))
    return found


@functools.cache
def _load_installed() -> None:
    for group in ENTRY_POINTS:
        for entry in importlib.metadata.entry_points(group=group):
            try:
                entry.load()
            except Exception as error:  # someone else's package: whatever it raises, ours goes on
                where = f"entry point {group}: {entry.name} = {entry.value}"
                warnings.warn(f"{where} cannot be loaded: {error}", stacklevel=2)


def families() -> Mapping[str, type[Configured]]:
    """Return the class that opened each family, by name in alphabetical order."""
    load()
    return MappingProxyType(dict(sorted(_families.items())))


def kinds(family: str) -> Mapping[str, type[Configured]]:
    """Return the classes of a family by kind, in alphabetical order; empty for a family nobody opened."""
    load()
    return MappingProxyType(dict(sorted(_kinds.get(family, {}).items())))


def get(family: str, kind: str) -> type[Configured]:
    """Return the class of a kind; `ScenarioError` with the nearest match when there is none."""
    known = kinds(family)
    if kind not in known:
        raise ScenarioError(unknown(f"{family} kind", kind, known))
    return known[kind]
