"""Money that is moved for the emission it attracts: pumps of a price, and TAO that is staked in cycles."""

from __future__ import annotations

from collections.abc import Callable

from simdai.economy.actors import World
from simdai.networks.bittensor_attacks import SubnetAttack, SubnetAttackActor
from simdai.networks.bittensor_rules import RAO
from simdai.units import PositiveDays, Share, Tokens

__all__ = ["FlowWash", "PricePump"]


class PricePump(SubnetAttack, kind="price_pump"):
    """The owner buys alpha of its own subnet, so that its share of the block emission rises, and sells later.

    While it holds, the alpha earns dividends with the largest validator, and the owner's cut is sold as it
    comes. What it holds at the end of the attack is sold in equal parts.

    Outcome, since the attack began: ``tao_per_tao``, TAO that the subnet got from blocks for each TAO put in.

    Parameters
    ----------
    tao : put in
    buying : days over which it is put in
    selling : days over which all is sold, when the attack has lasted
    """

    tao: Tokens
    buying: PositiveDays
    selling: PositiveDays

    def build(self, world: World, name: str) -> PumpActor:
        return PumpActor(self, world, name)


class FlowWash(SubnetAttack, kind="flow_wash"):
    """The owner stakes TAO in its own subnet and takes it out, over and over: emission follows the inflow.

    Outcome, since the attack began: ``tao_per_tao``, TAO that the subnet got from blocks for each TAO cycled.

    Parameters
    ----------
    tao : staked in each cycle
    period : days of a cycle
    inside : part of a cycle after which the TAO is taken out
    """

    tao: Tokens
    period: PositiveDays
    inside: Share

    def build(self, world: World, name: str) -> WashActor:
        return WashActor(self, world, name)


class TradingActor(SubnetAttackActor):
    """An owner who trades its own alpha.

    Its stake stands apart from that of all others; the owner's cut goes to the attack's books too.
    """

    def __init__(self, rules: SubnetAttack, world: World, name: str) -> None:
        super().__init__(rules, world, name)
        self.network.roles[self.role].sells = False
        self._guest: int = self.network.add_holder()
        self.put_in = 0
        """Rao of TAO that bought alpha."""

    @property
    def holder(self) -> int:
        """Place among the holders."""
        return int(self.network.first_guest) + self._guest

    def start(self) -> None:
        super().start()
        self.report("tao_per_tao", "1", lambda: self._emission() * RAO / self.put_in if self.put_in else 0.0)

    def begin(self) -> Callable[[], None]:
        network, slot = self.network, self.slot
        network.chain.delegate[self.holder] = int(network.payday.weight[slot].argmax())
        before, network.owner_roles[slot] = int(network.owner_roles[slot]), self.role

        def undo() -> None:
            network.owner_roles[slot] = before
            network.roles[self.role].sells = True

        return undo

    def buy(self, rao: int) -> None:
        """Buy alpha with the role's TAO, and with money from outside where that is too little."""
        network, slot = self.network, self.slot
        if network.books.purse[self.role] < rao:
            self.bring_tao(rao - int(network.books.purse[self.role]))
        rao = min(rao, int(network.books.purse[self.role]))
        trade = network.chain.buy(slot, rao)
        network.books.purse[self.role] -= trade.paid
        network.chain.alpha[slot, self.holder] += trade.out
        self.put_in += trade.paid

    def sell(self, alpha: int) -> None:
        """Put alpha up for sale in this step."""
        chain, slot = self.network.chain, self.slot
        chain.alpha[slot, self.holder] -= alpha
        chain.estate[slot, self.role] += alpha

    @property
    def held(self) -> int:
        """Rao of alpha staked."""
        return int(self.network.chain.alpha[self.slot, self.holder])

    @property
    def holdings_usd(self) -> float:
        network = self.network
        if not hasattr(network, "chain"):
            return 0.0
        chain = network.chain
        alpha = self.held + int(chain.estate[self.slot, self.role])
        tao = int(network.books.purse[self.role] + chain.root[self.holder] + chain.wallet[self.holder])
        return float(alpha * self.usd_per_rao + tao / RAO * network.token.price)


class PumpActor(TradingActor):
    """A pump on the clock."""

    rules: PricePump

    def __init__(self, rules: PricePump, world: World, name: str) -> None:
        super().__init__(rules, world, name)
        self._bought = 0
        self._sold_from = float("inf")
        self._to_sell = 0

    def begin(self) -> Callable[[], None]:
        undo = super().begin()

        def dump() -> None:
            undo()
            self._sold_from, self._to_sell = self.world.env.now, self.held
            self.network.before_step.append(self._dump)

        return dump

    def act(self, n: int) -> None:
        share = min((self.world.env.now - self.strikes_at) / self.rules.buying, 1.0)
        rao = round(self.rules.tao * RAO * share) - self._bought
        if rao > 0:
            self.buy(rao)
            self._bought += rao

    def _dump(self, n: int) -> None:
        share = min((self.world.env.now - self._sold_from) / self.rules.selling, 1.0)
        keep = round(self._to_sell * (1.0 - share))
        self.sell(max(self.held - keep, 0))


class WashActor(TradingActor):
    """A wash on the clock."""

    rules: FlowWash

    def __init__(self, rules: FlowWash, world: World, name: str) -> None:
        super().__init__(rules, world, name)
        self._inside = False

    def begin(self) -> Callable[[], None]:
        undo = super().begin()

        def stop() -> None:
            self.sell(self.held)
            undo()

        return stop

    def act(self, n: int) -> None:
        since = self.world.env.now - self.network.rules.step - self.strikes_at
        wanted = since % self.rules.period < self.rules.inside * self.rules.period
        if wanted and not self._inside:
            self.buy(round(self.rules.tao * RAO))
        elif self._inside and not wanted:
            self.sell(self.held)
        self._inside = wanted
