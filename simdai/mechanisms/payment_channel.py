"""SingularityNET's Multi-Party Escrow: channels that a client fills once and signs call by call.

Source of the contract: singnet/platform-contracts@48600b95 (2025-05-06) contracts/MultiPartyEscrow.sol; of
the provider's checks: singnet/snet-daemon@cbfd6736 (2026-08-07) escrow/. Amounts are base units of the token,
times are block numbers, users any hashable names. The contract takes no fee.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simdai.mechanisms._contract import Actions, require, step
from simdai.mechanisms._exact import amounts

__all__ = [
    "Channel",
    "PaymentEscrow",
    "calls_served",
    "daemon_accepts",
    "daemon_refusal",
    "mpe_client_next",
    "mpe_new",
    "mpe_step",
    "mpe_view",
]

User = Hashable


@dataclass(frozen=True, slots=True)
class Channel:
    """One payment channel; a higher ``nonce`` makes every signature under the old one worthless."""

    sender: User
    signer: User
    recipient: User
    group: Hashable
    value: int
    expiration: int
    nonce: int = 0


@dataclass(frozen=True, slots=True)
class PaymentEscrow:
    """Account balances by user, channels by id (their place), and third-party openings already used."""

    balances: Mapping[User, int]
    channels: tuple[Channel, ...] = ()
    used_messages: frozenset[Hashable] = field(default_factory=frozenset)

    @property
    def tokens(self) -> int:
        """Tokens that the contract holds: all balances and all channel values."""
        return sum(self.balances.values()) + sum(channel.value for channel in self.channels)


def mpe_new(deposits: Mapping[User, int]) -> PaymentEscrow:
    """Escrow contract with account balances. Raises ValueError for a negative deposit."""
    return PaymentEscrow({user: amounts(deposit=deposit)[0] for user, deposit in deposits.items()})


def mpe_step(state: PaymentEscrow, action: str, caller: User, **k: Any) -> tuple[PaymentEscrow, bool]:
    """One call; returns (new state, accepted). A refused call changes nothing.

    Parameters
    ----------
    state : PaymentEscrow
    action, k : the call and its arguments
        - ``deposit``, ``withdraw``: ``amount``
        - ``transfer``: ``receiver``, ``amount``
        - ``open``: ``signer`` (not None), ``recipient``, ``value``, ``expiration``, and ``group`` if any
        - ``deposit_and_open``: as ``open``; the value is deposited first
        - ``open_by_third_party``: as ``open``, and ``sender``, ``message_nonce``, ``signed_by`` (the sender).
          The caller pays, refunds go to the sender; each message opens one channel
        - ``add_funds``: ``channel``, ``amount``; any caller
        - ``extend``: ``channel``, ``expiration``; by the sender, never to an earlier block
        - ``extend_and_add_funds``: ``channel``, ``expiration``, ``amount``; both or neither
        - ``claim``: ``channel``, ``actual``, ``planned``, ``signed_by``, ``signed_nonce`` (the channel's own
          when left out), ``send_back`` (False). By the recipient, actual <= planned, actual <= value, signed
          under the present nonce by signer or sender. What is left stays under the next nonce, or goes to the
          sender
        - ``multi_claim``: ``claims``, a sequence of mappings with the arguments of ``claim``; all or none
        - ``timeout``: ``channel``, ``block``; by the sender, from the expiration on (the code's ``>=``; its
          comment says ``>``)
    caller : who calls

    Raises
    ------
    ValueError : another action, a missing or unknown argument, an amount that is negative or not whole

    Notes
    -----
    One difference from the contract: it lets anybody add funds to a channel that does not exist, and
    lose them; here that call is refused, so that balances and values always add up to what came in less what
    went out.
    """
    return step(_ACTIONS, state, action, caller, k)


def mpe_view(state: PaymentEscrow) -> dict[str, Any]:
    """Balances, channels and tokens held by the contract; channels by id, each a mapping of its fields."""
    names = ("nonce", "sender", "signer", "recipient", "group", "value", "expiration")
    return {
        "balances": dict(state.balances),
        "channels": {i: {name: getattr(c, name) for name in names} for i, c in enumerate(state.channels)},
        "tokens": state.tokens,
    }


def mpe_client_next(
    price: int, signed: int, chain_value: int, chain_nonce: int, current_nonce: int, old_signed: int = 0
) -> tuple[int, int]:
    """Next cumulative amount to sign and what is left to spend before it, base units.

    ``signed`` + ``price``, and the channel's on-chain value less ``signed``; while the daemon's nonce is
    ahead of the chain's (a claim is pending), less ``old_signed`` as well, the amount last signed under the
    old nonce. The call is covered when what is left is at least the price. Raises ValueError for negative
    amounts. Source: snet-daemon@cbfd6736 escrow/state_service.proto.
    """
    price, signed, chain_value, old_signed = amounts(
        price=price, signed=signed, chain_value=chain_value, old_signed=old_signed
    )
    chain_nonce, current_nonce = amounts(chain_nonce=chain_nonce, current_nonce=current_nonce)
    pending = old_signed if current_nonce > chain_nonce else 0
    return signed + price, chain_value - signed - pending


def daemon_refusal(
    channel: Channel,
    amount: int,
    nonce: int,
    signed_by: User,
    previous_amount: int,
    price: int,
    block: int,
    threshold: int = 0,
) -> str | None:
    """Why a provider's daemon refuses a paid call, or None.

    In this order: ``nonce`` (not the channel's), ``signature`` (not by signer or sender), ``expiration`` (not
    above block + threshold), ``value`` (cumulative amount above the channel's value), ``income`` (amount less
    the previous one is not exactly the price). Amounts in base units, times in blocks. Raises ValueError for
    negative amounts. Source: snet-daemon@cbfd6736 (2026-08-07) escrow/validation.go, income.go.
    """
    amount, previous_amount, price = amounts(amount=amount, previous_amount=previous_amount, price=price)
    checks = {
        "nonce": nonce == channel.nonce,
        "signature": signed_by in (channel.signer, channel.sender),
        "expiration": block + threshold < channel.expiration,
        "value": amount <= channel.value,
        "income": amount - previous_amount == price,
    }
    return next((name for name, passed in checks.items() if not passed), None)


def daemon_accepts(
    channel: Channel,
    amount: int,
    nonce: int,
    signed_by: User,
    previous_amount: int,
    price: int,
    block: int,
    threshold: int = 0,
) -> bool:
    """Whether a provider's daemon serves a paid call; see `daemon_refusal`."""
    return daemon_refusal(channel, amount, nonce, signed_by, previous_amount, price, block, threshold) is None


def calls_served(
    calls: ArrayLike,
    price: ArrayLike,
    signed: ArrayLike,
    value: ArrayLike,
    expiration: ArrayLike,
    block: int,
    threshold: int = 0,
) -> NDArray[Any]:
    """Calls of one price each that daemons serve in a row, all in one block, for many channels at once.

    As many of those wanted as `daemon_accepts` lets pass one after the other: each signs the price on top, so
    they end where the channel's value does, and none passes a channel that is about to expire.

    Parameters
    ----------
    calls : (n,) int, wanted
    price : (n,) int [base units] > 0
    signed : (n,) int [base units], cumulative amount accepted under the present nonce
    value, expiration : (n,) int, of the channels; amounts beyond 64 bits as arrays of Python ints
    block, threshold : int

    Raises
    ------
    ValueError : a price that is not above zero
    """
    price = np.asarray(price)
    if not np.all(price > 0):
        raise ValueError("price: must be above zero")
    covered = (np.asarray(value) - np.asarray(signed)) // price
    accepting = np.asarray(expiration) > block + threshold
    served: NDArray[Any] = np.where(accepting, np.maximum(np.minimum(calls, covered), 0), 0)
    return served


def _add(state: PaymentEscrow, user: User, amount: int) -> PaymentEscrow:
    """Credit, or with a negative amount debit, a balance; refused below zero."""
    balance = state.balances.get(user, 0) + amount
    require(balance >= 0)
    return PaymentEscrow({**state.balances, user: balance}, state.channels, state.used_messages)


def _channel(state: PaymentEscrow, channel: int) -> Channel:
    (index,) = amounts(channel=channel)
    require(index < len(state.channels))
    return state.channels[index]


def _with_channel(state: PaymentEscrow, index: int, **changes: Any) -> PaymentEscrow:
    before, after = state.channels[:index], state.channels[index + 1 :]
    channels = (*before, replace(state.channels[index], **changes), *after)
    return PaymentEscrow(state.balances, channels, state.used_messages)


def _deposit(state: PaymentEscrow, caller: User, *, amount: int) -> PaymentEscrow:
    return _add(state, caller, *amounts(amount=amount))


def _withdraw(state: PaymentEscrow, caller: User, *, amount: int) -> PaymentEscrow:
    return _add(state, caller, -amounts(amount=amount)[0])


def _transfer(state: PaymentEscrow, caller: User, *, receiver: User, amount: int) -> PaymentEscrow:
    return _deposit(_withdraw(state, caller, amount=amount), receiver, amount=amount)


def _open(
    state: PaymentEscrow,
    caller: User,
    *,
    signer: User,
    recipient: User,
    value: int,
    expiration: int,
    group: Hashable = None,
) -> PaymentEscrow:
    require(signer is not None)
    channel = Channel(caller, signer, recipient, group, *amounts(value=value, expiration=expiration))
    return replace(_withdraw(state, caller, amount=value), channels=(*state.channels, channel))


def _deposit_and_open(
    state: PaymentEscrow,
    caller: User,
    *,
    signer: User,
    recipient: User,
    value: int,
    expiration: int,
    group: Hashable = None,
) -> PaymentEscrow:
    funded = _deposit(state, caller, amount=value)
    return _open(
        funded, caller, signer=signer, recipient=recipient, value=value, expiration=expiration, group=group
    )


def _open_by_third_party(
    state: PaymentEscrow,
    caller: User,
    *,
    sender: User,
    signer: User,
    recipient: User,
    value: int,
    expiration: int,
    message_nonce: int,
    signed_by: User,
    group: Hashable = None,
) -> PaymentEscrow:
    message = (caller, signer, recipient, group, *amounts(value=value, expiration=expiration), message_nonce)
    require(message not in state.used_messages and signed_by == sender)
    channel = Channel(sender, signer, recipient, group, *amounts(value=value, expiration=expiration))
    return replace(
        _withdraw(state, caller, amount=value),
        channels=(*state.channels, channel),
        used_messages=state.used_messages | {message},
    )


def _add_funds(state: PaymentEscrow, caller: User, *, channel: int, amount: int) -> PaymentEscrow:
    value = _channel(state, channel).value + amounts(amount=amount)[0]
    return _with_channel(_withdraw(state, caller, amount=amount), channel, value=value)


def _extend(state: PaymentEscrow, caller: User, *, channel: int, expiration: int) -> PaymentEscrow:
    target = _channel(state, channel)
    require(caller == target.sender and expiration >= target.expiration)
    return _with_channel(state, channel, expiration=amounts(expiration=expiration)[0])


def _extend_and_add_funds(
    state: PaymentEscrow, caller: User, *, channel: int, expiration: int, amount: int
) -> PaymentEscrow:
    extended = _extend(state, caller, channel=channel, expiration=expiration)
    return _add_funds(extended, caller, channel=channel, amount=amount)


def _claim(
    state: PaymentEscrow,
    caller: User,
    *,
    channel: int,
    actual: int,
    planned: int,
    signed_by: User,
    signed_nonce: int | None = None,
    send_back: bool = False,
) -> PaymentEscrow:
    target = _channel(state, channel)
    actual, planned = amounts(actual=actual, planned=planned)
    require(caller == target.recipient and actual <= planned and actual <= target.value)
    require(signed_by in (target.signer, target.sender))
    require(signed_nonce is None or signed_nonce == target.nonce)
    paid, left = _add(state, caller, actual), target.value - actual
    if send_back:
        return _send_back(_with_channel(paid, channel, value=left), channel)
    return _next_nonce(paid, channel, value=left)


def _multi_claim(state: PaymentEscrow, caller: User, *, claims: Sequence[Mapping[str, Any]]) -> PaymentEscrow:
    for claim in claims:
        state = _claim(state, caller, **claim)
    return state


def _timeout(state: PaymentEscrow, caller: User, *, channel: int, block: int) -> PaymentEscrow:
    target = _channel(state, channel)
    require(caller == target.sender and block >= target.expiration)
    return _send_back(state, channel)


def _next_nonce(state: PaymentEscrow, index: int, **changes: Any) -> PaymentEscrow:
    return _with_channel(state, index, nonce=state.channels[index].nonce + 1, **changes)


def _send_back(state: PaymentEscrow, index: int) -> PaymentEscrow:
    channel = state.channels[index]
    return _next_nonce(_add(state, channel.sender, channel.value), index, value=0, expiration=0)


_ACTIONS: Actions[PaymentEscrow] = {
    "deposit": _deposit,
    "withdraw": _withdraw,
    "transfer": _transfer,
    "open": _open,
    "deposit_and_open": _deposit_and_open,
    "open_by_third_party": _open_by_third_party,
    "add_funds": _add_funds,
    "extend": _extend,
    "extend_and_add_funds": _extend_and_add_funds,
    "claim": _claim,
    "multi_claim": _multi_claim,
    "timeout": _timeout,
}
