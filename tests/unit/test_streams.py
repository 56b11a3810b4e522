"""Randomness has names: the same name gives the same numbers, whatever else is asked for."""

import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from simdai.engine import Environment, Streams, stable_key
from simdai.engine.streams import GOLDEN, MASK, EntityStream, entity_state, mix
from simdai.kernel import COMPILED, JobClassSpec, Law, PoolSpec, VenueSpec, make_market
from simdai.kernel.market_spec import TRACE_KINDS

KERNELS = [
    pytest.param("compiled", marks=pytest.mark.skipif(not COMPILED, reason="there is no compiled kernel")),
    "reference",
]


# -- population streams --------------------------------------------------------------------------------------


def test_a_stream_does_not_depend_on_the_order_in_which_streams_are_asked_for():
    forwards, backwards = Streams(7), Streams(7)
    a, b = forwards("a").random(5), forwards("b").random(5)
    second, first = backwards("b").random(5), backwards("a").random(5)
    assert np.array_equal(a, first) and np.array_equal(b, second)


def test_a_stream_does_not_depend_on_how_much_others_drew():
    alone, busy = Streams(7), Streams(7)
    other = busy("other")
    stream = busy("a")
    other.random(1000)
    assert np.array_equal(alone("a").random(5), stream.random(5))


def test_names_seeds_and_replications_all_give_other_numbers():
    streams = [Streams(7), Streams(8), Streams(7, 1), Streams(8, 1), Streams(7, 0, luck=1)]
    drawn = [tuple(s(name).random(3)) for s in streams for name in ("a", "b", "a.b")]
    assert len(set(drawn)) == len(drawn)


def test_asking_twice_for_a_name_is_an_error():
    streams = Streams(7)
    streams("token.gridnet.noise")
    with pytest.raises(ValueError, match="'token.gridnet.noise' was asked for twice"):
        streams("token.gridnet.noise")


def test_asking_twice_for_an_entity_stream_is_an_error():
    streams = Streams(7)
    streams.entity("provider.exit", "home")
    streams.entity("provider.exit", "cloud")
    with pytest.raises(ValueError, match=r"'provider\.exit\.home' was asked for twice"):
        streams.entity("provider.exit", "home")


@pytest.mark.parametrize("arguments", [(-1,), (1, -1), (1, 0, -1)])
def test_a_negative_seed_is_refused(arguments):
    with pytest.raises(ValueError, match=r"(seed|replication|luck) must be >= 0, got -1"):
        Streams(*arguments)


def test_new_luck_reaches_the_generators_that_were_given_out_already():
    streams, fresh = Streams(7), Streams(7, luck=3)
    generator = streams("a")
    before = generator.random(4)
    streams.reseed(3)
    after = generator.random(4)
    assert np.array_equal(after, fresh("a").random(4))
    assert not np.array_equal(after, before)


def test_keys_do_not_depend_on_the_session():
    imports = "from simdai.engine import Streams, stable_key"
    code = f"{imports}; print(stable_key('a', 1), Streams(3, 4).key('x', 'y'))"
    said = set()
    for seed in ("1", "2"):
        environment = os.environ | {
            "PYTHONHASHSEED": seed,
            "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        }
        child = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
        said.add(child.stdout)
    assert said == {f"{stable_key('a', 1)} {Streams(3, 4).key('x', 'y')}\n"}


def test_the_parts_of_a_key_cannot_run_into_each_other():
    keys = [stable_key(*parts) for parts in (("a", "b"), ("ab",), ("", "ab"), ("a", "", "b"), ("a b",))]
    assert len(set(keys)) == len(keys)


# -- entity streams ------------------------------------------------------------------------------------------


def test_mix_with_its_increment_is_splitmix64():
    """First outputs for the seed 1234567, from https://rosettacode.org/wiki/Pseudo-random_numbers/Splitmix64."""
    printed = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    assert [mix((1234567 + n * GOLDEN) & MASK) for n in range(1, 6)] == printed


def test_the_starts_of_entity_streams_are_spread_by_the_finaliser_of_murmurhash3():
    """fmix64 written out from https://github.com/aappleby/smhasher, MurmurHash3.cpp."""
    for key, index in ((0, 0), (12345, 6), (MASK, 2**40)):
        k = (key + (index + 1) * GOLDEN) % 2**64
        k ^= k >> 33
        k = k * 0xFF51AFD7ED558CCD % 2**64
        k ^= k >> 33
        k = k * 0xC4CEB9FE1A85EC53 % 2**64
        k ^= k >> 33
        assert entity_state(key, index) == k


def test_a_hundred_thousand_entities_start_in_different_places():
    assert len({entity_state(99, index) for index in range(100_000)}) == 100_000


def test_an_entitys_number_does_not_depend_on_the_other_entities():
    stream = EntityStream(42)
    all_of_them = stream.uniforms(np.arange(1000), 5)
    some = np.array([999, 3, 3, 500])
    assert np.array_equal(stream.uniforms(some, 5), all_of_them[some])
    assert stream.uniforms([17], 5)[0] == all_of_them[17]


def test_a_block_holds_the_numbers_that_come_one_by_one():
    stream = EntityStream(2**63 + 5)
    block = stream.block([3, 9, 11], 2**40, 4)
    one_by_one = [stream.uniforms([3, 9, 11], 2**40 + k) for k in range(4)]
    assert np.array_equal(block, np.transpose(one_by_one))


def test_an_entitys_numbers_differ_by_counter_and_by_stream():
    ids = np.arange(100)
    a = EntityStream(1)
    rows = [*(a.uniforms(ids, counter) for counter in range(5)), EntityStream(2).uniforms(ids, 0)]
    assert len(np.unique(rows)) == 600


def test_entity_numbers_lie_in_the_half_open_unit_interval():
    numbers = Streams(3).entity("x").uniforms(np.arange(100_000), 0)
    assert numbers.dtype == np.float64 and numbers.min() >= 0 and numbers.max() < 1


def test_an_entity_stream_is_the_pure_function_of_its_docstring():
    key, entity, counter = 2**63 + 11, 1234, 17
    start = mix((mix((entity + key) & MASK) + key) & MASK)
    word = mix((start + (counter + 1) * GOLDEN) & MASK)
    assert EntityStream(key).uniforms([entity], counter)[0] == (word >> 11) * 2.0**-53


# -- what the kernels make of them ---------------------------------------------------------------------------


def words(start):
    while True:
        start = (start + GOLDEN) & MASK
        yield mix(start)


def unit(word):
    return (word >> 11) / 2**53


def upper_unit(word):
    return ((word >> 11) + 1) / 2**53


def duration(law, numbers):
    """By inversion, as the documentation of ``Law`` has it."""
    if law.kind == "exponential":
        return law.mean * -math.log(upper_unit(next(numbers)))
    if law.kind == "weibull":
        scale = law.mean / math.gamma(1 + 1 / law.shape)
        return scale * math.pow(-math.log(upper_unit(next(numbers))), 1 / law.shape)
    if law.kind == "lognormal":  # Box and Muller (1958)
        normal = math.sqrt(-2 * math.log(upper_unit(next(numbers)))) * math.cos(
            2 * math.pi * unit(next(numbers))
        )
        return math.exp(math.log(law.mean) - law.shape * law.shape / 2 + law.shape * normal)
    return law.mean


LAWS = [
    (Law("exponential", 0.7), Law("exponential", 0.2)),
    (Law("weibull", 0.7, 0.6), Law("lognormal", 0.2, 1.3)),
    (Law("deterministic", 0.7), Law("weibull", 0.2, 2.0)),
]


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("laws", LAWS, ids=lambda laws: f"{laws[0].kind}-{laws[1].kind}")
def test_a_providers_spells_are_those_of_its_own_stream(kernel, laws):
    online, offline = laws
    env = Environment()
    market = make_market(
        env,
        venues=[VenueSpec("venue", "cheapest")],
        pools=[PoolSpec("homes", 0, 0, online=online, offline=offline)],
        job_classes=[],
        streams=Streams(11, 2),
        kernel=kernel,
        trace=True,
    )
    market.add_providers(0, [1, 1, 1])
    env.run(until=20)
    turns = market.trace[np.isin(market.trace["kind"], [TRACE_KINDS.index(k) + 1 for k in ("up", "down")])]
    for index in range(3):
        numbers = words(entity_state(Streams(11, 2).key("market.provider", "homes"), index))
        up = unit(next(numbers)) < online.mean / (online.mean + offline.mean)
        expected, now = [], 0.0
        while True:
            now += duration(online if up else offline, numbers)
            up = not up
            if now >= 20:
                break
            expected.append((now, "up" if up else "down"))
        own = turns[turns["id"] == index]
        assert [(row["time"], TRACE_KINDS[row["kind"] - 1]) for row in own] == expected
        assert len(expected) > 10


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_jobs_numbers_come_from_one_word_drawn_at_its_arrival(kernel):
    """Words 2-3 of a job are its patience, 4-5 its work; in its class's stream the next delay follows."""
    service, patience = Law("lognormal", 0.3, 0.8), Law("weibull", 0.5, 1.5)
    env = Environment()
    market = make_market(
        env,
        venues=[VenueSpec("cloud", "pooled", capacity=1)],
        pools=[],
        job_classes=[JobClassSpec("jobs", 4.0, service, patience=patience)],
        streams=Streams(5),
        kernel=kernel,
        trace=True,
    )
    market.set_shares(0, [1.0])
    env.run(until=30)

    raw = iter(Streams(5).bit_generator("market.jobs.jobs").random_raw(1000).tolist())
    now = -math.log(upper_unit(next(raw))) / 4.0
    arrivals, works, patiences = [], [], []
    while now < 30:
        seed = next(raw)
        arrivals.append(now)
        patiences.append(duration(patience, words(seed + 2 * GOLDEN & MASK)))
        works.append(duration(service, words(seed + 4 * GOLDEN & MASK)))
        now += -math.log(upper_unit(next(raw))) / 4.0

    rows = {kind: market.trace[market.trace["kind"] == TRACE_KINDS.index(kind) + 1] for kind in TRACE_KINDS}
    assert rows["arrive"]["time"].tolist() == arrivals
    started = dict(zip(rows["start"]["id"].tolist(), rows["start"]["time"].tolist(), strict=True))
    assert len(rows["done"]) > 30 and len(rows["renege"]) > 10
    for job, time in zip(rows["done"]["id"].tolist(), rows["done"]["time"].tolist(), strict=True):
        assert time == started[job] + works[job]
    for job, time in zip(rows["renege"]["id"].tolist(), rows["renege"]["time"].tolist(), strict=True):
        assert time == arrivals[job] + patiences[job]


def test_no_two_runs_share_their_root_however_large_the_seed():
    runs = [
        (5, 0, 0),
        (5, 1, 0),
        (5, 0, 1),
        (5 + 2**32, 0, 0),
        (5 + 2**32, 1, 0),
        (5 + 2**33, 0, 0),
        (0, 5, 0),
    ]
    first = [Streams(seed, replication, luck)("x").random() for seed, replication, luck in runs]
    assert len(set(first)) == len(runs)
    with pytest.raises(ValueError, match=r"replication must be below 2\^32"):
        Streams(1, 2**32)


def test_fresh_luck_renews_generators_and_entities_in_place():
    streams, other = Streams(3), Streams(3, luck=2)
    generator, entity = streams("a"), streams.entity("b")
    streams.reseed(2)
    assert generator.random() == other("a").random()
    assert entity.uniforms([0, 1], 4).tolist() == other.entity("b").uniforms([0, 1], 4).tolist()
