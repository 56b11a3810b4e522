"""Scaling laws: what loss and what quality index a training budget buys.

A law is the set of constants of ``L(N, D) = E + A / N**alpha + B / D**beta`` (nats per token, N parameters,
D tokens). Wherever an argument is called ``k`` it may be a `ChinchillaLaw`, a mapping with the keys ``A``,
``B``, ``alpha``, ``beta``, ``E`` (other keys are ignored), or any object with attributes of these names.
Arguments outside the range that a docstring states raise ValueError with the name and the range.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from simdai.mechanisms._domain import at_least, finite, non_negative, positive, unit_interval

__all__ = [
    "BESIROGLU_2024",
    "FLOP_PER_PARAMETER_TOKEN",
    "HOFFMANN_2022",
    "HOFFMANN_2022_ROUNDED",
    "PARAMS_EXPONENT_HOFFMANN_APPROACH_1",
    "PARAMS_EXPONENT_KAPLAN",
    "REPETITION_SCALE",
    "Allocation",
    "ChinchillaLaw",
    "benchmark_accuracy",
    "compute_exponent",
    "domain_quality",
    "effective_tokens",
    "elo_win_probability",
    "equivalent_compute_fraction",
    "index_from_compute",
    "index_points_per_loss_factor",
    "loss",
    "optimal_allocation",
    "optimal_budget",
    "optimal_loss",
    "overtrained_allocation",
    "overtraining_factor",
    "params_exponent",
    "post_training_multiplier",
    "research_input",
    "software_headroom",
    "software_log_growth",
    "software_step",
    "training_flop",
]

FLOP_PER_PARAMETER_TOKEN = 6.0
"""Forward and backward pass of a dense transformer, Kaplan et al. (2020), arXiv:2001.08361, section 2.1."""

REPETITION_SCALE = 15.4
"""R*_D of Muennighoff et al. (2023), arXiv:2305.16264: over so many repetitions a repeated token is worth, on
average, 1 - 1/e of a fresh one. Their appendix A prints the fit as 15.387756."""

PARAMS_EXPONENT_KAPLAN = 0.73
"""d ln N / d ln C of Kaplan et al. (2020), as quoted in Hoffmann et al. (2022), arXiv:2203.15556, table 2."""

PARAMS_EXPONENT_HOFFMANN_APPROACH_1 = 0.50
"""d ln N / d ln C of Hoffmann et al. (2022), approach 1 (envelope of training curves), table 2."""


@dataclass(frozen=True)
class ChinchillaLaw:
    """Constants of ``L(N, D) = E + A / N**alpha + B / D**beta``, nats.

    Parameters
    ----------
    A, B : float, above zero, the parameter and the data term at N = 1 and D = 1 [nats]
    alpha, beta : float, above zero, exponents [1]
    E : float, loss that no compute removes [nats]
    source : where the constants are printed

    Raises
    ------
    ValueError : a constant that must be above zero is not
    """

    A: float
    B: float
    alpha: float
    beta: float
    E: float
    source: str = ""

    def __post_init__(self) -> None:
        positive(A=self.A, B=self.B, alpha=self.alpha, beta=self.beta)
        finite(E=self.E)


BESIROGLU_2024 = ChinchillaLaw(
    A=482.01,
    B=2085.43,
    alpha=0.3478,
    beta=0.3658,
    E=1.8172,
    source="Besiroglu et al. (2024), arXiv:2404.10102v2 (2024-05-24); s.e. 124.58, 1293.23, 0.02, 0.02, 0.03",
)
"""Replication of the Chinchilla fit: agrees with the 20 tokens per parameter of Chinchilla itself."""

HOFFMANN_2022 = ChinchillaLaw(
    A=406.4,
    B=410.7,
    alpha=0.3392,
    beta=0.2849,
    E=1.6934,
    source="Hoffmann et al. (2022), arXiv:2203.15556, TeX source, as quoted by arXiv:2404.10102",
)
"""Approach 3 with the digits of the TeX source."""

HOFFMANN_2022_ROUNDED = ChinchillaLaw(
    A=406.4,
    B=410.7,
    alpha=0.34,
    beta=0.28,
    E=1.69,
    source="Hoffmann et al. (2022), arXiv:2203.15556, equation 10 as printed",
)
"""Approach 3 as printed. For comparison only: the rounding biases the optimal allocation."""

Law = ChinchillaLaw | Mapping[str, Any] | Any


class Allocation(NamedTuple):
    """How a budget is spent: ``params`` parameters trained on ``tokens`` tokens."""

    params: float
    tokens: float


def _law(k: Law) -> ChinchillaLaw:
    if isinstance(k, ChinchillaLaw):
        return k
    names = ("A", "B", "alpha", "beta", "E")
    if isinstance(k, Mapping):
        missing = [name for name in names if name not in k]
        found = {name: k[name] for name in names if name in k}
    else:
        missing = [name for name in names if not hasattr(k, name)]
        found = {name: getattr(k, name) for name in names if hasattr(k, name)}
    if missing:
        raise ValueError(f"a scaling law needs A, B, alpha, beta and E; missing: {', '.join(missing)}")
    return ChinchillaLaw(**found)


def training_flop(params: float, tokens: float) -> float:
    """Training compute C = 6 N D, FLOP.

    Dense models; attention over the context and embeddings are left out. For a mixture of experts ``params``
    are the active parameters. Raises ValueError for negative arguments. Source: Kaplan et al. (2020), 2.1.
    """
    non_negative(params=params, tokens=tokens)
    return FLOP_PER_PARAMETER_TOKEN * params * tokens


def loss(params: float, tokens: float, k: Law) -> float:
    """Loss of ``params`` parameters trained on ``tokens`` tokens, nats per token.

    Fitted on 7e7 to 1.6e10 parameters and 5e9 to 5e11 tokens of one corpus; beyond, it is an extrapolation,
    and losses of different tokenizers or corpora do not compare. Raises ValueError unless both are positive.
    Source: Hoffmann et al. (2022), equation 2.
    """
    positive(params=params, tokens=tokens)
    law = _law(k)
    return float(law.E + law.A / params**law.alpha + law.B / tokens**law.beta)


def compute_exponent(k: Law) -> float:
    """gamma = alpha beta / (alpha + beta): reducible loss falls as C**-gamma on the optimal path."""
    law = _law(k)
    return law.alpha * law.beta / (law.alpha + law.beta)


def params_exponent(k: Law) -> float:
    """d ln N / d ln C = beta / (alpha + beta) on the optimal path (Hoffmann et al. 2022, equation 4)."""
    law = _law(k)
    return law.beta / (law.alpha + law.beta)


def _optimal_scale(law: ChinchillaLaw) -> float:
    """G of Hoffmann et al. (2022), equation 4: N = G (C/6)**(beta/(alpha+beta))."""
    return float((law.alpha * law.A / (law.beta * law.B)) ** (1.0 / (law.alpha + law.beta)))


def optimal_allocation(flop: float, k: Law) -> Allocation:
    """Compute-optimal (parameters, tokens) for a budget in FLOP, with C = 6 N D.

    The minimum of `loss` on the budget. Both are real numbers, not rounded. Raises ValueError unless
    ``flop`` is above zero. Source: Hoffmann et al. (2022), equation 4.
    """
    positive(flop=flop)
    law = _law(k)
    pairs = flop / FLOP_PER_PARAMETER_TOKEN
    params = _optimal_scale(law) * pairs ** params_exponent(law)
    return Allocation(params, pairs / params)


def optimal_budget(params: float, k: Law) -> float:
    """FLOP at which ``params`` parameters are compute-optimal; the inverse of `optimal_allocation`."""
    positive(params=params)
    law = _law(k)
    return float(FLOP_PER_PARAMETER_TOKEN * (params / _optimal_scale(law)) ** (1.0 / params_exponent(law)))


def optimal_loss(flop: float, k: Law) -> float:
    """Least loss L*(C) that a budget in FLOP can reach, nats: E + K (C/6)**-gamma."""
    return loss(*optimal_allocation(flop, k), k)


def equivalent_compute_fraction(value: float, flop: float, k: Law) -> float:
    """Compute, as a fraction of ``flop``, that reaches the loss ``value`` on the optimal path.

    ((value - E) / (L*(flop) - E))**(-1/gamma): 1 at the optimum, below 1 for a worse loss, above 1 for a
    better one (not capped). Steep: gamma is near 0.18, so 1 % of reducible loss is 5.6 % of compute.

    Parameters
    ----------
    value : float, loss reached [nats], above the law's E
    flop : float, compute to compare with, above zero
    k : constants of the law

    Raises
    ------
    ValueError : ``value`` is not above E, which no compute reaches
    """
    law = _law(k)
    if not value > law.E:
        raise ValueError(f"value = {value!r}: must be above the irreducible loss {law.E!r}")
    reducible = optimal_loss(flop, law) - law.E
    return float(((value - law.E) / reducible) ** (-1.0 / compute_exponent(law)))


def overtraining_factor(params: float, tokens: float, k: Law) -> float:
    """o = (D/N) / (D/N)_optimal at the same compute: above 1 for a small model on many tokens."""
    best = optimal_allocation(training_flop(params, tokens), k)
    return (tokens / params) / (best.tokens / best.params)


def overtrained_allocation(flop: float, factor: float, k: Law) -> Allocation:
    """Allocation of the same compute with ``factor`` times the optimal tokens per parameter.

    N = N_opt / sqrt(o), D = D_opt sqrt(o). A model that will be served much is trained past the optimum.
    Raises ValueError unless both are above zero.
    """
    positive(factor=factor)
    best = optimal_allocation(flop, k)
    return Allocation(best.params / math.sqrt(factor), best.tokens * math.sqrt(factor))


def effective_tokens(tokens: float, unique_tokens: float, scale: float = REPETITION_SCALE) -> float:
    """Fresh tokens that ``tokens`` drawn from ``unique_tokens`` are worth.

    D up to U; then U (1 + R* (1 - exp(-(D/U - 1)/R*))), which never exceeds U (1 + R*).

    Parameters
    ----------
    tokens : float, D, tokens seen in training, zero or above
    unique_tokens : float, U, above zero
    scale : float, R*, repetitions after which a repeat is worth 1/e of a fresh token

    Raises
    ------
    ValueError : arguments out of range

    Notes
    -----
    Fitted on up to 9e9 parameters and 9e11 training tokens. The companion discount for excess parameters is
    left out. Source: Muennighoff et al. (2023), arXiv:2305.16264, section 3.1.
    """
    non_negative(tokens=tokens)
    positive(unique_tokens=unique_tokens, scale=scale)
    if tokens <= unique_tokens:
        return tokens
    repeats = tokens / unique_tokens - 1.0
    return unique_tokens * (1.0 - scale * math.expm1(-repeats / scale))


def index_points_per_loss_factor(points_per_oom: float, gamma: float, factor: float) -> float:
    """Index points gained when the reducible loss is divided by ``factor``: (k / gamma) log10(factor).

    ``points_per_oom`` are index points per tenfold effective compute. Raises ValueError unless ``gamma`` and
    ``factor`` are above zero.
    """
    positive(gamma=gamma, factor=factor)
    finite(points_per_oom=points_per_oom)
    return points_per_oom / gamma * math.log10(factor)


def index_from_compute(points_per_oom: float, compute_ratio: float) -> float:
    """Index points gained for a ratio of effective compute: k log10(ratio); negative below 1."""
    positive(compute_ratio=compute_ratio)
    finite(points_per_oom=points_per_oom)
    return points_per_oom * math.log10(compute_ratio)


def domain_quality(index: float, domain_tokens: float, gain: float, scale_tokens: float) -> float:
    """Index inside a domain after fine-tuning on ``domain_tokens``: q + f ln(1 + T/T0).

    Parameters
    ----------
    index : float, q, the general index of the base model [points]
    domain_tokens : float, T, zero or above [tokens, or tasks]
    gain : float, f [points per e-fold]
    scale_tokens : float, T0, above zero, same unit as T

    Raises
    ------
    ValueError : arguments out of range

    Notes
    -----
    A modelling choice: diminishing returns without a ceiling. Do not use beyond a few e-folds of T0.
    """
    non_negative(domain_tokens=domain_tokens)
    positive(scale_tokens=scale_tokens)
    return index + gain * math.log1p(domain_tokens / scale_tokens)


def post_training_multiplier(pretraining_flop: float, post_training_flop: float) -> float:
    """Factor of effective compute from post-training: 10**(C_RL / (2 (C_RL + C))), from 1 to sqrt(10).

    A modelling choice: half an order of magnitude when post-training takes the whole budget. Raises
    ValueError for negative arguments or when both are zero.
    """
    non_negative(pretraining_flop=pretraining_flop, post_training_flop=post_training_flop)
    total = pretraining_flop + post_training_flop
    positive(total_flop=total)
    return float(10.0 ** (0.5 * post_training_flop / total))


def benchmark_accuracy(index: float, difficulty: float, slope: float = 0.1, floor: float = 0.0) -> float:
    """Share of a benchmark's questions answered: c + (1 - c) / (1 + exp(-slope (index - difficulty))).

    The three-parameter item response curve (Birnbaum 1968); two-parameter at ``floor`` 0.

    Parameters
    ----------
    index, difficulty : float [index points]; at difficulty the answer is half way between floor and 1
    slope : float [1 per point]
    floor : float in [0, 1], share guessed right (0.25 for four choices)

    Raises
    ------
    ValueError : floor outside [0, 1], another argument that is not a finite number
    """
    unit_interval(floor=floor)
    finite(index=index, difficulty=difficulty, slope=slope)
    return floor + (1.0 - floor) * _logistic(slope * (index - difficulty))


def _logistic(x: float) -> float:
    """1 / (1 + exp(-x)) without overflow on either side."""
    if x >= 0:
        return 1.0 / (1.0 + math.exp(-x))
    power = math.exp(x)
    return power / (1.0 + power)


def elo_win_probability(delta: float) -> float:
    """Probability that the side rated ``delta`` Elo points higher wins: 1 / (1 + 10**(-delta/400)).

    Ties count half. Source: Elo (1978), with the logistic curve and the scale of 400 that arenas use.
    """
    finite(delta=delta)
    return _logistic(delta * math.log(10.0) / 400.0)


def research_input(labour: float, experiment_compute: float, compute_share: float, rho: float) -> float:
    """Research input of labour and experiment compute, constant elasticity of substitution.

    I = ((1 - a) L**rho + a X**rho)**(1/rho), and L**(1-a) X**a at rho = 0. The elasticity is 1/(1 - rho).

    Parameters
    ----------
    labour : float, L, above zero [full-time researchers]
    experiment_compute : float, X, above zero (for the Full Takeoff Model: H100e of experiments to the 0.4)
    compute_share : float, a, in [0, 1]
    rho : float, at most 1

    Raises
    ------
    ValueError : arguments out of range

    Notes
    -----
    Source: Davidson (2023), Full Takeoff Model: a = 0.3, rho = -0.01 as best guess.
    """
    positive(labour=labour, experiment_compute=experiment_compute)
    unit_interval(compute_share=compute_share)
    if not rho <= 1:
        raise ValueError(f"rho = {rho!r}: must be 1 or below")
    if rho == 0:
        return float(labour ** (1.0 - compute_share) * experiment_compute**compute_share)
    mix = (1.0 - compute_share) * labour**rho + compute_share * experiment_compute**rho
    return float(mix ** (1.0 / rho))


def software_step(software: float, input_ratio: float, returns: float, ceiling: float = 1.0) -> float:
    """Software multiplier after the cumulative adjusted input Q grew by ``input_ratio``: A ratio**(r ceil).

    Exact for d ln A / d ln Q = r ceil while ``ceiling`` (1 far below the limit, 0 at it) holds over the step.
    Raises ValueError unless ``software`` is above zero, the ratio is 1 or above and the ceiling in [0, 1].
    Source: Davidson (2023), Full Takeoff Model.
    """
    positive(software=software)
    at_least(1.0, input_ratio=input_ratio)
    unit_interval(ceiling=ceiling)
    return float(software * input_ratio ** (returns * ceiling))


def software_headroom(log_software: float, log_limit: float) -> float:
    """Share of the orders of magnitude of software that are left: 1 at the start, 0 at the limit.

    ``ceiling`` of `software_step`: (ln A_max - ln A) / (ln A_max - ln A_0) with ln A counted from ln A_0 = 0.

    Parameters
    ----------
    log_software : float, ln A; the result is 1 below 0 and 0 above the limit
    log_limit : float, ln A_max / A_0, above zero (the Full Takeoff Model takes ln 1e12)

    Raises
    ------
    ValueError : ``log_limit`` not above zero
    """
    positive(log_limit=log_limit)
    return min(1.0, max(0.0, 1.0 - log_software / log_limit))


def software_log_growth(returns: float, penalty: float, input_log_growth: float) -> float:
    """d ln A / dt per year on the balanced path: returns x penalty x growth of research input.

    On that path the cumulative input grows at ``penalty`` times the growth of the input.

    Parameters
    ----------
    returns : float, r, d ln A / d ln Q
    penalty : float, exponent of the input in dQ/dt = I**penalty (parallel work duplicates)
    input_log_growth : float, d ln I / dt [1/yr]

    Notes
    -----
    The Full Takeoff Model's r = 1.25, penalty 0.7 and input growth 0.2/yr give 0.175/yr, six times slower
    than the halving of required compute in 8 months (1.04/yr; Ho et al. 2024, arXiv:2403.05812).
    """
    finite(returns=returns, penalty=penalty, input_log_growth=input_log_growth)
    return returns * penalty * input_log_growth
