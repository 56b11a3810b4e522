"""Open training over slow links: what is sent, how long a round takes, what the distance costs in quality.

Each peer takes ``inner_steps`` optimiser steps alone, then the peers exchange one compressed update (DiLoCo,
Douillard et al. 2023, arXiv:2311.08105). Bits and bit/s here; seconds throughout.
Arguments outside the range that a docstring states raise ValueError with the name and the range.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from simdai.mechanisms._domain import at_least, non_negative, positive, unit_interval
from simdai.mechanisms.scaling import FLOP_PER_PARAMETER_TOKEN, Law, equivalent_compute_fraction, optimal_loss
from simdai.mechanisms.stragglers import order_statistic_mean, straggler_factor, straggler_heuristic

__all__ = [
    "COMPRESSION_QUALITY",
    "DENSE_BITS",
    "compression_factor",
    "compression_quality",
    "effective_throughput",
    "entry_weight",
    "flop_efficiency",
    "gather_sync_time_s",
    "join_time_s",
    "node_penalty",
    "open_run_duration",
    "order_statistic_mean",
    "payload_bits",
    "pipeline_groups",
    "pipeline_slowdown",
    "pipeline_stages",
    "replica_multiplier",
    "replica_multiplier_global",
    "ring_bandwidth",
    "ring_sync_time_s",
    "round_survival",
    "star_sync_time_s",
    "step_time_s",
    "straggler_factor",
    "straggler_heuristic",
    "sync_time_from_utilisation",
    "utilisation_blocking",
    "utilisation_overlapped",
    "volume_reduction",
]

DENSE_BITS = 32.0
"""Bits of one entry of an uncompressed update."""

COMPRESSION_QUALITY = ((1.0, 1.0), (4.0, 1.0), (16.0, 0.99), (100.0, 0.98), (500.0, 0.95))
"""(ratio against a 16-bit payload, share of compute kept): the expected case of MIRI's decentralized training
report (2026), after Covenant-72B. Nothing above a ratio of 146 against 32 bits has been shown at scale."""


# What is sent
def compression_factor(
    bits_dense: float = 32, bits_sent: float = 32, density: float = 1.0, index_bits: float = 0.0
) -> float:
    """kappa: dense bits over sent bits of an update.

    b / (density (s + x)): a sparse payload sends ``density`` of its entries, value and index.

    Parameters
    ----------
    bits_dense : float, b, bits of a dense entry, above zero
    bits_sent : float, s, bits of a sent value, zero or above
    density : float, share of entries sent, in (0, 1]
    index_bits : float, x, bits that say which entry it is, zero or above

    Returns
    -------
    kappa : float; 4 for int8 (INTELLECT-1), 146.3 for 64 of 4,096 entries at 2 + 12 bits (Covenant-72B)

    Raises
    ------
    ValueError : arguments out of range, or nothing sent
    """
    positive(bits_dense=bits_dense, density=density)
    unit_interval(density=density)
    non_negative(bits_sent=bits_sent, index_bits=index_bits)
    positive(bits_sent_and_index=bits_sent + index_bits)
    return bits_dense / (density * (bits_sent + index_bits))


def volume_reduction(inner_steps: float, kappa: float) -> float:
    """Traffic of one dense exchange a step over traffic of this scheme: H kappa.

    500 in DiLoCo (H = 500), 400 in INTELLECT-1 (H = 100, int8), 4,389 in Covenant-72B. Raises ValueError
    unless ``inner_steps`` is 1 or above and ``kappa`` above zero.
    """
    at_least(1.0, inner_steps=inner_steps)
    positive(kappa=kappa)
    return inner_steps * kappa


def payload_bits(params: float, kappa: float) -> float:
    """Bits of one compressed update: 32 N / kappa."""
    non_negative(params=params)
    positive(kappa=kappa)
    return DENSE_BITS * params / kappa


# Time of a round
def step_time_s(params: float, tokens: float, peak_flops: float, mfu: float) -> float:
    """Seconds of one inner step on one node: 6 N B / (F m), B tokens a node-step."""
    non_negative(params=params, tokens=tokens)
    positive(peak_flops=peak_flops, mfu=mfu)
    unit_interval(mfu=mfu)
    return FLOP_PER_PARAMETER_TOKEN * params * tokens / (peak_flops * mfu)


def utilisation_blocking(t_comp_s: float, t_comm_s: float) -> float:
    """Share of a round spent computing when nodes wait for the exchange: T_c / (T_c + T_s).

    Covenant-72B: 20 minutes and 70 s, 0.945 (arXiv:2603.08163). Raises ValueError unless ``t_comp_s`` is
    above zero and ``t_comm_s`` not negative.
    """
    positive(t_comp_s=t_comp_s)
    non_negative(t_comm_s=t_comm_s)
    return t_comp_s / (t_comp_s + t_comm_s)


def utilisation_overlapped(t_comp_s: float, t_comm_s: float, overhead: float = 0.05) -> float:
    """Share of a round spent computing when fragments are exchanged meanwhile: T_c / max(T_c, T_s) (1 - o).

    Source: Streaming DiLoCo (arXiv:2501.18512); ``overhead`` 0.05 is what its 0.95 at full overlap leaves,
    with 0.02 to 0.05 plausible. Raises ValueError for times out of range or an overhead outside [0, 1].
    """
    positive(t_comp_s=t_comp_s)
    non_negative(t_comm_s=t_comm_s)
    unit_interval(overhead=overhead)
    return t_comp_s / max(t_comp_s, t_comm_s) * (1.0 - overhead)


def sync_time_from_utilisation(t_comp_s: float, utilisation: float) -> float:
    """Seconds of exchange behind a blocking utilisation: T_c (1/U - 1).

    The utilisation may be measured as MFU over the MFU of a node that never communicates. Raises ValueError
    unless ``t_comp_s`` is above zero and ``utilisation`` in (0, 1].
    """
    positive(t_comp_s=t_comp_s, utilisation=utilisation)
    unit_interval(utilisation=utilisation)
    return t_comp_s * (1.0 / utilisation - 1.0)


def ring_sync_time_s(payload_bits: float, nodes: float, bits_per_s: float, latency_s: float = 0.0) -> float:
    """Seconds of a ring all-reduce: 2 (M-1)/M V / bandwidth + 2 (M-1) latency; 0 for one node.

    Parameters
    ----------
    payload_bits : float, V, one node's update [bit], zero or above
    nodes : float, M, 1 or above
    bits_per_s : float, the slower of up- and downlink of the slowest node, above zero
    latency_s : float, one way between neighbours [s], zero or above

    Raises
    ------
    ValueError : arguments out of range

    Notes
    -----
    Assumes that partial sums stay as small as one payload: true for dense payloads, not for sparse ones.
    Source: Patarasuk and Yuan (2009), Journal of Parallel and Distributed Computing 69(2).
    """
    non_negative(payload_bits=payload_bits, latency_s=latency_s)
    at_least(1.0, nodes=nodes)
    positive(bits_per_s=bits_per_s)
    return 2.0 * (nodes - 1.0) * (payload_bits / (nodes * bits_per_s) + latency_s)


def ring_bandwidth(payload_bits: float, nodes: float, seconds: float) -> float:
    """bit/s that makes a ring all-reduce last ``seconds`` at no latency: 2 (M-1)/M V / t."""
    non_negative(payload_bits=payload_bits)
    at_least(1.0, nodes=nodes)
    positive(seconds=seconds)
    return 2.0 * (nodes - 1.0) / nodes * payload_bits / seconds


def star_sync_time_s(
    payload_bits: float,
    up_bits_per_s: float,
    down_bits_per_s: float,
    latency_s: float = 0.0,
    store_s: float = 0.0,
) -> float:
    """Seconds of an exchange through one aggregator that returns a compressed sum: V/u + V/d + 2 l + t_store.

    The aggregator's own links are taken as wide. Raises ValueError for times below zero or links not above.
    """
    non_negative(payload_bits=payload_bits, latency_s=latency_s, store_s=store_s)
    positive(up_bits_per_s=up_bits_per_s, down_bits_per_s=down_bits_per_s)
    return payload_bits / up_bits_per_s + payload_bits / down_bits_per_s + 2.0 * latency_s + store_s


def gather_sync_time_s(
    payload_bits: float, nodes: float, up_bits_per_s: float, down_bits_per_s: float, latency_s: float = 0.0
) -> float:
    """Seconds of an exchange where every node fetches every payload: V/u + M V/d + 2 l.

    Grows with the number of nodes; sparse payloads with different indices leave no other choice without an
    aggregator. Raises ValueError for arguments out of range.
    """
    at_least(1.0, nodes=nodes)
    return star_sync_time_s(payload_bits, up_bits_per_s, down_bits_per_s / nodes, latency_s)


# Leaving and joining nodes
def round_survival(
    availability: npt.ArrayLike, failures_per_s: npt.ArrayLike, round_s: float
) -> npt.NDArray[np.float64]:
    """Probability that a node's round counts: present at the start and alive to the end, a exp(-h t).

    Arrays of nodes are welcome. Raises ValueError for an availability outside [0, 1], or a rate or time below
    zero.
    """
    present, rate = np.asarray(availability, dtype=np.float64), np.asarray(failures_per_s, dtype=np.float64)
    unit_interval(least=float(present.min(initial=1.0)), most=float(present.max(initial=0.0)))
    non_negative(failures_per_s=float(rate.min(initial=0.0)), round_s=round_s)
    return np.asarray(present * np.exp(-rate * round_s))


def join_time_s(params: float, down_bits_per_s: float, bytes_per_param: float = 16.0) -> float:
    """Seconds that a joiner idles while it fetches the state: 8 bytes N / d.

    16 bytes a parameter with the optimiser (mixed-precision Adam: Rajbhandari et al. 2020, arXiv:1910.02054,
    section 3.1), 2 for weights alone.
    """
    non_negative(params=params, bytes_per_param=bytes_per_param)
    positive(down_bits_per_s=down_bits_per_s)
    return 8.0 * bytes_per_param * params / down_bits_per_s


def entry_weight(reward: float, cost: float, beta_p: float) -> float:
    """Entry hazard relative to break-even: exp(beta ln(reward / cost)); 1 where reward equals cost."""
    non_negative(reward=reward)
    positive(cost=cost)
    return float((reward / cost) ** beta_p)


# Models that do not fit a node
def pipeline_stages(params: float, node_bytes: float, bytes_per_param: float = 16.0) -> int:
    """Nodes that must hold one replica together: ceil(16 N / memory of a node), at least 1."""
    positive(params=params, node_bytes=node_bytes, bytes_per_param=bytes_per_param)
    return max(1, math.ceil(bytes_per_param * params / node_bytes))


def pipeline_groups(nodes: int, params: float, node_bytes: float, bytes_per_param: float = 16.0) -> int:
    """Whole replicas that ``nodes`` equal nodes can hold; nodes left over idle, 0 when not even one fits."""
    non_negative(nodes=nodes)
    return nodes // pipeline_stages(params, node_bytes, bytes_per_param)


def pipeline_slowdown(stages: int, microbatches: int) -> float:
    """Step time over that of a full pipeline: (m + S - 1) / m, the bubble of filling and draining.

    Source: Huang et al. (2019), GPipe, arXiv:1811.06965. Exchange of activations comes on top: SWARM measured
    0.60 of full speed, 0.72 compressed, at 100 ms round trip (arXiv:2301.11913).
    """
    at_least(1, stages=stages, microbatches=microbatches)
    return (microbatches + stages - 1) / microbatches


# What the distance costs in quality
def replica_multiplier(params: float, replicas: float, inner_steps: float) -> float:
    """mu: loss with ``replicas`` over loss with one, M**(beta0 ln H / ln 30), beta0 = 1.0923 N**-0.2342.

    1.0145 at 8 replicas of 2.4e9 parameters and H = 30; 1 at H = 1, which is plain data parallelism.

    Parameters
    ----------
    params : float, N, above zero
    replicas : float, M, 1 or above
    inner_steps : float, H, 1 or above

    Raises
    ------
    ValueError : arguments out of range

    Notes
    -----
    MIRI's fit (2026) to table 4 of Charles et al. (2025), arXiv:2503.09799: 3.5e7 to 2.4e9 parameters, up
    to 8 replicas, H = 30. Everything beyond is an extrapolation; the dependence on H is a modelling choice.
    """
    positive(params=params)
    at_least(1.0, replicas=replicas, inner_steps=inner_steps)
    exponent = 1.0923 * params**-0.2342 * math.log(inner_steps) / math.log(30.0)
    return float(replicas**exponent)


def replica_multiplier_global(replicas: float) -> float:
    """mu of the joint fit over all sizes: M**0.0116 at H = 30, whatever the number of parameters.

    Source: Charles et al. (2025), arXiv:2503.09799, table 10: loss 19.226 N**-0.0985 M**0.0116. Harsher than
    `replica_multiplier` above 3e8 parameters. Raises ValueError unless ``replicas`` is 1 or above.
    """
    at_least(1.0, replicas=replicas)
    return float(replicas**0.0116)


def flop_efficiency(multiplier: float, flop: float, k: Law) -> float:
    """phi: equivalent compute over spent compute, capped at 1.

    ((mu L* - E) / (L* - E))**(-1/gamma) with L* the least loss of ``flop``: the compute that reaches the
    spoiled loss on the optimal path, as a share of what was spent.

    Parameters
    ----------
    multiplier : float, mu, loss over the loss of one replica, above zero
    flop : float, compute spent [FLOP], above zero
    k : constants of the scaling law (see `simdai.mechanisms.scaling`)

    Raises
    ------
    ValueError : arguments out of range
    """
    positive(multiplier=multiplier)
    best = optimal_loss(flop, k)
    if multiplier <= 1:
        return 1.0
    return min(1.0, equivalent_compute_fraction(multiplier * best, flop, k))


def node_penalty(nodes: float, power: float = 0.195) -> float:
    """FLOP penalty of the independent rule, M**0.195; phi is its inverse.

    1.5 at 8 nodes and 6 at 10,000: Epoch AI, "How far can decentralized training over the internet scale?"
    (2025-12). Raises ValueError unless ``nodes`` is 1 or above.
    """
    at_least(1.0, nodes=nodes)
    return float(nodes**power)


def compression_quality(kappa: float) -> float:
    """chi: share of compute kept under a compression of ``kappa`` (32-bit dense over sent bits).

    Read at the ratio against a 16-bit payload, kappa / 2, linear in its logarithm between the points of
    `COMPRESSION_QUALITY`, flat outside. Raises ValueError unless ``kappa`` is above zero.
    """
    positive(kappa=kappa)
    ratios, quality = zip(*COMPRESSION_QUALITY, strict=True)
    return float(np.interp(math.log10(kappa / 2.0), np.log10(ratios), quality))


# The whole run
def open_run_duration(
    tokens: float, peers: float, inner_steps: float, sequences: float, sequence_length: float, round_s: float
) -> float:
    """Seconds that a run needs in rounds: tokens / (peers H sequences length) x seconds a round.

    Parameters
    ----------
    tokens : float, tokens to train on, zero or above
    peers : float, peers whose work counts in a mean round, above zero
    inner_steps : float, H, steps a round, 1 or above
    sequences, sequence_length : float, sequences a peer-step and tokens a sequence, above zero
    round_s : float, compute and exchange of a round [s], zero or above

    Returns
    -------
    duration : float [s]; the last round may be partial. Divide by ``round_s`` for rounds, by 86,400 for days.

    Raises
    ------
    ValueError : arguments out of range

    Notes
    -----
    Covenant-72B (arXiv:2603.08163): 1.1e12 tokens, 16.9 peers, H = 30, 192 x 2,048, 1,270 s: about 81 days.
    """
    non_negative(tokens=tokens, round_s=round_s)
    positive(peers=peers, sequences=sequences, sequence_length=sequence_length)
    at_least(1.0, inner_steps=inner_steps)
    return tokens / (peers * inner_steps * sequences * sequence_length) * round_s


def effective_throughput(
    surviving_flops: npt.ArrayLike,
    utilisation: float,
    accepted: float = 1.0,
    verification: float = 0.0,
    phi: float = 1.0,
    chi: float = 1.0,
) -> float:
    """F_eff of an open run in FLOP/s, the speed of a single site that would do as well.

    [sum_i surv_i F_i m_i] x accepted x U x (1 - v) x phi x chi. Times the run's length it is the compute to
    put into a scaling law, with goodput 1.

    Parameters
    ----------
    surviving_flops : array or float, surv_i F_i m_i of each node: `round_survival` x peak x MFU [FLOP/s]
    utilisation : float in [0, 1], share of a round spent computing
    accepted : float in [0, 1], share of the nodes' work that enters the update
    verification : float in [0, 1], v, share of useful compute lost to checks
    phi : float in [0, 1], `flop_efficiency`
    chi : float in [0, 1], `compression_quality`

    Raises
    ------
    ValueError : arguments out of range
    """
    flops = np.asarray(surviving_flops, dtype=np.float64)
    if not np.all(flops >= 0):
        raise ValueError("surviving_flops: must be zero or above for every node")
    unit_interval(utilisation=utilisation, accepted=accepted, verification=verification, phi=phi, chi=chi)
    return float(flops.sum()) * utilisation * accepted * (1.0 - verification) * phi * chi
