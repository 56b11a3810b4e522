"""The JSON Schema of scenario files, from which editors complete and check them."""

from __future__ import annotations

from typing import Any

from simdai import registry
from simdai.registry import FAMILY_KEY, Configured, FrozenMapping
from simdai.schema.scenario import Scenario

__all__ = ["document", "file_schema", "json_schema", "kind_definitions"]

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
REFERENCE: Schema = {
    "type": "object",
    "description": "a sourced number: {parameter: file.entry}, with at: a date for dated values, "
    "key: for one of several, pick: low, mid or high for a range",
    "properties": {
        "parameter": {"type": "string", "pattern": r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+$"},
        "at": {"type": ["string", "integer"]},
        "key": {"type": ["string", "integer"]},
        "pick": {"enum": ["low", "mid", "high"]},
    },
    "required": ["parameter"],
    "additionalProperties": False,
}
OBSERVATIONS: Schema = {
    "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
    "description": "names of files in observations/: what really happened",
}


def json_schema() -> Schema:
    """Return the schema of a scenario file, with every kind that is registered now (draft 2020-12).

    A file that ``extends`` another need not be complete, so in it parts are checked only when loaded.
    """
    definitions = kind_definitions()
    whole = file_schema(Scenario, "scenario", definitions)
    strict = {**whole["properties"], "observations": OBSERVATIONS}
    sections = [
        name
        for name, info in Scenario.model_fields.items()
        if isinstance(info.default, FrozenMapping) and name != "observations"
    ]
    loose = {name: _partial(part) if name in sections else part for name, part in strict.items()}
    shapes: Schema = {name: {"description": part.get("description", "")} for name, part in strict.items()}
    shapes["extends"] = {
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
        "description": "library scenarios, or paths relative to this file; later ones lie over earlier ones",
    }
    shapes["overrides"] = {
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
        "description": "names of patches in overrides/",
    }
    body: Schema = {
        "type": "object",
        "properties": shapes,
        "additionalProperties": False,
        "if": {"required": ["extends"]},
        "then": {"properties": loose},
        "else": {"properties": strict, "required": whole["required"]},
    }
    return document("simdai scenario", body, definitions)


def kind_definitions() -> Schema:
    """Return the schema of every kind that is registered now, and of the union of each family."""
    definitions: Schema = {"parameter": REFERENCE}
    for family in registry.families():
        kinds = registry.kinds(family)
        for kind, cls in kinds.items():
            definitions[f"{family}.{kind}"] = _kind_schema(cls, kind, definitions)
        choices = [{"$ref": f"#/$defs/{family}.{kind}"} for kind in kinds]
        definitions[f"family.{family}"] = {"oneOf": choices} if choices else {"type": "object"}
    return definitions


def file_schema(cls: type[Configured], prefix: str, definitions: Schema) -> Schema:
    """Return the schema of a file that holds one model, a reference to a parameter standing for any value."""
    return _with_references(_model_schema(cls, prefix, definitions))


def document(title: str, body: Schema, definitions: Schema) -> Schema:
    """Return a whole JSON Schema with those definitions that it refers to."""
    used = set[str]()
    waiting: list[Any] = [body]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        elif isinstance(part, dict):
            waiting += part.values()
            name = str(part.get("$ref", "")).removeprefix("#/$defs/")
            if name in definitions and name not in used:
                used.add(name)
                waiting.append(definitions[name])
    defined = {name: definitions[name] for name in sorted(used)}
    return {"$schema": DIALECT, "title": title, **body, "$defs": defined}


def _kind_schema(cls: type[Configured], kind: str, definitions: Schema) -> Schema:
    schema = _with_references(_model_schema(cls, f"{cls.family}.{kind}", definitions))
    schema["properties"] = {"kind": {"const": kind}, **schema.get("properties", {})}
    schema["required"] = ["kind", *schema.get("required", [])]
    return schema


def _model_schema(cls: type[Configured], prefix: str, definitions: Schema) -> Schema:
    """Return a model's schema, the definitions inside it moved to ``definitions`` under its own prefix."""
    schema = cls.model_json_schema(ref_template=f"#/$defs/{prefix}.{{model}}")
    for name, inner in schema.pop("$defs", {}).items():
        definitions[f"{prefix}.{name}"] = _with_references(_resolved(inner))
    resolved: Schema = _resolved(schema)
    return resolved


def _resolved(schema: Any) -> Any:
    """Put the reference to a family's union wherever a field left its mark."""
    if isinstance(schema, list):
        return [_resolved(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    rest = {key: _resolved(value) for key, value in schema.items() if key not in (FAMILY_KEY, "title")}
    if "title" in schema and isinstance(schema["title"], dict):  # a field called title, not an annotation
        rest["title"] = _resolved(schema["title"])
    return {**rest, "$ref": f"#/$defs/family.{schema[FAMILY_KEY]}"} if FAMILY_KEY in schema else rest


def _with_references(schema: Schema) -> Schema:
    """Let a parameter reference stand for every value."""
    schema = dict(schema)
    for key in ("properties", "patternProperties"):
        if key in schema:
            schema[key] = {name: _or_reference(part) for name, part in schema[key].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            schema[key] = _or_reference(schema[key])
    if isinstance(schema.get("prefixItems"), list):
        schema["prefixItems"] = [_or_reference(part) for part in schema["prefixItems"]]
    return schema


def _or_reference(schema: Schema) -> Schema:
    about: Schema = {key: schema[key] for key in ("description", "default") if key in schema}
    value = {key: part for key, part in schema.items() if key not in about}
    value = _with_references(value)
    for key in ("anyOf", "oneOf"):
        if key in value:
            value[key] = [_with_references(part) for part in value[key]]
    both: Schema = {"anyOf": [value, {"$ref": "#/$defs/parameter"}]}
    return {**about, **both}


def _partial(section: Schema) -> Schema:
    """Let the objects of a section be incomplete, or null to take an inherited one away."""
    return {**section, "anyOf": [*section["anyOf"], {"additionalProperties": {"type": ["object", "null"]}}]}
