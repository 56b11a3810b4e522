from typing import final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bytes = NDArray[np.uint8]
Words = NDArray[np.uint16]
Ints = NDArray[np.int64]

@final
class Epoch:
    n: int
    shares: Floats
    active: Floats
    consensus: Floats
    incentive: Floats
    dividends: Floats
    trust: Floats
    new_permit: Bytes
    server_grains: Ints
    validator_grains: Ints
    def __init__(
        self,
        stake: Floats,
        permit: Bytes,
        updated: Ints,
        registered: Ints,
        committed: Ints,
        targets: Words,
        values: Words,
        counts: NDArray[np.int32],
        bonds: Words,
    ) -> None: ...
    def run(
        self,
        by_pair: bool,
        kappa: float,
        penalty: float,
        alpha: float,
        liquid: bool,
        low: float,
        high: float,
        steepness: float,
        max_validators: int,
        cutoff: int,
        min_stake: int,
        owner: int,
        block: int,
        last_tempo_block: int,
        again: bool = False,
    ) -> tuple[bool, bool]: ...
    def read_bonds(self) -> None: ...
    def write_rows(self, uids: Ints, weights: Words) -> bool: ...
    def renew_permits(self) -> None: ...
    def oldest_update(self) -> int: ...
    def pay(self, emission_rao: int, epochs: int, server_rao: Ints, validator_rao: Ints) -> None: ...
    def rows_of(self) -> tuple[Ints, Floats, Floats]: ...
