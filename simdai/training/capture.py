"""Capture of an open run: somebody buys or borrows votes, passes a proposal, and takes the run's budget."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any, ClassVar, Self

from pydantic import model_validator

from simdai.economy.actors import World, absent
from simdai.economy.attacks import Attack, AttackActor
from simdai.economy.calendar import Phase
from simdai.economy.ledger import WORLD
from simdai.errors import Problem
from simdai.training.governance import Votes
from simdai.training.open_run import OpenRunning
from simdai.units import Name, Quantity, Share

__all__ = ["Capture", "GovernanceCapture"]

MICRO = 10**6
DAYS_PER_YEAR = 365.25
MOST_OF_A_POOL = 0.9


class GovernanceCapture(Attack, kind="governance_capture"):
    """An attacker gets hold of votes and proposes that the run's budget be paid to itself.

    Votes count that are held when the vote opens: tokens bought on the market, which moves the price, and
    tokens borrowed from holders, which go back then. The proposal needs no discussion: it goes on chain at
    once. Everybody who votes is against it. The defences are the quorum, the turnout, and the timelock, in
    which the emergency signers can cancel what has carried. Once executed, the budget flows to the attacker
    until a proposal of the others has undone it. The attacker sells what it bought when the matter is decided
    against it, or when the money stops.

    Parameters
    ----------
    run : the open run
    bought : share of the supply, as far as the market gives it
    borrowed : share of the supply, as far as the public holds it
    loan_rate : interest on borrowed tokens, per year
    """

    against: ClassVar[tuple[str, ...]] = ()

    run: Name
    bought: Share = 0.0
    borrowed: Share = 0.0
    loan_rate: Annotated[float, Quantity("1/y", low=0.0)] = 0.0

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not 0.0 < self.bought + self.borrowed <= 1.0:
            raise ValueError("bought and borrowed: together above 0, and not above the supply")
        return self

    def missing(self, scenario: Any) -> Iterator[Problem]:
        tokens = [name for name, n in scenario.networks.items() if getattr(n, "token", None) is not None]
        yield from absent("network with a token", {"network": self.network}, tokens)
        governed = [
            name
            for name, run in scenario.training.items()
            if getattr(getattr(run, "governance", None), "kind", "") == "token_vote"
        ]
        yield from absent("open run that token holders govern", {"run": self.run}, governed)
        rivals = [s for s in scenario.shocks if s.kind == self.kind and s.network == self.network]
        if rivals and rivals[0] is not self:
            found = f"a second {self.kind!r} on {self.network!r}"
            yield Problem(path="network", found=found, allowed="one of a kind on a network")

    def build(self, world: World, name: str) -> Capture:
        return Capture(self, world, name)


class Capture(AttackActor):
    """A capture on the calendar.

    Besides the books, it reports ``NETWORK.governance_capture.diverted_usd`` (the loss of the run's nodes),
    ``.vote_share`` (of the supply), ``.carried`` and ``.vetoed`` (1 where it happened).

    Attributes
    ----------
    bought, borrowed : base units of the token
    """

    rules: GovernanceCapture

    def __init__(self, rules: GovernanceCapture, world: World, name: str) -> None:
        super().__init__(rules, world, name)
        self.rules = rules
        self.bought = self.borrowed = 0
        self.share = 0.0
        self.carried = self.vetoed = False

    @property
    def run(self) -> OpenRunning:
        """The run attacked."""
        run: OpenRunning = self.world.training[self.rules.run]
        return run

    def start(self) -> None:
        """Put the attack on the calendar and report it."""
        super().start()
        self.world.ledger.open(self.account, self.network.token.asset)
        recorder, name = self.world.recorder, self.account
        for register in (recorder.series, recorder.outcome):
            register(f"{name}.diverted_usd", "USD", lambda: self.run.members.diverted_usd)
        recorder.outcome(f"{name}.vote_share", "1", lambda: self.share)
        recorder.outcome(f"{name}.carried", "1", lambda: float(self.carried))
        recorder.outcome(f"{name}.vetoed", "1", lambda: float(self.vetoed))

    def strike(self) -> Callable[[], None]:
        """Get hold of votes, propose, and see what becomes of it."""
        votes, calendar = self.run.decisions, self.world.calendar
        assert isinstance(votes, Votes)
        self._buy()
        self._borrow(votes.path.day_of(votes.path.on_chain(self.world.env.now).vote_opens))
        self.share = (self.bought + self.borrowed) / self.world.ledger.supply(self.network.token.asset)
        stages, self.carried = votes.hostile(self.share)
        closes, executed = votes.path.day_of(stages.vote_closes), votes.path.day_of(stages.executed)
        if not self.carried:
            calendar.at(closes, Phase.RUNS, self._sell)
            return lambda: None
        signed = votes.path.day_of(stages.queued) + votes.signed_after()
        self.vetoed = signed < executed
        calendar.at(min(signed, executed), Phase.RUNS, self._sell if self.vetoed else self._take)
        return lambda: None

    def _buy(self) -> None:
        """Buy tokens on the market, up to the share wanted."""
        token, ledger = self.network.token, self.world.ledger
        wanted = int(ledger.supply(token.asset) * self.rules.bought)
        if token.book.has_reserves:  # a pool cannot be emptied
            wanted = min(wanted, int(MOST_OF_A_POOL * token.book.reserves[0]))
        if wanted:
            usd = self.bring(cost_of(token.book, wanted) / MICRO)
            self.bought = token.buy(usd, self.account, self.account)

    def _borrow(self, until: float) -> None:
        """Borrow tokens of the public for interest, paid at once; they go back when the vote opens."""
        token, ledger, now = self.network.token, self.world.ledger, self.world.env.now
        wanted = int(ledger.supply(token.asset) * self.rules.borrowed)
        self.borrowed = min(wanted, ledger.balance(token.asset, token.holders))
        ledger.transfer(self.borrowed, token.asset, token.holders, self.account)
        value = self.borrowed / token.unit * token.price
        usd = self.bring(value * self.rules.loan_rate * (until - now) / DAYS_PER_YEAR)
        ledger.transfer(usd, "USD", self.account, WORLD)
        self.world.calendar.at(until, Phase.RUNS, self._give_back_tokens)

    def _give_back_tokens(self) -> None:
        token = self.network.token
        self.world.ledger.transfer(self.borrowed, token.asset, self.account, token.holders)

    def _take(self) -> None:
        """The budget is ours until a vote of the others undoes it."""
        self.run.members.diverted_to = self.account
        self.run.decisions.decide(self._give_back)

    def _give_back(self) -> None:
        self.run.members.diverted_to = None
        self._sell()

    def _sell(self) -> None:
        self.network.token.sell(self.bought, self.account, self.account)
        self.bought = 0
        self.take_home()


def cost_of(book: Any, tokens: int) -> int:
    """Least micro-USD that buy at least so many base units on a market, by bisection."""
    high = 1
    while book.buy(high)[0] < tokens:
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if book.buy(middle)[0] >= tokens else (middle, high)
    return high
