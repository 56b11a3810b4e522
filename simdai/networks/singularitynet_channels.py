"""SingularityNET's Multi-Party Escrow at work: channels that customers fund and organisations claim."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdai.economy.actors import World
from simdai.economy.contract_account import ContractAccount
from simdai.economy.token_market import TokenMarket
from simdai.mechanisms.payment_channel import Channel, PaymentEscrow, calls_served, mpe_new, mpe_step

__all__ = ["ChannelBook"]

Ints = NDArray[np.int64]
User = Hashable

TREASURY = "treasury"


class ChannelBook:
    """One payment contract, the calls that run over it, and what both sides lose by carelessness.

    The state is the contract's own, in base units of its token; beside it stands what the daemons know and
    the chain does not: the amount signed under each channel's present nonce.

    Parameters
    ----------
    token : the contract's token
    account : of the ledger, which holds what the contract does
    wei_decimals : in which the contract counts; those of the token without
    block : days
    threshold : blocks before an expiration from which daemons refuse
    fee : share of claims kept for the treasury
    """

    def __init__(
        self,
        world: World,
        token: TokenMarket,
        account: str,
        wei_decimals: int | None,
        block: float,
        threshold: int,
        fee: float,
    ) -> None:
        self.world, self.token = world, token
        self.block, self.threshold, self.fee_ppm = block, threshold, round(fee * 10**6)
        self.account = ContractAccount(world.ledger, token.asset, account, world.scale, wei_decimals)
        self.unit = int(10 ** (token.rules.decimals if wei_decimals is None else wei_decimals))
        """Base units of the contract in a token."""
        self.state: PaymentEscrow = mpe_new({})
        self._by_ends: dict[tuple[User, User], int] = {}
        n = 0
        self.expiration = np.zeros(n, dtype=np.int64)
        self.signed = np.zeros(n, dtype=object)
        self.value = np.zeros(n, dtype=object)

    # -- reading ---------------------------------------------------------------------------------------------

    @property
    def now(self) -> int:
        """Blocks since the start."""
        return int(self.world.env.now / self.block + 1e-9)

    def channel(self, number: int) -> Channel:
        """A channel as it stands on the chain."""
        return self.state.channels[number]

    def between(self, customer: User, organisation: User) -> int | None:
        """Number of the channel of these two, if there is one."""
        return self._by_ends.get((customer, organisation))

    def usd(self, amount: int) -> float:
        """Real USD that base units of the contract are worth now."""
        return float(amount) / self.unit * self.token.price

    # -- the contract's calls --------------------------------------------------------------------------------

    def call(self, action: str, caller: User, **arguments: Any) -> None:
        """One call, which must be accepted."""
        self.state, accepted = mpe_step(self.state, action, caller, **arguments)
        assert accepted, f"the escrow refuses {action} by {caller!r}: {arguments}"

    def deposit(self, user: User, units: int, source: str | int) -> None:
        """Move ledger units from ``source`` into the contract, on the user's balance."""
        self.call("deposit", user, amount=self.account.take_units(units, source))

    def withdraw(self, user: User, target: str | int) -> int:
        """Pay a user's whole balance out to ``target``; returns the ledger units."""
        amount = self.state.balances.get(user, 0)
        if amount == 0:
            return 0
        self.call("withdraw", user, amount=amount)
        return self.account.give(amount, target)

    def fund(self, customer: User, organisation: User, expiration: int) -> int:
        """Put all of a customer's balance into its channel with an organisation; opens it if there is none.

        The channel then lasts at least until ``expiration``. Returns its number.
        """
        amount = self.state.balances.get(customer, 0)
        number = self.between(customer, organisation)
        if number is None:
            number = len(self.state.channels)
            self.call(
                "open",
                customer,
                signer=customer,
                recipient=organisation,
                value=amount,
                expiration=expiration,
            )
            self._by_ends[customer, organisation] = number
            self.expiration = np.append(self.expiration, 0)
            self.signed, self.value = np.append(self.signed, 0), np.append(self.value, 0)
        else:
            later = max(expiration, self.channel(number).expiration)
            self.call("extend_and_add_funds", customer, channel=number, expiration=later, amount=amount)
        self._read(number)
        return number

    def claim(self, organisation: User, claims: dict[int, bool]) -> int:
        """Claim what is signed in channels, and send back the rest of those marked; returns the base units.

        The protocol's fee, if it takes one, goes to the treasury's balance.
        """
        arguments = [
            {
                "channel": number,
                "actual": int(self.signed[number]),
                "planned": int(self.signed[number]),
                "signed_by": self.channel(number).signer,
                "signed_nonce": self.channel(number).nonce,
                "send_back": send_back,
            }
            for number, send_back in claims.items()
        ]
        self.call("multi_claim", organisation, claims=arguments)
        total = int(sum(self.signed[number] for number in claims))
        for number in claims:
            self.signed[number] = 0
            self._read(number)
        fee = total * self.fee_ppm // 10**6
        if fee:
            self.call("transfer", organisation, receiver=TREASURY, amount=fee)
        return total - fee

    def time_out(self, number: int) -> int:
        """Let the sender take a channel's value back; returns what was signed and not claimed."""
        self.call("timeout", self.channel(number).sender, channel=number, block=self.now)
        lost = int(self.signed[number])
        self.signed[number] = 0
        self._read(number)
        return lost

    # -- what runs off the chain -----------------------------------------------------------------------------

    def serve(self, numbers: Ints, calls: Ints, prices: NDArray[Any]) -> NDArray[Any]:
        """Let daemons accept calls over channels and clients sign for them; returns the calls served.

        Parameters
        ----------
        numbers, calls : (n,) int; prices : (n,) Python ints, base units of the contract
        """
        served = calls_served(
            calls.astype(object),
            prices,
            self.signed[numbers],
            self.value[numbers],
            self.expiration[numbers],
            self.now,
            self.threshold,
        )
        self.signed[numbers] += served * prices
        return served

    def about_to_expire(self) -> Ints:
        """Channels with something to claim of which daemons refuse further calls."""
        return np.flatnonzero((self.expiration <= self.now + self.threshold) & (self.signed > 0))

    def expired(self) -> Ints:
        """Channels with value that their senders may take back."""
        return np.flatnonzero((self.expiration <= self.now) & (self.value > 0))

    def check(self) -> None:
        """Assert that the contract holds its balances and channel values, and the ledger the same."""
        held = self.account.held
        assert self.state.tokens == held, f"the escrow books {self.state.tokens}, it holds {held}"
        self.account.check()

    def _read(self, number: int) -> None:
        """Look at a channel on the chain."""
        channel = self.channel(number)
        self.expiration[number], self.value[number] = channel.expiration, channel.value
