"""The hot loops: the compute market, with a plain-SimPy twin that defines it, and the Yuma epoch."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from simdai.engine import Environment, Streams
from simdai.kernel._build import check_stamp, why_reference
from simdai.kernel.market import Market
from simdai.kernel.market_spec import MAX_ASK, JobClassSpec, Law, PoolSpec, VenueSpec
from simdai.kernel.yuma import SubnetConsensus, yuma_epoch

if TYPE_CHECKING:
    from simdai.kernel.accounts_reference import Accounts

__all__ = [
    "COMPILED",
    "MAX_ASK",
    "WHY_REFERENCE",
    "Accounts",
    "JobClassSpec",
    "Law",
    "Market",
    "PoolSpec",
    "SubnetConsensus",
    "VenueSpec",
    "make_market",
    "yuma_epoch",
]

WHY_REFERENCE: str | None = None  # why there is no compiled kernel, and the cure
COMPILED = False
if os.environ.get("SIMDAI_NO_EXTENSIONS"):
    WHY_REFERENCE = why_reference()
elif stale := check_stamp():
    WHY_REFERENCE = stale
    from simdai.kernel import _build

    if _build.read_stamp()["source_hash"] is not None:
        warnings.warn(f"{stale} Using the reference kernel.", RuntimeWarning, stacklevel=2)
else:
    try:
        import simdai.kernel._market
        import simdai.kernel._yuma  # noqa: F401

        COMPILED = True
    except ImportError:
        WHY_REFERENCE = why_reference()

if not TYPE_CHECKING:
    if COMPILED:
        from simdai.kernel._market import Accounts
    else:
        from simdai.kernel.accounts_reference import Accounts


def make_market(
    env: Environment,
    *,
    venues: Sequence[VenueSpec],
    pools: Sequence[PoolSpec],
    job_classes: Sequence[JobClassSpec],
    streams: Streams | None = None,
    seed: int = 1,
    replication: int = 0,
    accounts: Any = None,
    kernel: Literal["compiled", "reference"] | None = None,
    trace: bool = False,
) -> Market:
    """A compute market on ``env``, on the kernel asked for; None takes the compiled one where there is one.

    Raises
    ------
    ValueError : an inconsistent description, or a compiled kernel is asked for where there is none
    """
    if kernel not in (None, "compiled", "reference"):
        raise ValueError(f"unknown kernel {kernel!r}; expected compiled or reference")
    if kernel == "compiled" and not COMPILED:
        raise ValueError(f"there is no compiled kernel: {WHY_REFERENCE}")
    return Market(
        env,
        streams or Streams(seed, replication),
        venues,
        pools,
        job_classes,
        accounts,
        compiled=COMPILED and kernel != "reference",
        trace=trace,
    )
