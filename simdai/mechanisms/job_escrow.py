"""Ocean's escrow for compute jobs: a payee locks the most a job may cost and claims what it did cost.

Source: oceanprotocol/contracts@1c779f90 (2026-06-29) contracts/escrow/Escrow.sol. One token; amounts in wei,
times in unix seconds, users any hashable names.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from simdai.mechanisms._contract import Actions, Refused, require, step
from simdai.mechanisms._exact import amounts

__all__ = ["Authorization", "JobEscrow", "JobLock", "job_escrow_new", "job_escrow_step", "job_escrow_view"]

User = Hashable
FEE_SCALE = 10**18


@dataclass(frozen=True, slots=True)
class Authorization:
    """What a payer lets one payee lock: how much in all, how long, how many locks; and what it holds."""

    max_amount: int
    max_seconds: int
    max_locks: int
    locked: int = 0
    locks: int = 0


@dataclass(frozen=True, slots=True)
class JobLock:
    """Money of ``payer`` that ``payee`` may claim for ``job`` up to ``expiry``."""

    payee: User
    payer: User
    job: int
    amount: int
    expiry: int


@dataclass(frozen=True, slots=True)
class JobEscrow:
    """Free funds by user, authorisations by (payer, payee), open locks, and fees paid to the community."""

    available: Mapping[User, int]
    authorizations: Mapping[tuple[User, User], Authorization] = field(default_factory=dict)
    locks: tuple[JobLock, ...] = ()
    fees: int = 0

    @property
    def tokens(self) -> int:
        """Wei that the contract holds: all free funds and all locks."""
        return sum(self.available.values()) + sum(lock.amount for lock in self.locks)


def job_escrow_new(deposits: Mapping[User, int]) -> JobEscrow:
    """Escrow with the payers' deposits. Raises ValueError for a negative one."""
    return JobEscrow({user: amounts(deposit=deposit)[0] for user, deposit in deposits.items()})


def job_escrow_step(state: JobEscrow, action: str, caller: User, **k: Any) -> tuple[JobEscrow, bool]:
    """One call; returns (new state, accepted). A refused call changes nothing.

    Parameters
    ----------
    state : JobEscrow
    action, k : the call and its arguments
        - ``deposit``, ``withdraw``: ``amount``; only free funds can be withdrawn
        - ``authorize``: ``payee``, ``max_amount``, ``max_seconds``, ``max_locks``; replaces earlier limits
        - ``lock``: ``payer``, ``job`` and ``amount`` (both above zero), ``seconds``, ``now``. By the payee,
          within the payer's free funds and limits, one lock per payer and job
        - ``claim``: ``payer``, ``job``, ``amount``, ``now``, ``fee_wei`` (the community's share, at 1e18
          scale). By the payee, up to the lock: it gets amount - floor(amount x fee / 1e18), the payer the
          rest of the lock. After the expiry the call cancels the lock instead
        - ``cancel``: ``payee``, ``payer`` and ``job`` (left out: any), ``now``. By anybody, after the expiry;
          the payer is made whole
    caller : who calls

    Raises
    ------
    ValueError : another action, a missing or unknown argument, an amount that is negative or not whole

    Notes
    -----
    The limit on amounts holds for all locks of a payee together, as in the code; its comment says for each. A
    lock can still be claimed in the second of its expiry.
    """
    return step(_ACTIONS, state, action, caller, k)


def job_escrow_view(state: JobEscrow) -> dict[str, Any]:
    """Free and locked funds by user, open locks by (payee, payer, job), fees paid and tokens held."""
    locked: dict[User, int] = {}
    for lock in state.locks:
        locked[lock.payer] = locked.get(lock.payer, 0) + lock.amount
    return {
        "available": dict(state.available),
        "locked": locked,
        "locks": {(lock.payee, lock.payer, lock.job): (lock.amount, lock.expiry) for lock in state.locks},
        "fees": state.fees,
        "tokens": state.tokens,
    }


def _add(state: JobEscrow, user: User, amount: int) -> JobEscrow:
    free = state.available.get(user, 0) + amount
    require(free >= 0)
    return JobEscrow({**state.available, user: free}, state.authorizations, state.locks, state.fees)


def _deposit(state: JobEscrow, caller: User, *, amount: int) -> JobEscrow:
    return _add(state, caller, *amounts(amount=amount))


def _withdraw(state: JobEscrow, caller: User, *, amount: int) -> JobEscrow:
    return _add(state, caller, -amounts(amount=amount)[0])


def _authorize(
    state: JobEscrow, caller: User, *, payee: User, max_amount: int, max_seconds: int, max_locks: int
) -> JobEscrow:
    max_amount, max_seconds, max_locks = amounts(
        max_amount=max_amount, max_seconds=max_seconds, max_locks=max_locks
    )
    held = state.authorizations.get((caller, payee), Authorization(0, 0, 0))
    given = replace(held, max_amount=max_amount, max_seconds=max_seconds, max_locks=max_locks)
    return replace(state, authorizations={**state.authorizations, (caller, payee): given})


def _lock(
    state: JobEscrow, caller: User, *, payer: User, job: int, amount: int, seconds: int, now: int
) -> JobEscrow:
    job, amount, seconds, now = amounts(job=job, amount=amount, seconds=seconds, now=now)
    require(payer != caller and job > 0 and amount > 0)
    held = state.authorizations.get((payer, caller))
    if held is None:
        raise Refused
    require(seconds <= held.max_seconds and held.locked + amount <= held.max_amount)
    require(held.locks < held.max_locks)
    require(all((lock.payee, lock.payer, lock.job) != (caller, payer, job) for lock in state.locks))
    lock = JobLock(caller, payer, job, amount, now + seconds)
    return replace(_hold(_add(state, payer, -amount), lock, 1), locks=(*state.locks, lock))


def _claim(
    state: JobEscrow, caller: User, *, payer: User, job: int, amount: int, now: int, fee_wei: int
) -> JobEscrow:
    (amount, fee_wei) = amounts(amount=amount, fee_wei=fee_wei)
    found = [lock for lock in state.locks if (lock.payee, lock.payer, lock.job) == (caller, payer, job)]
    require(bool(found))
    if found[0].expiry < now:
        return _cancel(state, caller, payee=caller, payer=payer, job=job, now=now)
    require(amount <= found[0].amount and fee_wei <= FEE_SCALE)
    fee = amount * fee_wei // FEE_SCALE
    released = _add(_release(state, found[0]), payer, -amount)
    return replace(_add(released, caller, amount - fee), fees=state.fees + fee)


def _cancel(
    state: JobEscrow, caller: User, *, payee: User, payer: User = None, job: int | None = None, now: int
) -> JobEscrow:
    expired = [
        lock
        for lock in state.locks
        if lock.payee == payee
        and lock.expiry < now
        and payer in (None, lock.payer)
        and job in (None, lock.job)
    ]
    require(bool(expired))
    for lock in expired:
        state = _release(state, lock)
    return state


def _release(state: JobEscrow, lock: JobLock) -> JobEscrow:
    """Take a lock away and give all of it back to its payer."""
    locks = tuple(other for other in state.locks if other is not lock)
    return replace(_hold(_add(state, lock.payer, lock.amount), lock, -1), locks=locks)


def _hold(state: JobEscrow, lock: JobLock, sign: int) -> JobEscrow:
    """Count a lock in (1) or out (-1) of its authorisation."""
    key = (lock.payer, lock.payee)
    held = state.authorizations[key]
    locked, locks = held.locked + sign * lock.amount, held.locks + sign
    counted = Authorization(held.max_amount, held.max_seconds, held.max_locks, locked, locks)
    authorizations = {**state.authorizations, key: counted}
    return JobEscrow(state.available, authorizations, state.locks, state.fees)


_ACTIONS: Actions[JobEscrow] = {
    "deposit": _deposit,
    "withdraw": _withdraw,
    "authorize": _authorize,
    "lock": _lock,
    "claim": _claim,
    "cancel": _cancel,
}
