"""Kinds by family: a configured class is its own entry in the registry.::

    class Greeting(Configured, family="greeting"):
        def text(self) -> str:
            raise NotImplementedError

    class Shout(Greeting, kind="shout"):
        volume: Count

        def text(self) -> str:
            return "HO" * self.volume

    class Letter(Configured):
        opening: Greeting                   # any kind of the family, chosen by the file
        closing: Regimes[Greeting]          # one rule, or a list of dated ones

    loud = {"kind": "shout", "volume": 2}
    Letter(opening=loud, closing=[{"rule": loud}, {"from": "2026-07-27", "rule": loud}])

A field names a family by its class (``opening: Greeting``), or, where that class lives in a layer above, by
``Annotated[Configured, OneOf("greeting")]`` and ``Annotated[Regimes[Configured], Dated("greeting")]``.
"""

from __future__ import annotations

from simdai.registry.configured import (
    FAMILY_KEY,
    Configured,
    OneOf,
    families,
    get,
    kinds,
    load,
    register,
)
from simdai.registry.frozen import FrozenMapping
from simdai.registry.regimes import Dated, Regime, Regimes
from simdai.registry.report import context_error, problems_of, sentence_of

__all__ = [
    "FAMILY_KEY",
    "Configured",
    "Dated",
    "FrozenMapping",
    "OneOf",
    "Regime",
    "Regimes",
    "context_error",
    "families",
    "get",
    "kinds",
    "load",
    "problems_of",
    "register",
    "sentence_of",
]
