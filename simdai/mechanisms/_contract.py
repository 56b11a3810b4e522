"""Calls of a contract as steps of a frozen state: accepted whole, or refused without a trace."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from inspect import signature
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
        return actions[action](state, caller, **arguments), True
    except Refused:
        return state, False
    except TypeError:
        _check_arguments(actions[action], action, state, caller, arguments)
        raise


def _check_arguments(function: Callable[..., Any], action: str, *call: Any) -> None:
    """Raise ValueError where a call does not fit its function: looked at only when something went wrong."""
    state, caller, arguments = call
    try:
        signature(function).bind(state, caller, **arguments)
    except TypeError as error:
        raise ValueError(f"{action}: {error}") from None
