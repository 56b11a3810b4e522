"""Bitcoin, the baseline of money: issue, difficulty, selfish mining.

What mining earns and attacking costs is in :mod:`~simdai.mechanisms.bitcoin_mining`, public here too. Amounts
are satoshi (10^-8 BTC) and targets 256-bit integers, both Python ints with the protocol's rounding. Hashes
are double SHA-256. The consensus rules have been in force since the genesis block (2009-01-03).
"""

from __future__ import annotations

from simdai.mechanisms._domain import at_least, positive
from simdai.mechanisms._exact import amounts
from simdai.mechanisms.bitcoin_mining import (
    SATOSHI_PER_BTC,
    attack_cost_hardware,
    attack_cost_rental,
    break_even_electricity,
    break_even_price,
    death_spiral,
    miner_margin,
    mining_cost_per_hash,
    period_after_exit_days,
    revenue_per_hash,
    security_budget,
    share_below_break_even,
)

__all__ = [
    "attack_cost_hardware",
    "attack_cost_rental",
    "bits_to_target",
    "block_subsidy",
    "break_even_electricity",
    "break_even_price",
    "cumulative_subsidy",
    "death_spiral",
    "difficulty",
    "equilibrium_spacing",
    "expected_hashes",
    "last_subsidy_height",
    "miner_margin",
    "mining_cost_per_hash",
    "period_after_exit_days",
    "retarget_bits",
    "revenue_per_hash",
    "security_budget",
    "selfish_revenue_share",
    "selfish_threshold",
    "share_below_break_even",
    "target_to_bits",
]

MAX_HALVINGS = 64  # the subsidy is zero from here on, whatever it started from
TARGET_BITS = 256

_SIGN = 0x800000  # bit 24 of the mantissa of compact bits


def block_subsidy(height: int, interval: int = 210_000, initial: int = 5_000_000_000) -> int:
    """Satoshi created by the block at ``height``.

    The subsidy is shifted right by one bit every ``interval`` blocks, which rounds down.

    Parameters
    ----------
    height : int >= 0 [blocks], genesis is 0
    interval : int > 0 [blocks] between halvings
    initial : int >= 0 [satoshi], subsidy of the first interval

    Returns
    -------
    int [satoshi]

    Raises
    ------
    ValueError : height or initial below 0, interval below 1, a number that is not whole

    Notes
    -----
    Source: bitcoin/bitcoin src/validation.cpp GetBlockSubsidy; in force since 2009-01-03.

    >>> block_subsidy(840_000)
    312500000
    """
    at, every, first = _schedule(height, interval, initial)
    halvings = at // every
    return first >> halvings if halvings < MAX_HALVINGS else 0


def cumulative_subsidy(blocks: int, interval: int = 210_000, initial: int = 5_000_000_000) -> int:
    """Satoshi created by heights 0 .. ``blocks`` - 1, genesis included.

    Parameters
    ----------
    blocks : int >= 0 [blocks]
    interval, initial : as in `block_subsidy`

    Returns
    -------
    int [satoshi]

    Raises
    ------
    ValueError : as `block_subsidy`

    Notes
    -----
    Genesis' own 50 BTC cannot be spent but are counted here. Source: as `block_subsidy`.
    """
    count, every, first = _schedule(blocks, interval, initial)
    whole, rest = divmod(count, every)
    full = sum(first >> k for k in range(min(whole, MAX_HALVINGS)))
    return full * every + rest * block_subsidy(whole * every, every, first)


def last_subsidy_height(interval: int = 210_000, initial: int = 50 * SATOSHI_PER_BTC) -> int:
    """Last height with a subsidy above zero.

    Parameters
    ----------
    interval : int > 0 [blocks] between halvings
    initial : int > 0 [satoshi] of the first block

    Returns
    -------
    int [blocks]

    Raises
    ------
    ValueError : interval or initial below one

    Notes
    -----
    5,000,000,000 satoshi has 33 binary digits, so 33 intervals pay something. Source: as `block_subsidy`.
    """
    _, every, first = _schedule(0, interval, initial)
    at_least(1, initial=first)
    return min(first.bit_length(), MAX_HALVINGS) * every - 1


def bits_to_target(bits: int) -> int:
    """Target of compact bits: ``mantissa * 256^(size - 3)``, digits below one dropped.

    Parameters
    ----------
    bits : int, 32 bits: size byte, sign bit, 23-bit mantissa

    Returns
    -------
    int, below 2^256; a hash must not exceed it

    Raises
    ------
    ValueError : bits that are negative, of more than 256 bits, or not a 32-bit number

    Notes
    -----
    Consensus refuses what is refused here, and a target of zero too.
    Source: bitcoin/bitcoin src/arith_uint256.cpp SetCompact.

    >>> hex(bits_to_target(0x1B0404CB))[:10]
    '0x404cb000'
    """
    if not 0 <= bits < 1 << 32:
        raise ValueError(f"bits = {bits:#x}: must be a 32-bit number")
    size, word = bits >> 24, bits & 0x7FFFFF
    target = word << 8 * (size - 3) if size > 3 else word >> 8 * (3 - size)
    if target and bits & _SIGN:
        raise ValueError(f"bits = {bits:#010x}: a target cannot be negative")
    if target.bit_length() > TARGET_BITS:
        raise ValueError(f"bits = {bits:#010x}: a target has at most {TARGET_BITS} bits")
    return target


def target_to_bits(target: int) -> int:
    """Compact bits of a target, truncating below three bytes.

    A mantissa whose highest bit would read as a sign gives up its lowest byte.

    Parameters
    ----------
    target : int, 0 .. 2^256 - 1

    Returns
    -------
    int, 32 bits

    Raises
    ------
    ValueError : a target outside its range

    Notes
    -----
    Source: bitcoin/bitcoin src/arith_uint256.cpp GetCompact.
    """
    if not 0 <= target < 1 << TARGET_BITS:
        raise ValueError(f"target = {target}: must lie in [0, 2^256)")
    size = (target.bit_length() + 7) // 8
    word = target >> 8 * (size - 3) if size > 3 else target << 8 * (3 - size)
    if word & _SIGN:
        word >>= 8
        size += 1
    return size << 24 | word


def retarget_bits(bits: int, timespan: int, limit_bits: int = 0x1D00FFFF, nominal: int = 1_209_600) -> int:
    """Next compact bits from the time between first and last block of a period.

    The timespan is held within a factor four of nominal, the target scaled by it and rounded down; no target
    is easier than the limit.

    Parameters
    ----------
    bits : int, compact bits of the ending period
    timespan : int [s], time stamp of the last block less that of the first, 2015 intervals; may be negative
    limit_bits : int, compact bits of the easiest target (mainnet 0x1d00ffff, signet 0x1e0377ae)
    nominal : int [s], intended length of a period

    Returns
    -------
    int, compact bits

    Raises
    ------
    ValueError : bits that are no target

    Notes
    -----
    Products may exceed 256 bits here and do not wrap (on mainnet they never do).
    Source: bitcoin/bitcoin src/pow.cpp CalculateNextWorkRequired; in force since 2009-01-03.
    """
    at_least(1, nominal=nominal)
    span = min(max(timespan, nominal // 4), nominal * 4)
    target = bits_to_target(bits) * span // nominal
    return target_to_bits(min(target, bits_to_target(limit_bits)))


def difficulty(bits: int) -> float:
    """Difficulty of compact bits: how many times harder than a target of ``0xffff * 2^208``.

    Parameters
    ----------
    bits : int, compact bits with a mantissa above zero; the sign bit counts as a digit, as in the node's
        display

    Returns
    -------
    float [1]

    Raises
    ------
    ValueError : a mantissa of zero

    Notes
    -----
    Source: bitcoin/bitcoin src/rpc/blockchain.cpp GetDifficulty.
    """
    mantissa = bits & 0xFFFFFF
    if not mantissa:
        raise ValueError(f"bits = {bits:#010x}: a mantissa of zero has no difficulty")
    return float(0xFFFF / mantissa * 2.0 ** (8 * (0x1D - (bits >> 24))))


def expected_hashes(bits: int) -> int:
    """Expected double hashes per block, ``2^256 / (target + 1)`` rounded down.

    Parameters
    ----------
    bits : int, compact bits

    Returns
    -------
    int [hashes]; the sum over blocks is the chain's work

    Raises
    ------
    ValueError : bits that are no target

    Notes
    -----
    ``difficulty * 2^32`` is lower by 1.5e-5. Source: bitcoin/bitcoin src/chain.cpp GetBlockProof.
    """
    return (1 << TARGET_BITS) // (bits_to_target(bits) + 1)


def equilibrium_spacing(target_spacing: float = 600, interval: int = 2016) -> float:
    """Mean block spacing that leaves the target unchanged, seconds.

    A period of 2016 blocks is timed over its 2015 inner intervals but compared with 2016 spacings.

    Parameters
    ----------
    target_spacing : float > 0 [s]
    interval : int > 1 [blocks] per period

    Returns
    -------
    float [s]

    Raises
    ------
    ValueError : an argument out of range

    Notes
    -----
    Source: follows from bitcoin/bitcoin src/pow.cpp GetNextWorkRequired (first = last - 2015).
    """
    positive(target_spacing=target_spacing)
    at_least(2, interval=interval)
    return target_spacing * interval / (interval - 1)


def selfish_revenue_share(alpha: float, gamma: float) -> float:
    """Selfish miner's long-run share of main-chain blocks.

    Parameters
    ----------
    alpha : share of the hash rate that withholds its blocks, in [0, 1]
    gamma : share of the honest hash rate that mines on the withheld block in a tie, in [0, 1]

    Returns
    -------
    float in [0, 1]; 1 from half of the hash rate on

    Raises
    ------
    ValueError : an argument outside [0, 1]

    Notes
    -----
    A share above ``alpha`` is a gain only after the next retarget (Grunspan and Pérez-Marco, arXiv
    1805.08281). `selfish_threshold` decides whether it pays, not a comparison of the rounded share with
    ``alpha``. Source: Eyal and Sirer (2014), "Majority is not enough", equation 8.
    """
    _share(alpha=alpha, gamma=gamma)
    if alpha >= 0.5:
        return 1.0
    honest = 1.0 - alpha
    lead = alpha * honest**2 * (4.0 * alpha + gamma * (1.0 - 2.0 * alpha)) - alpha**3
    return lead / (1.0 - alpha * (1.0 + (2.0 - alpha) * alpha))


def selfish_threshold(gamma: float) -> float:
    """Share of the hash rate strictly above which selfish mining pays.

    Parameters
    ----------
    gamma : share of the honest hash rate that mines on the withheld block in a tie, in [0, 1]

    Returns
    -------
    float in [0, 1/3]

    Raises
    ------
    ValueError : gamma outside [0, 1]

    Notes
    -----
    Source: Eyal and Sirer (2014), "Majority is not enough", observation 1.
    """
    _share(gamma=gamma)
    return (1.0 - gamma) / (3.0 - 2.0 * gamma)


def _share(**values: float) -> None:
    for name, value in values.items():
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"{name} = {value!r}: must lie in [0, 1]")


def _schedule(height: int, interval: int, initial: int) -> tuple[int, int, int]:
    at, every, first = amounts(height=height, interval=interval, initial=initial)
    at_least(1, interval=every)
    return at, every, first
