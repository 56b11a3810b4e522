"""The streams of thousands of entities are as good as one good generator, along and across entities.

SplitMix64 itself has been through BigCrush and PractRand; what those do not look at is what is done here:
many short streams that start where ``entity_state`` puts them, read side by side. The battery gives 31
probabilities for a sequence ("too even" counts as too uneven does); none may be below 1e-6. Were the seeds
free, one run of this file in about 2,000 would fail.
"""

import math

import numpy as np
import pytest
from scipy import stats

from simdai.engine import Streams
from simdai.engine.streams import GOLDEN, entity_state

pytestmark = pytest.mark.statistical

ENTITIES, DRAWS = 4096, 256
LIMIT = 1e-6


def mixed(x):
    """SplitMix64's output function on an array."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def words_from(starts, draws=DRAWS):
    """(entities, draws) words of SplitMix64 streams with these starts."""
    steps = np.arange(1, draws + 1, dtype=np.uint64) * np.uint64(GOLDEN)
    return mixed(np.asarray(starts, dtype=np.uint64)[:, None] + steps)


def entity_words(key, n=ENTITIES, draws=DRAWS):
    return words_from([entity_state(key, index) for index in range(n)], draws)


# -- the battery: each test takes uniform 32-bit words and gives probabilities of something more extreme -----


def chi_square(counts, expected):
    """Both tails: too uneven and too even."""
    value = ((counts - expected) ** 2 / expected).sum()
    p = stats.chi2.sf(value, len(counts) - 1)
    return 2 * min(p, 1 - p)


def bits(w):
    ones = np.array([(w >> np.uint32(bit) & np.uint32(1)).sum() for bit in range(32)])
    z = (ones - len(w) / 2) / math.sqrt(len(w) / 4)
    return stats.chi2.sf((z**2).sum(), 32)


def cells(w, shift):
    """One byte of each word."""
    counts = np.bincount((w >> np.uint32(shift)) & np.uint32(255), minlength=256)
    return chi_square(counts, len(w) / 256)


def serial(w, dimensions, bits_each, low):
    """Successive words as points of a cube of equal cells, by their upper or lower bits."""
    part = (w & np.uint32(2**bits_each - 1)) if low else (w >> np.uint32(32 - bits_each))
    points = part[: len(part) // dimensions * dimensions].reshape(-1, dimensions).astype(np.int64)
    cell = points @ (2 ** (bits_each * np.arange(dimensions)))
    n_cells = 2 ** (bits_each * dimensions)
    return chi_square(np.bincount(cell, minlength=n_cells), len(points) / n_cells)


def gaps(w):
    """Knuth's gap test: how long it takes to come back to [0, 1/16)."""
    visits = np.flatnonzero(w < 2**28)
    gap = np.minimum(np.diff(visits) - 1, 80)
    share = np.append((15 / 16) ** np.arange(80) / 16, (15 / 16) ** 80)
    return chi_square(np.bincount(gap, minlength=81), len(gap) * share)


def runs(w):
    """Wald and Wolfowitz: the number of runs above and below the middle."""
    high = w >= 2**31
    n1 = int(high.sum())
    n0 = len(w) - n1
    n_runs = 1 + int((high[1:] != high[:-1]).sum())
    mean = 1 + 2 * n0 * n1 / len(w)
    variance = (mean - 1) * (mean - 2) / (len(w) - 1)
    return 2 * stats.norm.sf(abs(n_runs - mean) / math.sqrt(variance))


def orders(w):
    """The 120 orders of five successive words are equally likely."""
    order = np.argsort(w[: len(w) // 5 * 5].reshape(-1, 5), axis=1)
    code = order @ (5 ** np.arange(5))
    _, counts = np.unique(code, return_counts=True)
    assert len(counts) <= 120
    counts = np.append(counts, np.zeros(120 - len(counts)))
    return chi_square(counts, len(order) / 120)


def largest_of_eight(w):
    """The largest of eight uniform numbers has distribution x^8."""
    largest = (w[: len(w) // 8 * 8].reshape(-1, 8).max(axis=1).astype(float) + 0.5) / 2**32
    return stats.kstest(largest**8, "uniform").pvalue


def birthday_spacings(w):
    """Marsaglia: equal spacings among 1024 birthdays in 2^26 days are Poisson with mean 2^30 / 2^28 = 4."""
    n = len(w) // 1024
    days = np.sort(w[: n * 1024].reshape(n, 1024) >> np.uint32(6), axis=1).astype(np.int64)
    spacings = np.sort(np.diff(days, axis=1), axis=1)
    total = int((np.diff(spacings, axis=1) == 0).sum())
    return min(1.0, 2 * min(stats.poisson.cdf(total, 4 * n), stats.poisson.sf(total - 1, 4 * n)))


def hamming_weights(w):
    weight = np.bitwise_count(w)
    expected = stats.binom.pmf(np.arange(33), 32, 0.5) * len(w)
    few = expected < 10
    counts = np.bincount(weight, minlength=33).astype(float)
    return chi_square(
        np.append(counts[~few], counts[few].sum()), np.append(expected[~few], expected[few].sum())
    )


def hamming_correlation(w, lag):
    weight = np.bitwise_count(w) - 16.0
    return correlation_p(weight[:-lag], weight[lag:], 8.0)


def correlation(w, lag):
    u = w / 2**32 - 0.5
    return correlation_p(u[:-lag], u[lag:], 1 / 12)


def correlation_p(a, b, variance):
    z = (a * b).sum() / (variance * math.sqrt(len(a)))
    return 2 * stats.norm.sf(abs(z))


def matrix_ranks(w):
    """Rank of 32 x 32 binary matrices: 32, 31, less: 0.2888, 0.5776, 0.1336 (Marsaglia, Tsay 1985)."""
    counts = np.zeros(3)
    for rows in w[: 32 * 600].reshape(-1, 32).tolist():
        rank, rest = 0, rows
        while rest:
            pivot = rest.pop()
            if pivot:
                rank += 1
                low = pivot & -pivot
                rest = [row ^ pivot if row & low else row for row in rest]
        counts[32 - rank if rank > 30 else 2] += 1
    return chi_square(counts, 600 * np.array([0.2887880952, 0.5775761902, 0.1336357146]))


def battery(w):
    """Name of a test to its probability, for a sequence of uniform 32-bit words."""
    w = np.ascontiguousarray(w, dtype=np.uint32)
    out = {
        "bits": bits(w),
        "gaps": gaps(w),
        "runs": runs(w),
        "orders of five": orders(w),
        "largest of eight": largest_of_eight(w),
        "birthday spacings": birthday_spacings(w),
        "birthday spacings, low bits": birthday_spacings(w << np.uint32(6)),
        "hamming weights": hamming_weights(w),
        "matrix ranks": matrix_ranks(w),
    }
    out |= {f"byte {shift // 8}": cells(w, shift) for shift in (0, 8, 16, 24)}
    for dimensions, bits_each in ((2, 6), (3, 4), (4, 3)):
        for low in (False, True):
            name = f"serial {dimensions} x {bits_each} {'low' if low else 'high'} bits"
            out[name] = serial(w, dimensions, bits_each, low)
    out |= {f"correlation, lag {lag}": correlation(w, lag) for lag in (1, 2, 3, 4, 8, 16, 64, 256)}
    out |= {f"hamming correlation, lag {lag}": hamming_correlation(w, lag) for lag in (1, 2, 4, 256)}
    return out


def failures(w):
    return {name: p for name, p in battery(w).items() if not p > LIMIT}


def halves(words):
    """The upper and the lower 32 bits of 64-bit words, in turn."""
    return np.ascontiguousarray(words).view(np.uint32)


# -- the entities' streams -----------------------------------------------------------------------------------

KEYS = {
    "one population": Streams(20261122).key("market.provider", "gridnet.home"),
    "another seed": Streams(1).key("market.provider", "gridnet.home"),
    "key zero": 0,
}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_numbers_along_each_entity_pass_the_battery(key):
    assert failures(halves(entity_words(key).ravel())) == {}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_the_same_number_of_neighbouring_entities_passes_the_battery(key):
    """All first numbers, then all second numbers, and so on: what a population draws at once."""
    assert failures(halves(entity_words(key).T.ravel())) == {}


def test_first_numbers_of_a_million_entities_pass_the_battery():
    """Only the first number of each: nothing but the spreading of the starts is at work."""
    index = np.arange(1, 2**20 + 1, dtype=np.uint64)
    x = np.uint64(KEYS["one population"]) + index * np.uint64(GOLDEN)
    for shift, factor in ((33, 0xFF51AFD7ED558CCD), (33, 0xC4CEB9FE1A85EC53)):
        x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
    starts = x ^ (x >> np.uint64(33))
    assert starts[:9].tolist() == [entity_state(KEYS["one population"], i) for i in range(9)]
    assert failures(halves(words_from(starts, 1).ravel())) == {}


def test_populations_with_neighbouring_keys_pass_the_battery_when_mixed():
    mixture = np.stack([entity_words(key, 1024) for key in (5, 6, 7, 8)], axis=-1)
    assert failures(halves(mixture.ravel())) == {}


def test_no_word_appears_twice_in_a_million():
    """Two streams on the same stretch would repeat words; by chance that has probability 3e-8 here."""
    words = entity_words(KEYS["one population"])
    assert len(np.unique(words)) == words.size == 2**20


@pytest.mark.parametrize("apart", [1, 2, 3, 7, 64, 1024])
def test_entities_are_uncorrelated_with_their_neighbours_at_every_lag(apart):
    u = (entity_words(KEYS["one population"]) >> np.uint64(11)) * 2.0**-53 - 0.5
    for lag in range(-8, 9):
        a, b = u[:-apart], u[apart:]
        first, second = (a[:, lag:], b[:, : DRAWS - lag]) if lag >= 0 else (a[:, :lag], b[:, -lag:])
        z = (first * second).sum() * 12 / math.sqrt(first.size)
        assert abs(z) < 5, f"lag {lag}"  # 1 in 1.7 million


def test_exponential_spells_have_the_moments_of_their_law():
    u = ((entity_words(KEYS["one population"]) >> np.uint64(11)).astype(float) + 1) * 2.0**-53
    x = -np.log(u)
    n = x.size
    for power, moment in ((1, 1), (2, 2), (3, 6), (4, 24)):
        spread = math.sqrt((math.factorial(2 * power) - moment**2) / n)  # E x^k = k!
        assert abs((x**power).mean() - moment) < 5 * spread
    assert 5 * math.sqrt(1 / n) < 0.01, "too noisy to say anything"


def test_means_of_single_entities_spread_as_sums_of_independent_spells_do():
    """The sum of an entity's 256 exponential spells has the gamma distribution of shape 256."""
    for key in KEYS.values():
        u = ((entity_words(key) >> np.uint64(11)).astype(float) + 1) * 2.0**-53
        p = stats.kstest(-np.log(u).sum(axis=1), stats.gamma(DRAWS).cdf).pvalue
        assert p > LIMIT


def test_decisions_of_entities_pass_the_battery_along_and_across():
    stream = Streams(20261122).entity("provider.exit", "gridnet.home")
    table = np.array([stream.uniforms(np.arange(2048), counter) for counter in range(512)])
    assert failures((table.ravel() * 2**32).astype(np.uint32)) == {}
    assert failures((table.T.ravel() * 2**32).astype(np.uint32)) == {}


def test_named_streams_pass_the_battery_when_mixed():
    streams = Streams(20261122)
    rows = [streams(f"market.jobs.segment{i}").bit_generator.random_raw(2**15) for i in range(16)]
    assert failures(halves(np.stack(rows, axis=-1).ravel())) == {}


# -- the battery can tell bad from good ----------------------------------------------------------------------


def test_the_battery_refuses_generators_that_are_known_to_be_bad():
    n = 2**19
    weyl = (np.arange(n, dtype=np.uint64) * np.uint64(GOLDEN) >> np.uint64(32)).astype(np.uint32)
    assert len(failures(weyl)) > 10
    state, randu = 1, np.empty(n, dtype=np.uint32)
    for i in range(n):  # IBM's RANDU: its triples lie in 15 planes
        state = 65539 * state % 2**31
        randu[i] = state * 2
    assert {"serial 3 x 4 high bits", "bits"} <= failures(randu).keys()


def test_the_battery_refuses_neighbours_that_share_shifted_stretches():
    """Starts a multiple of GOLDEN apart: why ``entity_state`` ends with a finaliser."""
    with np.errstate(over="ignore"):
        starts = np.arange(ENTITIES, dtype=np.uint64) * np.uint64(GOLDEN)
        words = words_from(starts)
    assert len(np.unique(words)) < words.size / 100
    assert failures(halves(words.ravel())) != {}
