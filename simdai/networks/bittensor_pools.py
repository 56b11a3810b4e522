"""Pools of alpha and TAO, one shape for each era, and how a pool changes its shape."""

from __future__ import annotations

from typing import NamedTuple

from simdai.mechanisms.pools import (
    balancer_add_liquidity,
    balancer_out,
    balancer_price,
    constant_product_out,
    constant_product_price,
    superellipse_calibrate,
    superellipse_price,
    superellipse_swap,
    swap_fee,
)
from simdai.registry import Configured
from simdai.units import Count

__all__ = ["NoPool", "Pool", "PoolShape", "Trade"]

LEAST_WEIGHT, MOST_WEIGHT = 0.01, 0.99
MAX_INPUT_OVER_RESERVE = 1000
REACH = 0.999  # of a superellipse's coordinate that a trade may use up; the curve ends at it


class Trade(NamedTuple):
    """A swap in rao: paid in, of that the fee, and paid out."""

    paid: int
    fee: int
    out: int


class Pool:
    """The reserves of one subnet, rao. Trades and injections change them; so does nothing else.

    Parameters
    ----------
    alpha, tao : reserves, > 0
    fee_u16 : share of what is paid in, times 65535, that goes to the author of the block
    """

    def __init__(self, alpha: int, tao: int, fee_u16: int) -> None:
        self.alpha, self.tao, self.fee_u16 = alpha, tao, fee_u16
        self._price: float | None = None

    @property
    def price(self) -> float:
        """TAO per alpha at the margin."""
        if self._price is None:
            self._price = self._spot()
        return self._price

    def _spot(self) -> float:
        raise NotImplementedError

    def trade(self, amount: int, sell: bool, free: bool = False) -> Trade:
        """Sell alpha, or buy it with TAO; what the pool cannot take is left out of ``paid``.

        Parameters
        ----------
        amount : rao paid in
        free : the protocol's own purchases pay no fee
        """
        self._price = None
        amount = min(amount, self._room(sell))
        fee = 0 if free else swap_fee(amount, self.fee_u16)
        out = min(self._swap(amount - fee, sell), (self.tao if sell else self.alpha) - 1)
        if sell:
            self.alpha, self.tao = self.alpha + amount - fee, self.tao - out
        else:
            self.alpha, self.tao = self.alpha - out, self.tao + amount - fee
        return Trade(amount, fee, out)

    def inject(self, alpha: int, tao: int) -> bool:
        """Add liquidity at the present price; False when the pool refuses it."""
        self._price = None
        self.alpha, self.tao = self.alpha + alpha, self.tao + tao
        return True

    def _room(self, sell: bool) -> int:
        return MAX_INPUT_OVER_RESERVE * (self.alpha if sell else self.tao)

    def _swap(self, net_in: int, sell: bool) -> int:
        """Paid out for a net input, rounded down; moves what the shape keeps beside the reserves."""
        raise NotImplementedError


class ConstantProductPool(Pool):
    """Reserves whose product stays (2025)."""

    def _spot(self) -> float:
        return constant_product_price(self.alpha, self.tao)

    def _swap(self, net_in: int, sell: bool) -> int:
        reserves = (self.alpha, self.tao) if sell else (self.tao, self.alpha)
        return constant_product_out(*reserves, net_in)


class BalancerPool(Pool):
    """Weighted reserves; injected liquidity moves the weights and not the price.

    Parameters
    ----------
    w_tao : weight of TAO, in [0.01, 0.99]
    """

    def __init__(self, alpha: int, tao: int, fee_u16: int, w_tao: float) -> None:
        super().__init__(alpha, tao, fee_u16)
        self.w_tao = w_tao

    def _spot(self) -> float:
        return balancer_price(self.alpha, self.tao, self.w_tao)

    def inject(self, alpha: int, tao: int) -> bool:
        weight = balancer_add_liquidity(self.alpha, self.tao, self.w_tao, alpha, tao)
        if weight is None:
            return False
        self.w_tao = weight
        return super().inject(alpha, tao)

    def _swap(self, net_in: int, sell: bool) -> int:
        return balancer_out(self.alpha, self.tao, self.w_tao, net_in, sell)


class SuperellipsePool(Pool):
    """Reserves on an ellipse about a centre that injected liquidity moves.

    Parameters
    ----------
    a, b : axes, rao of alpha and of TAO
    """

    def __init__(self, alpha: int, tao: int, fee_u16: int, a: float, b: float) -> None:
        super().__init__(alpha, tao, fee_u16)
        self.a, self.b = self.X, self.Y = a, b

    def _spot(self) -> float:
        return superellipse_price(self.a, self.b, self.X, self.Y)

    def _room(self, sell: bool) -> int:
        return int(REACH * (self.X if sell else self.Y))

    def _swap(self, net_in: int, sell: bool) -> int:
        curve = superellipse_swap(self.a, self.b, self.X, self.Y, net_in, sell)
        out = min(int(curve.out), (self.tao if sell else self.alpha) - 1)
        self.X += -net_in if sell else out
        self.Y += out if sell else -net_in
        return out


class PoolShape(Configured, family="subnet_pool"):
    """The shape of pools."""

    def open(self, alpha: int, tao: int, price: float) -> Pool:
        """A pool with these reserves, at this price where the shape allows it.

        Parameters
        ----------
        alpha, tao : rao
        price : TAO per alpha that the pool had before
        """
        raise NotImplementedError


class NoPool(PoolShape, kind="none"):
    """No alpha (until 2025-02): TAO goes to participants themselves, and all that is staked is on root."""


class ConstantProductShape(PoolShape, kind="constant_product"):
    """Constant product (2025-02 to 2026-03); the reserves alone say the price.

    Parameters
    ----------
    fee_u16 : fee times 65535
    """

    fee_u16: Count

    def open(self, alpha: int, tao: int, price: float) -> Pool:
        return ConstantProductPool(alpha, tao, self.fee_u16)


class BalancerShape(PoolShape, kind="balancer"):
    """Weighted pool (since 2026-03-17).

    Parameters
    ----------
    fee_u16 : fee times 65535
    """

    fee_u16: Count

    def open(self, alpha: int, tao: int, price: float) -> Pool:
        return BalancerPool(alpha, tao, self.fee_u16, tao_weight_at(alpha, tao, price))


class SuperellipseShape(PoolShape, kind="superellipse"):
    """Superellipse (in the code of late 2026); starts as a Balancer pool's tangent.

    Parameters
    ----------
    fee_u16 : fee times 65535
    """

    fee_u16: Count

    def open(self, alpha: int, tao: int, price: float) -> Pool:
        axes = superellipse_calibrate(alpha, tao, tao_weight_at(alpha, tao, price))
        return SuperellipsePool(alpha, tao, self.fee_u16, *axes)


def tao_weight_at(alpha: int, tao: int, price: float) -> float:
    """Weight of TAO at which a Balancer pool has this price, within the bounds of weights."""
    return min(max(tao / (price * alpha + tao), LEAST_WEIGHT), MOST_WEIGHT)
