"""A mapping that cannot change, as a value and as a field."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, cast, get_args

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from simdai.registry.report import dumped

__all__ = ["FrozenMapping"]

K = TypeVar("K")
V = TypeVar("V")


class FrozenMapping(Mapping[K, V]):
    """A mapping that cannot change: compares and hashes by value, pickles, is in the order of its keys.

    The order in which a file gives the keys does not count, so that equal mappings behave alike in all.

    As a field: ``prices: FrozenMapping[str, UsdPerGpuHour]``.
    """

    __slots__ = ("_items",)
    _items: dict[K, V]

    def __init__(self, items: Mapping[K, V] | None = None) -> None:
        object.__setattr__(self, "_items", dict(sorted((items or {}).items(), key=lambda item: str(item[0]))))

    def __getitem__(self, key: K) -> V:
        return self._items[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __setattr__(self, name: str, value: object) -> None:
        raise TypeError("a FrozenMapping cannot change; make a new one")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mapping) and self._items == dict(other)

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __repr__(self) -> str:
        return f"FrozenMapping({self._items!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._items,)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        table: Any = dict[get_args(source)] if get_args(source) else dict  # type: ignore[misc]
        return core_schema.chain_schema(
            [
                core_schema.no_info_before_validator_function(_as_dict, handler.generate_schema(table)),
                core_schema.no_info_plain_validator_function(cls),
            ],
            serialization=core_schema.plain_serializer_function_ser_schema(_mapping_dump),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        table = handler(cast(Any, schema)["steps"][0])
        return {**table, "additionalProperties": False} if "patternProperties" in table else table


def _as_dict(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) and not isinstance(value, dict) else value


def _mapping_dump(value: FrozenMapping[Any, Any]) -> dict[Any, Any]:
    return {str(key) if isinstance(key, datetime.date) else key: dumped(item) for key, item in value.items()}
