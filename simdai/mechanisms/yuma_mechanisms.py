"""Several mechanisms in one subnet of Bittensor, each with its own weights, bonds and part of the emission.

Since September 2025 a subnet may have up to eight. Source: RaoFoundation/subtensor (formerly opentensor),
pallets/subtensor/src/subnets/mechanism.rs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simdai.mechanisms.yuma import EpochInput, EpochResult, YumaParams, yuma_epoch

__all__ = ["MechanismsEpoch", "epoch_with_mechanisms", "mechanism_emissions"]

WHOLE = 65_535
MOST = 8


class MechanismsEpoch(NamedTuple):
    """What an epoch of all mechanisms pays.

    Parameters
    ----------
    emissions : rao of alpha that each mechanism had
    server_emission, validator_emission : rao of each UID, over all mechanisms
    new_permit : (n,) who has a permit by any of them
    parts : result of each mechanism's own epoch
    """

    emissions: list[int]
    server_emission: list[int]
    validator_emission: list[int]
    new_permit: NDArray[np.bool_]
    parts: list[EpochResult]


def mechanism_emissions(alpha_rao: int, mechanisms: int, split: Sequence[int] | None = None) -> list[int]:
    """Part of a subnet's emission that each of its mechanisms gets.

    Parameters
    ----------
    alpha_rao : int >= 0 [rao]
    mechanisms : int, in 1..8
    split : u16 shares of the first mechanisms; the others get nothing. Alike without. The chain takes only
        those that sum to 65535; more than that would pay more than there is

    Returns
    -------
    int [rao] of each, rounded down; what is left over goes to the first

    Raises
    ------
    ValueError : amounts below zero, more shares than mechanisms, shares that are not u16

    Notes
    -----
    Source: mechanism.rs split_emissions.

    >>> mechanism_emissions(10, 4)
    [4, 2, 2, 2]
    """
    if alpha_rao < 0 or not 1 <= mechanisms <= MOST:
        raise ValueError(f"alpha_rao = {alpha_rao}, mechanisms = {mechanisms}: must be >= 0, and 1 to {MOST}")
    if split is None:
        parts = [alpha_rao // mechanisms] * mechanisms
    else:
        if not 0 < len(split) <= mechanisms or not 0 <= min(split) <= max(split) <= WHOLE:
            raise ValueError(f"split = {list(split)}: at most {mechanisms} shares, each in 0 to {WHOLE}")
        parts = [alpha_rao * share // WHOLE for share in split] + [0] * (mechanisms - len(split))
    parts[0] += max(alpha_rao - sum(parts), 0)
    return parts


def epoch_with_mechanisms(
    params: YumaParams, n: int, epochs: Sequence[EpochInput], split: Sequence[int] | None = None
) -> MechanismsEpoch:
    """One epoch of n UIDs under several mechanisms.

    Parameters
    ----------
    params : as in `yuma_epoch`; ``emission_rao`` is that of the subnet
    epochs : input of each mechanism: stake, permits and registrations alike, weights and bonds of its own
    split : as in `mechanism_emissions`

    Notes
    -----
    Source: mechanism.rs epoch_with_mechanisms.
    """
    emissions = mechanism_emissions(params["emission_rao"], len(epochs), split)
    parts = [
        yuma_epoch({**params, "emission_rao": emission}, n, epoch)
        for emission, epoch in zip(emissions, epochs, strict=True)
    ]
    return MechanismsEpoch(
        emissions,
        [sum(paid) for paid in zip(*(part["server_emission"] for part in parts), strict=True)],
        [sum(paid) for paid in zip(*(part["validator_emission"] for part in parts), strict=True)],
        np.any([part["new_permit"] for part in parts], axis=0),
        parts,
    )
