"""The Yuma epoch as scenarios run it: compiled where there is a compiled kernel, else by its definition.

`yuma_epoch` takes and gives what `simdai.mechanisms.yuma.yuma_epoch`, the definition, does. `SubnetConsensus`
keeps a subnet's state between epochs and computes no epoch twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

import simdai.kernel as kernel_package

if TYPE_CHECKING:
    from simdai.mechanisms.yuma import EpochInput, EpochResult, YumaParams

__all__ = ["SubnetConsensus", "yuma_epoch"]

U16_MAX = 65535
UNCOMMITTED = 2**63 - 1


class _Rules(NamedTuple):
    """A subnet's hyperparameters in the units the compiled epoch computes in."""

    by_pair: bool
    kappa: float
    penalty: float
    alpha: float
    liquid: bool
    low: float
    high: float
    steepness: float
    max_validators: int
    cutoff: int
    min_stake: int
    owner: int

    @classmethod
    def of(cls, params: YumaParams) -> _Rules:
        from simdai.mechanisms.yuma import fixed_alpha

        owner = params.get("owner_uid")
        return cls(
            by_pair=params["yuma_version"] == "yuma3",
            kappa=params["kappa_u16"] / U16_MAX,
            penalty=params["bonds_penalty_u16"] / U16_MAX,
            alpha=fixed_alpha(params),
            liquid=params.get("liquid_alpha", False),
            low=params["alpha_low_u16"] / U16_MAX,
            high=params["alpha_high_u16"] / U16_MAX,
            steepness=params["alpha_sigmoid_steepness_raw"] / 100.0,
            max_validators=params["max_allowed_validators"],
            cutoff=params["activity_cutoff"],
            min_stake=params["min_stake"],
            owner=-1 if owner is None else owner,
        )


def yuma_epoch(params: YumaParams, n: int, epoch: EpochInput) -> EpochResult:
    """One epoch of n UIDs: `simdai.mechanisms.yuma.yuma_epoch`, compiled where that is possible.

    The two agree to 1e-9; whole numbers may differ by one where a share lies on a boundary to the last bit.

    Raises
    ------
    ValueError : as the definition
    """
    from simdai.mechanisms import yuma as definition
    from simdai.mechanisms.yuma_input import ABSENT, epoch_arrays

    if not kernel_package.COMPILED:
        return definition.yuma_epoch(params, n, epoch)
    from simdai.kernel._yuma import Epoch

    given = epoch_arrays(params, n, epoch)
    rules = _Rules.of(params)
    held = given.weights != ABSENT
    targets, values, counts = compact_rows(given.weights, held)
    bonds = given.bonds.clip(min=0).astype(np.uint16)
    core = Epoch(
        given.stake,
        given.permit.view(np.uint8),
        given.updated,
        given.registered,
        given.committed,
        targets,
        values,
        counts,
        bonds,
    )
    core.run(*rules, given.block, given.last_tempo_block)
    uids, weights, unscaled = core.rows_of()
    norm = definition.normalise_columns(unscaled)
    stored = unscaled if rules.by_pair else definition.upscale_columns(norm)
    new_permit = core.new_permit.view(np.bool_)
    emission = params["emission_rao"]

    def full(rows: NDArray[np.float64]) -> NDArray[np.float64]:
        out = np.zeros((n, n))
        out[uids] = rows
        return out

    return definition.EpochResult(
        stake=core.shares,
        active_stake=core.active,
        weights_norm=full(weights),
        consensus=core.consensus,
        clipped=full(np.minimum(weights, core.consensus)),
        validator_trust=core.trust,
        incentive=core.incentive,
        bonds_norm=full(norm),
        bonds_stored=np.where(new_permit[:, None], full(stored), 0.0),
        bonds_u16=bonds.astype(np.int64),
        dividends=core.dividends,
        server_emission=[grains * emission >> 32 for grains in core.server_grains.tolist()],
        validator_emission=[grains * emission >> 32 for grains in core.validator_grains.tolist()],
        new_permit=new_permit,
    )


def compact_rows(matrix: NDArray[Any], held: NDArray[np.bool_]) -> tuple[Any, Any, Any]:
    """The held entries of each row of an (n, n) matrix, at its front: columns, values (uint16), counts."""
    rows, columns = np.nonzero(held)
    counts = held.sum(axis=1).astype(np.int32)
    place = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    targets, values = np.zeros(held.shape, np.uint16), np.zeros(held.shape, np.uint16)
    targets[rows, place] = columns
    values[rows, place] = matrix[rows, columns]
    return targets, values, counts


class SubnetConsensus:
    """A subnet's consensus between epochs: weights, bonds and permits of n UIDs, and what epochs pay them.

    Arrays are kept for the subnet's life and overwritten: read them, and change them by the methods alone.

    Parameters
    ----------
    n : number of UIDs; those without stake and weights change nothing
    params : hyperparameters; ``emission_rao`` is not read, `run` is told
    kernel : "compiled" or "reference"; None takes the compiled one where there is one

    Attributes
    ----------
    stake : (n,) float64
    permit : (n,) uint8, the validators' permits that the next epoch takes; each epoch renews them
    updated, registered, committed : (n,) int64 blocks: last weights, registration, pending commitment
    bonds : (n, n) uint16, row i those of validator i
    consensus, incentive, dividends, trust : (n,) float64 of the last epoch; ``trust`` is the validators'
    server_rao, validator_rao : (n,) int64, paid by the last call of `run`
    epochs : epochs run so far
    epochs_repeated : of these, with the inputs of the one before: bonds and dividends alone were computed
    epochs_advanced : of these, known in advance: the one before had moved no bond either

    Raises
    ------
    ValueError : a compiled kernel is asked for where there is none
    """

    def __init__(
        self, n: int, params: YumaParams, kernel: Literal["compiled", "reference"] | None = None
    ) -> None:
        if kernel == "compiled" and not kernel_package.COMPILED:
            raise ValueError(f"there is no compiled kernel: {kernel_package.WHY_REFERENCE}")
        self.n = n
        self.stake = np.zeros(n)
        self.permit = np.zeros(n, np.uint8)
        self.updated, self.registered = np.zeros(n, np.int64), np.zeros(n, np.int64)
        self.committed = np.full(n, UNCOMMITTED)
        self.targets, self.values = np.zeros((n, n), np.uint16), np.zeros((n, n), np.uint16)
        self.counts = np.zeros(n, np.int32)
        self.bonds = np.zeros((n, n), np.uint16)
        self.server_rao, self.validator_rao = np.zeros(n, np.int64), np.zeros(n, np.int64)
        self.epochs = self.epochs_repeated = self.epochs_advanced = 0
        self.last_block: int | None = None  # of the last epoch
        self.set_params(params)
        self._core = self._core_of(kernel_package.COMPILED and kernel != "reference")
        self.consensus, self.trust = self._core.consensus, self._core.trust
        self.incentive, self.dividends = self._core.incentive, self._core.dividends
        self._changed = True  # since the last epoch
        self._settled = False  # the last epoch moved no bond
        self._latest = 0  # registration

    def _core_of(self, compiled: bool) -> Any:
        if not compiled:
            return _DefinedEpoch(self)
        from simdai.kernel._yuma import Epoch

        return Epoch(
            self.stake,
            self.permit,
            self.updated,
            self.registered,
            self.committed,
            self.targets,
            self.values,
            self.counts,
            self.bonds,
        )

    def set_params(self, params: YumaParams) -> None:
        """Rule by other hyperparameters from the next epoch on."""
        self.params = params
        self._rules = _Rules.of(params)
        self._changed = True

    def set_stake(self, stake: ArrayLike) -> None:
        """Stake of every UID, (n,) >= 0."""
        if not np.array_equal(self.stake, stake):
            self.stake[:] = stake
            self._changed = True

    def set_weights(
        self, uid: int, targets: ArrayLike, values: ArrayLike, block: int, committed: int | None = None
    ) -> None:
        """Replace the weights of ``uid``: u16 ``values`` for as many different UIDs ``targets``.

        ``committed`` is the block of the commitment these weights were revealed from.
        """
        uids, weights = np.asarray(targets), np.asarray(values)
        count = len(uids)
        row, row_values = self.targets[uid], self.values[uid]
        if not (
            count == self.counts[uid]
            and np.array_equal(row[:count], uids)
            and np.array_equal(row_values[:count], weights)
        ):
            row[:count], row_values[:count], self.counts[uid] = uids, weights, count
            self._changed = True
        self._updated(np.array([uid]), block, committed)

    def set_all_weights(
        self, uids: ArrayLike, weights: NDArray[np.uint16], block: int, committed: int | None = None
    ) -> None:
        """Replace the weights of many validators by the entries above zero of ``weights``, (len(uids), n)."""
        rows = np.asarray(uids, np.int64)
        self._changed |= self._core.write_rows(rows, np.ascontiguousarray(weights, np.uint16))
        self._updated(rows, block, committed)

    def _updated(self, uids: NDArray[np.int64], block: int, committed: int | None) -> None:
        """Note when weights were set; weights set again as they were count as they did, but for new UIDs."""
        before = UNCOMMITTED if committed is None else committed
        if (
            before < self._latest
            or (self.updated[uids] <= self._latest).any()
            or (self.committed[uids] < self._latest).any()
            or (self._core.active[uids] == 0.0).any()
        ):
            self._changed = True
        self.updated[uids], self.committed[uids] = block, before

    def set_bonds(self, bonds: ArrayLike) -> None:
        """Replace all bonds, (n, n) of u16."""
        self.bonds[:] = bonds
        self._core.read_bonds()
        self._changed = True

    def register(self, uid: int, block: int) -> None:
        """A new holder takes ``uid``: its weights, bonds and permit are gone, weights set on it become zero.

        Source: opentensor/subtensor@14bc6f9f9 subnets/uids.rs clear_neuron, 2026-06-30.
        """
        on_it = (self.targets == uid) & (np.arange(self.n) < self.counts[:, None])
        self.values[on_it] = 0
        self.counts[uid] = self.permit[uid] = 0
        self.bonds[uid] = 0
        self.incentive[uid] = self.dividends[uid] = self.trust[uid] = self.consensus[uid] = 0.0
        self.updated[uid] = self.registered[uid] = block
        self.committed[uid] = UNCOMMITTED
        self._latest = max(self._latest, block)
        self._changed = True

    def run(self, block: int, emission_rao: int, epochs: int = 1, tempo: int = 360) -> None:
        """Run ``epochs`` epochs, the first at ``block`` and one each ``tempo`` blocks, on the present inputs.

        Each pays ``emission_rao``; `server_rao` and `validator_rao` hold the sums. The result is that of as
        many single epochs, to the last rao: where an epoch's inputs and bonds are those of the one before, it
        is not computed again.
        """
        self.server_rao.fill(0)
        self.validator_rao.fill(0)
        first_block = block - tempo if self.last_block is None else self.last_block + 1
        left = epochs
        while left > 0:
            until = self._unchanged_until(block)
            if self._settled and block <= until and first_block > self._latest:
                done = min(left, (until - block) // tempo + 1)
                self.epochs_advanced += done
                self.epochs_repeated += done
            else:
                done = 1
                self._epoch(block, first_block, again=block <= until)
            self._core.pay(emission_rao, done, self.server_rao, self.validator_rao)
            self.epochs += done
            left -= done
            self.last_block = block + (done - 1) * tempo
            first_block, block = self.last_block + 1, block + done * tempo

    def _unchanged_until(self, block: int) -> int:
        """Last block at which an epoch has the last one's inputs, bonds aside; -1: not even at ``block``."""
        return -1 if self._changed else int(self._core.oldest_update()) + self._rules.cutoff

    def _epoch(self, block: int, first_block: int, again: bool) -> None:
        moved, self._changed = self._core.run(*self._rules, block, first_block, again)
        self._core.renew_permits()
        self._settled = not moved
        self.epochs_repeated += again


class _DefinedEpoch:
    """`simdai.kernel._yuma.Epoch` by the definition, on the arrays of a subnet."""

    def __init__(self, subnet: SubnetConsensus) -> None:
        n = subnet.n
        self.subnet = subnet
        self.shares, self.active, self.consensus = np.zeros(n), np.zeros(n), np.zeros(n)
        self.incentive, self.dividends, self.trust = np.zeros(n), np.zeros(n), np.zeros(n)
        self.new_permit = np.zeros(n, np.uint8)
        self.server_grains: list[int] = [0] * n
        self.validator_grains: list[int] = [0] * n

    def run(self, *given: Any) -> tuple[bool, bool]:
        """One epoch; ``given`` is what the compiled one takes, but the subnet's ``params`` are the rules."""
        from simdai.mechanisms.yuma import yuma_epoch as definition
        from simdai.mechanisms.yuma_input import ABSENT

        subnet = self.subnet
        block, first_block, _ = given[-3:]
        places = np.arange(subnet.n) < subnet.counts[:, None]
        weights = np.full((subnet.n, subnet.n), ABSENT, np.int64)
        weights[np.nonzero(places)[0], subnet.targets[places]] = subnet.values[places]
        masked = np.where(subnet.registered >= first_block, 0, subnet.bonds).astype(np.int64)
        result = definition(
            {**subnet.params, "emission_rao": 2**32},  # in whole parts of 2^-32
            subnet.n,
            {
                "block": block,
                "last_tempo_block": first_block,
                "stake": subnet.stake,
                "validator_permit": subnet.permit,
                "last_update": subnet.updated,
                "block_at_registration": subnet.registered,
                "weights": weights,
                "bonds_prior": masked,
                "commit_block": subnet.committed.tolist(),
            },
        )
        self.shares[:], self.active[:] = result["stake"], result["active_stake"]
        self.consensus[:], self.trust[:] = result["consensus"], result["validator_trust"]
        self.incentive[:], self.dividends[:] = result["incentive"], result["dividends"]
        self.new_permit[:] = result["new_permit"]
        self.server_grains, self.validator_grains = result["server_emission"], result["validator_emission"]
        subnet.bonds[:] = result["bonds_u16"]
        moved = bool((masked != result["bonds_u16"]).any())
        return moved, not np.array_equal(subnet.permit, self.new_permit)

    def read_bonds(self) -> None:
        """Nothing to do: each epoch reads them all."""

    def write_rows(self, uids: NDArray[np.int64], weights: NDArray[np.uint16]) -> bool:
        subnet = self.subnet
        changed = False
        arrays: list[Any] = [subnet.targets, subnet.values, subnet.counts]
        for held, rows in zip(arrays, compact_rows(weights, weights > 0), strict=True):
            changed |= not np.array_equal(held[uids], rows)
            held[uids] = rows
        return changed

    def renew_permits(self) -> None:
        self.subnet.permit[:] = self.new_permit

    def oldest_update(self) -> int:
        return int(self.subnet.updated[self.active > 0.0].min(initial=UNCOMMITTED))

    def pay(self, emission_rao: int, epochs: int, server_rao: Any, validator_rao: Any) -> None:
        for grains, rao in ((self.server_grains, server_rao), (self.validator_grains, validator_rao)):
            rao += [epochs * (share * emission_rao >> 32) for share in grains]
