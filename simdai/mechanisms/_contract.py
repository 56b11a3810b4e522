"""Calls of a contract as steps of a frozen state: accepted whole, or refused without a trace."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from functools import cache
from inspect import Signature, signature
from typing import Any, TypeVar

__all__ = ["Actions", "Refused", "require", "step"]

S = TypeVar("S")
Actions = Mapping[str, Callable[..., S]]


class Refused(Exception):
    """The contract would revert, or do nothing."""


def require(condition: bool) -> None:
    """Refuse the call unless the condition holds."""
    if not condition:
        raise Refused


def step(
    actions: Actions[S], state: S, action: str, caller: Hashable, arguments: Mapping[str, Any]
) -> tuple[S, bool]:
    """Run one call; returns (new state, accepted). Raises ValueError for an unknown action or argument."""
    if action not in actions:
        raise ValueError(f"action = {action!r}: must be one of {', '.join(actions)}")
    try:
        _arguments(actions[action]).bind(state, caller, **arguments)
    except TypeError as error:
        raise ValueError(f"{action}: {error}") from None
    try:
        return actions[action](state, caller, **arguments), True
    except Refused:
        return state, False


@cache
def _arguments(function: Callable[..., Any]) -> Signature:
    """Signature of an action, looked at once."""
    return signature(function)
