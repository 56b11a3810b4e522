"""Supply schedules: what each protocol releases, and when.

Past regimes are rules too: a schedule answers for its own dates and for nothing else. Filecoin's schedule
lives in ``filecoin`` and the vesting of allocations in ``vesting``; both are reached from here as well.
"""

from __future__ import annotations

import datetime
import math
import re

from simdai.mechanisms._domain import at_least, finite, non_negative, positive, unit_interval
from simdai.mechanisms._exact import amounts, exact, whole
from simdai.mechanisms.filecoin import (
    filecoin_baseline,
    filecoin_baseline_reward,
    filecoin_effective_time,
    filecoin_simple_reward,
)
from simdai.mechanisms.vesting import cliff_vested, graded_vested, linear_vested

__all__ = [
    "agix_release",
    "akash_ideal_inflation",
    "akash_inflation_step",
    "akash_staking_yield",
    "cliff_vested",
    "filecoin_baseline",
    "filecoin_baseline_reward",
    "filecoin_effective_time",
    "filecoin_simple_reward",
    "graded_vested",
    "ionet_hour_emission",
    "ionet_hour_total",
    "ionet_month_emission",
    "ionet_month_total",
    "issuance_per_block",
    "issuance_split",
    "linear_vested",
    "net_emission",
    "ocean_df_week",
    "ocean_weekly_total",
    "ocean_weekly_total_wei",
    "render_budget",
    "render_extra_cap",
    "render_job_pool",
    "render_max_supply",
    "render_month_emission",
    "render_unspent",
    "render_year1_split",
    "render_year_emission",
    "vested",
]

WEI = 10**18
WEEK = datetime.timedelta(days=7)

# --- Ocean data farming ---

OCEAN_DF5_START = datetime.date(2022, 9, 29)
OCEAN_HALVING_START = datetime.date(2025, 3, 13)
# last week number, OCEAN a week
OCEAN_WEEKLY_TOTALS = ((28, 0), (80, 150_000), (106, 300_000), (132, 600_000))


def vested(total: int, elapsed: int, half_life: int = 126_144_000) -> int:
    """Amount vested after ``elapsed`` seconds, base units.

    Linear inside a half-life, the rate halving at each. With p = total >> floor(t/h): total - p +
    floor(floor(p (t mod h) / h) / 2), in integers; 0 for t <= 0. Half-life in seconds, 4 x 365 days by
    default. Raises ValueError for a negative total or a half-life not above zero. Source:
    oceanprotocol/contracts@1c779f90 (2026-06-29) contracts/df/VestingWalletHalving.sol, getAmount.
    """
    total, half_life = amounts(total=total, half_life=half_life)
    (elapsed,) = whole(elapsed=elapsed)
    positive(half_life=half_life)
    if elapsed <= 0:
        return 0
    halvings, into = divmod(elapsed, half_life)
    left = total >> halvings
    return total - left + left * into // half_life // 2


def ocean_df_week(day: datetime.date | str) -> int:
    """Data-farming week whose Thursday is ``day`` or before: 5 + whole weeks since 2022-09-29.

    Rounds 1 to 4 ran before that date, with a gap; for such days the answer is -1, as in the source:
    oceanprotocol/df-py@96a246f2 (2026-02-24) df_py/util/dcv_multiplier.py. ``day``: a date or ISO text.
    """
    day = _day(day)
    return 5 + (day - OCEAN_DF5_START) // WEEK if day >= OCEAN_DF5_START else -1


def ocean_weekly_total_wei(day: datetime.date | str, total: int = 503_370_000 * WEI) -> int:
    """Wei budgeted for the week starting at ``day`` (a Thursday); the rule of `ocean_weekly_total`."""
    day = _day(day)
    week = ocean_df_week(day)
    for last_week, ocean in OCEAN_WEEKLY_TOTALS:
        if week <= last_week:
            return ocean * WEI
    start = (day - OCEAN_HALVING_START).days * 86_400
    return vested(total, start + 604_800) - vested(total, start)


def ocean_weekly_total(day: datetime.date | str, total: int = 503_370_000 * WEI) -> float:
    """OCEAN budgeted for the week starting at ``day`` (a Thursday, as a date or ISO text).

    0 before DF29, 150,000 for DF29-80, 300,000 for DF81-106, 600,000 for DF107-132, then what `vested`
    releases in the seven days, counted from 2025-03-13 00:00 UTC; a week that straddles a halving mixes both
    rates. ``total`` in wei. Plan of the code; payments in fact stopped in 2024. The code takes 32,530,000
    base units off the total (it looks like a slip of unit); its asserted figures and this rule do not.
    Source: oceanprotocol/df-py@96a246f2 (2026-02-24) df_py/util/vesting_schedule.py.
    """
    return ocean_weekly_total_wei(day, total) / WEI


def _day(day: datetime.date | str) -> datetime.date:
    if isinstance(day, str):
        return datetime.date.fromisoformat(day)
    return day.date() if isinstance(day, datetime.datetime) else day


# --- io.net ---

IONET_BASE = 5e8  # IO at launch, 2024-06
IONET_HOURS = 175_319  # hourly periods after which 300 M IO are out
IONET_MONTHS = 240
IONET_HOURLY_DISINFLATION = 1.38869523957993e-5
IONET_MONTHLY_FACTOR = 0.989849199


def ionet_hour_emission(hour: int) -> float:
    """Tokens released in hour ``hour`` (1 = first, from 2024-06-25 12:00 UTC) on the fixed base of 500 M IO.

    5e8 (8 %/8760)(1 - 1.38869523957993e-5)^(h-1), and 0 after hour 175,319, when 300 M IO are out. The
    source's words apply the rate to the running supply, which would release 910 M; the fixed base meets its
    own total. Raises ValueError below hour 1. Source: docs.iog.net token-emission-schedule (2024-04); regime
    to 2024-11.
    """
    at_least(1, hour=whole(hour=hour)[0])
    if hour > IONET_HOURS:
        return 0.0
    return IONET_BASE * 0.08 / 8760 * (1 - IONET_HOURLY_DISINFLATION) ** (hour - 1)


def ionet_hour_total(hours: int) -> float:
    """Tokens released in the first ``hours`` hours, IO; supply is 500 M more. See `ionet_hour_emission`."""
    non_negative(hours=hours)
    released = -math.expm1(min(hours, IONET_HOURS) * math.log1p(-IONET_HOURLY_DISINFLATION))
    return IONET_BASE * 0.08 / 8760 * released / IONET_HOURLY_DISINFLATION


def ionet_month_emission(month: int) -> float:
    """Tokens released in month ``month`` (1 = July 2024), IO.

    5e8 (8 %/12) 0.989849199^(m-1), and 0 after month 240. Raises ValueError below month 1. The source's table
    drifts from its own formula by up to 4e-7 from month 3 on. Source: ionet-official/docs@5d3be72c
    (2025-09-12) docs/coin/ionet-monthly-token-emission-schedule.mdx.
    """
    at_least(1, month=whole(month=month)[0])
    return IONET_BASE * 0.08 / 12 * IONET_MONTHLY_FACTOR ** (month - 1) if month <= IONET_MONTHS else 0.0


def ionet_month_total(months: int) -> float:
    """Tokens released in the first ``months`` months, IO; 300,005,579 in all, as the factor is rounded."""
    non_negative(months=months)
    released = 1 - IONET_MONTHLY_FACTOR ** min(months, IONET_MONTHS)
    return IONET_BASE * 0.08 / 12 * released / (1 - IONET_MONTHLY_FACTOR)


# --- Render ---

RENDER_LAST_YEAR = 60
RENDER_JOB_POOLS = (("2023-12", 47_435), ("2024-05", 15_000))  # first calendar month, tokens an epoch
RENDER_BUDGETS = {
    1: {"operations": 4.563402, "node_rewards": 2.281701, "grants": 2.281701},
    2: {"operations": 2.9, "node_rewards": 1.5, "grants": 1.5},
    3: {"operations": 2.9, "node_rewards": 1.5, "grants": 1.5},
}


def render_extra_cap(s0: int = 536_870_912, fraction: float = 0.2) -> int:
    """Tokens the burn-mint schedule may add to the legacy cap ``s0``: floor(s0 x fraction).

    107,374,182 by default. Raises ValueError for a negative argument. Source: rendernetwork/RNPs@a7ced774
    RNP-001 (2022-06).
    """
    (s0,) = amounts(s0=s0)
    (part,) = exact(fraction=fraction)
    return math.floor(s0 * part)


def render_max_supply(s0: int = 536_870_912) -> int:
    """Greatest supply in tokens, gross of burns: 644,245,094 by default. Source: RNP-001 (2022-06)."""
    return s0 + render_extra_cap(s0)


def render_year_emission(year: int) -> float:
    """Tokens scheduled in BME year ``year`` (1 = from 2023-12-20); zero outside 1..60, never rounded.

    With X the extra cap: 0.085 X, then 0.055 X in years 2 to 5, then 0.04 X 0.945^(y-6). Years 1 to 3 and the
    damping are quoted (RNP-001, 006, 018, 022); years 4 and later are a reconstruction that meets the cap in
    year 60, as RNP-023 says. The quoted totals 9,126,804 and 5,905,584 are twelve months of whole tokens
    each.
    """
    cap = render_extra_cap()
    (year,) = whole(year=year)
    if year < 1 or year > RENDER_LAST_YEAR:
        return 0.0
    if year == 1:
        return 0.085 * cap
    return 0.055 * cap if year <= 5 else 0.04 * cap * 0.945 ** (year - 6)


def render_month_emission(year: int) -> float:
    """One of the twelve equal months of a BME year, tokens; see `render_year_emission`."""
    return render_year_emission(year) / 12


def render_year1_split(month: int) -> dict[str, float]:
    """Year-1 plan of RNP-006 by BME month 1..12, tokens a month, before RNP-013 changed it.

    With N half of a month's emission: ``network`` and ``foundation`` get N each; of the network's part
    ``nodes`` get N/2 and the other N/2 goes to ``liquidity`` (months 1-3), half each to liquidity and
    ``artists`` (4-9), artists (10-12); out of the foundation's part N/4 each goes to ``compute_clients`` and
    ``upgrade_points``; ``total_incentives`` = N + N/2. Raises ValueError outside 1..12. Source: RNP-006
    (2023-11), image1.
    """
    if month not in range(1, 13):
        raise ValueError(f"month = {month!r}: must be a BME month of year 1, 1 to 12")
    network = render_month_emission(1) / 2
    liquidity_share = 1.0 if month <= 3 else 0.5 if month <= 9 else 0.0
    return {
        "network": network,
        "foundation": network,
        "nodes": network / 2,
        "liquidity": network / 2 * liquidity_share,
        "artists": network / 2 * (1 - liquidity_share),
        "compute_clients": network / 4,
        "upgrade_points": network / 4,
        "total_incentives": network * 1.5,
    }


def render_job_pool(month: str) -> int:
    """Job-reward pool per 7-day epoch, tokens, in calendar month ``YYYY-MM``.

    47,435 from 2023-12, 15,000 from 2024-05 to now (2026); 0 before the burn-mint regime. Raises ValueError
    for text of another form. Source: RNP-013 (2024-04), RNP-022 (2025-12).
    """
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
        raise ValueError(f"month = {month!r}: must be a calendar month as YYYY-MM")
    pools = [pool for first, pool in RENDER_JOB_POOLS if first <= month]
    return pools[-1] if pools else 0


def render_budget(year: int) -> dict[str, float]:
    """Budget of a BME year in millions of tokens.

    Keys: ``operations``, ``node_rewards``, ``grants`` and their ``total``. Year 1 is a half and two quarters
    of 9,126,804 (RNP-003, 006; grants were liquidity, then artists); years 2 and 3 as voted (RNP-018, 022).
    Raises ValueError for a year without a voted budget.
    """
    if year not in RENDER_BUDGETS:
        raise ValueError(f"year = {year!r}: budgets were voted for BME years {sorted(RENDER_BUDGETS)}")
    parts = RENDER_BUDGETS[year]
    return {**parts, "total": math.fsum(parts.values())}


def render_unspent(minted: float, spent: float) -> float:
    """Minted but not paid out: what stays in the treasury of a category, same unit as given.

    Raises ValueError for a negative amount, or when more was spent than minted. Source: RNP-018 (2024-12).
    """
    non_negative(minted=minted, spent=spent)
    if spent > minted:
        raise ValueError(f"spent = {spent!r}: must not exceed minted = {minted!r}")
    return minted - spent


# --- Akash ---


def akash_ideal_inflation(
    genesis: datetime.date | str | float,
    now: datetime.date | str | float,
    i0_percent: float,
    tau_years: float,
    decimals: int | None = None,
) -> float:
    """Ideal inflation of the older module, percent a year: I0 2^(-t/tau), a year being 365.25 days.

    Times are datetimes, ISO text (UTC where no zone is given) or unix seconds. ``decimals`` truncates the
    power of two; the chain kept 6. The module held inflation within 5 % of this (`akash_inflation_step` with
    ``low`` and ``high`` at 0.95 and 1.05 of it). Raises ValueError before genesis, for a ``tau_years`` not
    above zero or a negative ``i0_percent``. Source: akash-network/node@c89507db x/inflation (2022, since
    removed).
    """
    non_negative(i0_percent=i0_percent)
    positive(tau_years=tau_years)
    seconds = _unix(now) - _unix(genesis)
    non_negative(seconds_since_genesis=seconds)
    power = math.exp2(-seconds / 31_557_600 / tau_years)
    if decimals is not None:
        power = math.floor(power * 10**decimals) / 10**decimals
    return i0_percent * power


def _unix(instant: datetime.date | str | float) -> float:
    if isinstance(instant, str):
        instant = datetime.datetime.fromisoformat(instant)
    if isinstance(instant, datetime.date):
        if not isinstance(instant, datetime.datetime):
            instant = datetime.datetime(instant.year, instant.month, instant.day)
        return (instant if instant.tzinfo else instant.replace(tzinfo=datetime.UTC)).timestamp()
    finite(instant=instant)
    return float(instant)


def akash_inflation_step(
    current: float, bonded: float, goal: float, change: float, blocks_per_year: float, low: float, high: float
) -> float:
    """One block of the bonded-ratio rule: i + (1 - bonded/goal) change/blocks, clamped to [low, high].

    Any unit, that of ``low`` (a share a year, or percent in the older module); ``bonded`` and ``goal`` are
    shares of supply (0.67 on mainnet since 2020). Tokens of a block are i x supply / blocks. Raises
    ValueError for a goal or a block count not above zero, or ``low`` above ``high``. Source: Cosmos SDK
    x/mint NextInflationRate.
    """
    unit_interval(bonded=bonded)
    positive(goal=goal, blocks_per_year=blocks_per_year)
    finite(current=current, change=change)
    if not low <= high:
        raise ValueError(f"low = {low!r}: must not exceed high = {high!r}")
    return min(max(current + (1 - bonded / goal) * change / blocks_per_year, low), high)


def akash_staking_yield(inflation: float, bonded: float, community_tax: float = 0.0) -> float:
    """Yearly yield of staked tokens: inflation x (1 - tax) / bonded, a share a year.

    ``community_tax`` 0 gives the yield gross of the tax (mainnet: 0.25 from 2023-07, 0.40 from 2024-01).
    Raises ValueError for a tax outside [0, 1] or nothing bonded. Source: Cosmos SDK x/distribution; AKT
    proposals 211, 240.
    """
    unit_interval(community_tax=community_tax, bonded=bonded)
    positive(bonded=bonded)
    non_negative(inflation=inflation)
    return inflation * (1 - community_tax) / bonded


# --- SingularityNET, The Graph, Helium ---


def agix_release(month: int, first: float = 15_000_000.0, decay: float = 0.985) -> tuple[float, float]:
    """Phase-two tranche of a month (1 = first) and the sum so far, AGIX.

    first x decay^(n-1); the infinite sum is first/(1 - decay), exactly 1 bn at the default. Raises ValueError
    below month 1 or for a decay outside [0, 1). Source: Phase Two memorandum, 2021-02 (scribd 616383677).
    """
    at_least(1, month=whole(month=month)[0])
    unit_interval(decay=decay)
    non_negative(first=first)
    if decay == 1:
        raise ValueError("decay = 1: must be below 1")
    return first * decay ** (month - 1), first * (1 - decay**month) / (1 - decay)


def issuance_per_block(supply: float, annual_rate: float, block_seconds: float = 12) -> float:
    """GRT per block for a yearly share of supply; a year is 365 days of 86,400 s.

    Set once by governance, so the rate falls as supply grows: 120.73 GRT from 3 % of 10.576 bn. Raises
    ValueError for negative arguments. Source: graphprotocol GIP-0037, GIP-0043 (2023-02-01).
    """
    non_negative(supply=supply, annual_rate=annual_rate, block_seconds=block_seconds)
    return supply * annual_rate * block_seconds / (365 * 86_400)


def issuance_split(
    total: float, share: float | None = None, amount: float | None = None
) -> tuple[float, float]:
    """Part carved out of the issuance (by share or by amount) and the rest, same unit as ``total``.

    Example: 6 GRT a block to indexing agreements, 114.73 to the Rewards Manager. Raises ValueError unless
    exactly one of ``share`` and ``amount`` is given, inside [0, 1] or [0, total]. Source: GIP-0088
    (2026-03-06).
    """
    non_negative(total=total)
    if (share is None) == (amount is None):
        raise ValueError("give either a share or an amount, not both and not neither")
    if share is not None:
        unit_interval(share=share)
    part = amount if amount is not None else total * (share or 0.0)
    if not 0 <= part <= total:
        raise ValueError(f"amount = {part!r}: must lie between 0 and total = {total!r}")
    return part, total - part


def net_emission(
    previous_target: float, burn: float, cap: float = 600_000 / 365, smoothing: float = 6 / 7
) -> dict[str, float]:
    """Helium's net emission of one period (a day), tokens.

    ``target`` = smoothing x previous target + (1 - smoothing) x burn, carried on uncapped; ``net`` =
    min(target, cap) is minted again; ``burned`` = max(burn - net, 0) is gone for good. Raises ValueError for
    negative amounts or a smoothing outside [0, 1]. Source: helium/HIP 0020; helium/docs pull 1968 (2025-07).
    HIP-20's first cap was 34.24 HNT an epoch.
    """
    non_negative(previous_target=previous_target, burn=burn, cap=cap)
    unit_interval(smoothing=smoothing)
    target = smoothing * previous_target + (1 - smoothing) * burn
    net = min(target, cap)
    return {"target": target, "net": net, "burned": max(burn - net, 0.0)}
