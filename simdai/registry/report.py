"""From pydantic's errors to problems that say what was found and what is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pydantic
from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from simdai.errors import Problem, ScenarioError, listed, nearest, path_text, refused, shown

__all__ = ["brief", "context_error", "dumped", "problems_of", "restated", "restated_below", "sentence_of"]


def dumped(value: Any) -> Any:
    """Return a model, a mapping or a sequence as plain values, anything else as it is."""
    if isinstance(value, pydantic.BaseModel):
        return value.model_dump()
    if isinstance(value, Mapping):
        return {key: dumped(item) for key, item in value.items()}
    return [dumped(item) for item in value] if isinstance(value, list | tuple) else value


def brief(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "nothing" if value is None else f"the boolean {str(value).lower()}"
    return f"text {shown(value)}" if isinstance(value, str) else shown(value)


def restated_below(error: ValidationError, *location: str | int) -> list[InitErrorDetails]:
    """Restate the lines of a pydantic error below a location."""
    return [
        InitErrorDetails(
            type=restated(cast(dict[str, Any], line)), loc=(*location, *line["loc"]), input=line["input"]
        )
        for line in error.errors(include_url=False)
    ]


def restated(line: dict[str, Any]) -> PydanticCustomError:
    return refused(*sentence_of(line), at_key=line["type"] == "unknown_key")


def sentence_of(line: dict[str, Any]) -> tuple[str, str, str]:
    """Return found, allowed and suggestion of one line of a pydantic error."""
    context = line.get("ctx") or {}
    value = line.get("input")
    if line["type"] in ("refused", "unknown_key"):
        return context["found"], context["allowed"], context["suggestion"]
    if line["type"] == "missing":
        return "missing", "this key is required", ""
    if line["type"] == "extra_forbidden":
        return f"unknown key {shown(line['loc'][-1])}", "", ""
    if line["type"] in ("value_error", "assertion_error"):
        return str(context.get("error", line["msg"])), "", ""
    if line["type"] == "literal_error":
        words = [word.strip("' ") for word in context["expected"].replace(" or ", ",").split(",")]
        return brief(value), listed(words), nearest(value, words)
    message = line["msg"]
    template = _ALLOWED.get(line["type"])
    allowed = template.format(**context) if template else message[:1].lower() + message[1:]
    return brief(value), allowed, ""


_ALLOWED = {
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "text",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping",
    "greater_than": "a number > {gt}",
    "greater_than_equal": "a number >= {ge}",
    "less_than": "a number < {lt}",
    "less_than_equal": "a number <= {le}",
}


def problems_of(error: ValidationError, root: str = "") -> tuple[Problem, ...]:
    """Turn a pydantic error into problems without positions, their paths below ``root``."""
    problems: list[Problem] = []
    for line in error.errors(include_url=False):
        found, allowed, suggestion = sentence_of(cast(dict[str, Any], line))
        inner = context_error(cast(dict[str, Any], line))
        path = path_text(tuple(part for part in (root, *line["loc"]) if part not in ("", "[key]")))
        if inner is not None:
            problems += inner.problems
        else:
            problems.append(Problem(path=path, found=found, allowed=allowed, suggestion=suggestion))
    return tuple(problems)


def context_error(line: dict[str, Any]) -> ScenarioError | None:
    """Return the `ScenarioError` that a nested constructor raised, if that is what the line holds."""
    error = (line.get("ctx") or {}).get("error")
    return error if isinstance(error, ScenarioError) else None
