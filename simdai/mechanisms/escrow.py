"""Escrows: money that a provider earns while it works, and a customer gets back when it stops.

The lease account of Akash is here. SingularityNET's payment channels live in ``payment_channel`` and Ocean's
job locks in ``job_escrow``; both are reached from here as well. States are frozen; every call returns a new
one. Source of the lease account: akash-network/node@3efe26bf (2026-04-28) x/escrow/keeper/keeper.go.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from simdai.mechanisms._domain import positive
from simdai.mechanisms._exact import Exact, amounts, exact
from simdai.mechanisms.job_escrow import JobEscrow, job_escrow_new, job_escrow_step, job_escrow_view
from simdai.mechanisms.payment_channel import (
    PaymentEscrow,
    daemon_accepts,
    daemon_refusal,
    mpe_client_next,
    mpe_new,
    mpe_step,
    mpe_view,
)

__all__ = [
    "JobEscrow",
    "LeaseAccount",
    "LeasePayment",
    "PaymentEscrow",
    "daemon_accepts",
    "daemon_refusal",
    "escrow_add_payment",
    "escrow_akt_fallback",
    "escrow_close",
    "escrow_close_payment",
    "escrow_deposit",
    "escrow_open",
    "escrow_settle",
    "escrow_view",
    "escrow_withdraw",
    "job_escrow_new",
    "job_escrow_step",
    "job_escrow_view",
    "mpe_client_next",
    "mpe_new",
    "mpe_step",
    "mpe_view",
]

State = Literal["open", "overdrawn", "closed"]


@dataclass(frozen=True, slots=True)
class LeasePayment:
    """What one lease earns: ``rate`` micro-units a block, the rest micro-units.

    ``balance`` is earned and still in escrow, ``withdrawn`` is paid out, ``unsettled`` is owed without cover.
    """

    rate: Fraction
    balance: int = 0
    withdrawn: int = 0
    unsettled: int = 0
    state: State = "open"

    @property
    def paid(self) -> int:
        """Earned in all: withdrawn and balance."""
        return self.withdrawn + self.balance

    def paid_out(self) -> LeasePayment:
        """The same payment with its balance withdrawn."""
        return replace(self, balance=0, withdrawn=self.paid)


@dataclass(frozen=True, slots=True)
class LeaseAccount:
    """Deposits of a deployment and the payments that draw on them, micro-units.

    ``deposits`` and ``refunds`` hold what is left of, and what went back from, each deposit in the order of
    arrival. ``funds`` is the sum of deposits left, or minus the debt; ``transferred`` went to payments;
    ``settled_at`` is the block height up to which payments are settled.
    """

    deposits: tuple[int, ...]
    payments: tuple[LeasePayment, ...]
    funds: int
    settled_at: int
    transferred: int = 0
    refunds: tuple[int, ...] = ()
    state: State = "open"


def escrow_open(deposits: Iterable[int], rates: Iterable[Exact], height: int = 0) -> LeaseAccount:
    """A lease account: deposits (FIFO) and one payment per rate per block, micro-units.

    Rates may have decimals (as text, Decimal, Fraction, or the float as it is written). Raises ValueError for
    a negative deposit or a rate not above zero.
    """
    given = tuple(amounts(deposit=deposit)[0] for deposit in deposits)
    (height,) = amounts(height=height)
    return LeaseAccount(
        deposits=given,
        payments=tuple(_payment(rate) for rate in rates),
        funds=sum(given),
        settled_at=height,
        refunds=(0,) * len(given),
    )


def escrow_settle(account: LeaseAccount, height: int) -> LeaseAccount:
    """Settle up to ``height``: payments in store order, each drawing on the deposits in order.

    Each payment is owed floor(rate x blocks). The first that finds no cover overdraws the account: every
    payment is then overdrawn and paid out, the missing part is its ``unsettled``, and ``funds`` is minus
    their sum. There is no pro rata: earlier payments are filled first. An overdrawn account stays as it is.
    Raises ValueError for a closed account or a height before the last settlement.
    """
    account, height = _touch(account, height)
    if account.state == "overdrawn":
        return account
    blocks = height - account.settled_at
    owed = [math.floor(p.rate * blocks) if p.state == "open" else 0 for p in account.payments]
    return _charge(replace(account, settled_at=height), owed)


def escrow_deposit(account: LeaseAccount, amount: int, height: int) -> LeaseAccount:
    """Add a deposit, micro-units.

    An open account takes it without settling. An overdrawn account forgets its negative funds and re-settles
    its debts without charging new blocks: when they clear, it closes with its payments, pays out and refunds
    the rest; else it stays overdrawn with smaller debts. Raises ValueError for a closed account, an amount
    not above zero or a height before the last settlement.
    """
    account, height = _touch(account, height)
    (amount,) = amounts(amount=amount)
    positive(amount=amount)
    account = replace(
        account,
        deposits=(*account.deposits, amount),
        refunds=(*account.refunds, 0),
        funds=max(account.funds, 0) + amount,
    )
    if account.state == "open":
        return account
    debts = [p.unsettled for p in account.payments]
    cleared = tuple(
        p if p.state == "closed" else replace(p, unsettled=0, state="open") for p in account.payments
    )
    settled = _charge(replace(account, payments=cleared, state="open"), debts)
    return settled if settled.state == "overdrawn" else _shut(settled)


def escrow_close(account: LeaseAccount, height: int) -> LeaseAccount:
    """Settle, pay out whole units, refund what is left; an overdrawn account with debt stays as it is.

    So does one that the settlement leaves overdrawn. Raises ValueError for an account closed before or a
    height before the last settlement.
    """
    settled = escrow_settle(account, height)
    return settled if settled.state == "overdrawn" else _shut(settled)


def escrow_add_payment(account: LeaseAccount, rate: Exact, height: int) -> LeaseAccount:
    """Settle, then open one more payment, last in store order: a lease at its bid price per block.

    Raises ValueError for an account that is closed or overdrawn, or a rate not above zero.
    """
    settled = escrow_settle(account, height)
    if settled.state == "overdrawn":
        raise ValueError("account is overdrawn: deposit first")
    return replace(settled, payments=(*settled.payments, _payment(rate)))


def escrow_withdraw(account: LeaseAccount, index: int, height: int) -> LeaseAccount:
    """Settle, then pay out one open payment: what a provider does every 24 hours by default.

    Raises ValueError for a payment that there is not or that is not open, or as `escrow_settle` does.
    """
    state = _payment_at(account, index).state
    if state != "open":
        raise ValueError(f"payment {index} is {state}: only an open one can be withdrawn")
    settled = escrow_settle(account, height)
    return _replace_payment(settled, index, settled.payments[index].paid_out())


def escrow_close_payment(account: LeaseAccount, index: int, height: int) -> LeaseAccount:
    """Settle, then close and pay out one payment; an overdrawn one stays overdrawn.

    Raises ValueError for a payment closed before, or as `escrow_settle` does.
    """
    if _payment_at(account, index).state == "closed":
        raise ValueError(f"payment {index} is closed")
    settled = escrow_settle(account, height)
    payment = settled.payments[index]
    if payment.state == "overdrawn":
        return settled
    return _replace_payment(settled, index, replace(payment.paid_out(), state="closed"))


def escrow_view(account: LeaseAccount) -> dict[str, object]:
    """Readable state: funds, state, transferred and payments.

    Each of the payments shows what is paid (withdrawn + balance), what is unsettled, and its state.
    """
    return {
        "funds": account.funds,
        "state": account.state,
        "transferred": account.transferred,
        "payments": [{"paid": p.paid, "unsettled": p.unsettled, "state": p.state} for p in account.payments],
    }


def escrow_akt_fallback(
    unsettled: Sequence[int], akt: int, price: Exact
) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """Unsettled credit paid from AKT deposits.

    Only when minting is halted for low collateral and the oracle is healthy. In store order each debt u takes
    min(u/price, AKT left); whole micro-AKT are paid, no debt in AKT is carried. A debt that is not covered
    keeps what is left of it, rounded up. Returns what each payment gets in micro-AKT, what stays unsettled in
    micro-units of credit, and the micro-AKT left. Raises ValueError for negative amounts or a price of zero.
    The keeper's own division can leave 1e-18 unsettled and so keep a paid lease overdrawn; this rule clears
    it.
    """
    (akt,) = amounts(akt=akt)
    (usd_per_akt,) = exact(price=price)
    positive(price=float(usd_per_akt))
    usd, per = usd_per_akt.numerator, usd_per_akt.denominator
    left, paid, open_debts = akt * usd, [], []  # in parts of a micro-AKT of which a debt takes a whole number
    for debt in unsettled:
        wanted = amounts(unsettled=debt)[0] * per
        taken = min(wanted, left)
        left -= taken
        paid.append(taken // usd)
        open_debts.append(-((taken - wanted) // per))
    return tuple(paid), tuple(open_debts), akt - sum(paid)


def _payment(rate: Exact) -> LeasePayment:
    (per_block,) = exact(rate=rate)
    if not per_block:
        raise ValueError("rate = 0: must be above zero")
    return LeasePayment(per_block)


def _payment_at(account: LeaseAccount, index: int) -> LeasePayment:
    if not 0 <= index < len(account.payments):
        raise ValueError(f"index = {index!r}: the account has {len(account.payments)} payments")
    return account.payments[index]


def _touch(account: LeaseAccount, height: int) -> tuple[LeaseAccount, int]:
    """Refuse a closed account and a height in the past."""
    (height,) = amounts(height=height)
    if account.state == "closed":
        raise ValueError("account is closed")
    if height < account.settled_at:
        raise ValueError(f"height = {height}: must not be before {account.settled_at}, the last settlement")
    return account, height


def _charge(account: LeaseAccount, owed: Sequence[int]) -> LeaseAccount:
    """Draw what each payment is owed from the deposits, first to first."""
    deposits, payments, short = list(account.deposits), [], 0
    for payment, due in zip(account.payments, owed, strict=True):
        drawn = _draw(deposits, due)
        short += due - drawn
        payments.append(replace(payment, balance=payment.balance + drawn, unsettled=due - drawn))
    moved = sum(account.deposits) - sum(deposits)
    account = replace(
        account,
        deposits=tuple(deposits),
        payments=tuple(payments),
        funds=sum(deposits) - short,
        transferred=account.transferred + moved,
    )
    return _end(account, "overdrawn") if short else account


def _draw(deposits: list[int], due: int) -> int:
    """Take up to ``due`` from the deposits in order; what was found."""
    left = due
    for i, deposit in enumerate(deposits):
        taken = min(deposit, left)
        deposits[i] -= taken
        left -= taken
    return due - left


def _shut(account: LeaseAccount) -> LeaseAccount:
    """Close an account in order: everything paid out, every deposit left refunded."""
    refunds = tuple(a + b for a, b in zip(account.refunds, account.deposits, strict=True))
    empty = (0,) * len(account.deposits)
    return _end(replace(account, deposits=empty, refunds=refunds, funds=0), "closed")


def _end(account: LeaseAccount, state: State) -> LeaseAccount:
    """Bring the account and all payments not yet closed to ``state``, paid out."""
    payments = tuple(
        p if p.state == "closed" else replace(p.paid_out(), state=state) for p in account.payments
    )
    return replace(account, payments=payments, state=state)


def _replace_payment(account: LeaseAccount, index: int, payment: LeasePayment) -> LeaseAccount:
    payments = list(account.payments)
    payments[index] = payment
    return replace(account, payments=tuple(payments))
