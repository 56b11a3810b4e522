"""Scenario files: what they may say, how they are read, and where their numbers come from."""

from __future__ import annotations

from simdai.schema.assembly import check, load
from simdai.schema.json_schema import json_schema
from simdai.schema.library import library_scenarios
from simdai.schema.observations import Observation
from simdai.schema.overlay import Change
from simdai.schema.parameters import Use
from simdai.schema.scenario import Provenance, Scenario
from simdai.schema.sources import sources
from simdai.schema.starter import new_design, new_scenario
from simdai.schema.uncertainty import Uncertainty, drawn

__all__ = [
    "Change",
    "Observation",
    "Provenance",
    "Scenario",
    "Uncertainty",
    "Use",
    "check",
    "drawn",
    "json_schema",
    "library_scenarios",
    "load",
    "new_design",
    "new_scenario",
    "sources",
]
