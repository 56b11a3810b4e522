"""Randomness by name: one stream a decision, the same luck whatever else a scenario holds."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import ArrayLike, NDArray

GOLDEN = 0x9E3779B97F4A7C15
MASK = 2**64 - 1
FEW = 6  # numbers that are drawn sooner one by one than as an array


def stable_key(*parts: object) -> int:
    """64-bit key of a name, the same on every machine and in every session."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def mix(x: int) -> int:
    """SplitMix64's output function on one word.

    Source: Steele, Lea, Flood (2014), "Fast splittable pseudorandom number generators", OOPSLA; constants of
    Stafford's variant 13.
    """
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def entity_state(key: int, index: int) -> int:
    """Start of the stream of entity ``index`` of the population ``key``.

    The streams are SplitMix64's: 8 bytes an entity and about 1 ns a number, where NumPy's generators take 32
    bytes or more. One stream passes BigCrush and PractRand (github.com/lemire/testingRNG, "TestU01 results"
    and "PractRand results (512 GB)"). What remains is that streams of neighbours be unrelated (the
    statistical tests look at that): they differ in their starts only, and starts that lie a multiple of
    GOLDEN apart, as key + index GOLDEN would, make one a shifted copy of the other. So MurmurHash3's
    finaliser (Appleby 2011), another function than the output function, spreads them over the 2^64 states.
    Two of n entities that draw m numbers each share a stretch with probability below n^2 m / 2^63: 1e-7 for
    10^4 entities with 10^4 draws.
    """
    x = (key + (index + 1) * GOLDEN) & MASK
    x = ((x ^ (x >> 33)) * 0xFF51AFD7ED558CCD) & MASK
    x = ((x ^ (x >> 33)) * 0xC4CEB9FE1A85EC53) & MASK
    return x ^ (x >> 33)


_GOLDEN, _M1, _M2 = np.uint64(GOLDEN), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S11, _S27, _S30, _S31 = (np.uint64(bits) for bits in (11, 27, 30, 31))


def _mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """`mix` of every word, in place."""
    x ^= x >> _S30
    x *= _M1
    x ^= x >> _S27
    x *= _M2
    x ^= x >> _S31
    return x


def _numbers(words: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Numbers in [0, 1) of words, which are used up."""
    words = _mix(words)
    words >>= _S11
    return words.astype(np.float64) * 2.0**-53


def uniforms_from(starts: NDArray[np.uint64], counter: int) -> NDArray[np.float64]:
    """Number ``counter`` of entities, of one stream or of many, by their `EntityStream.starts`."""
    return _numbers(starts + np.uint64(((counter + 1) * GOLDEN) & MASK))


class EntityStream:
    """Uniform numbers of many entities: a pure function of (key, entity, counter).

    Adding or removing an entity changes no other's numbers. An entity's numbers are those of a SplitMix64
    generator that starts where two rounds of its mixing put (key, id): a generator is needed that gives
    number n without those before it. On its quality see :func:`entity_state`.
    """

    def __init__(self, key: int) -> None:
        self.key = key

    def uniforms(self, ids: ArrayLike, counter: int) -> NDArray[np.float64]:
        """Number ``counter`` of each entity.

        Parameters
        ----------
        ids : (n,) int, >= 0, or of any shape
        counter : int, >= 0, for example the day

        Returns
        -------
        float64 in [0, 1), of the shape of ``ids``
        """
        ids = np.asarray(ids)
        if ids.size <= FEW:
            drawn = [self.uniform(entity, counter) for entity in ids.ravel().tolist()]
            return np.array(drawn, dtype=np.float64).reshape(ids.shape)
        return uniforms_from(self.starts(ids), counter)

    def block(self, ids: ArrayLike, first: int, count: int) -> NDArray[np.float64]:
        """Numbers ``first`` to ``first + count - 1`` of each entity, as `uniforms` gives them one by one.

        Parameters
        ----------
        ids : (n,) int, >= 0
        first, count : int, >= 0

        Returns
        -------
        (n, count) float64 in [0, 1)
        """
        counters = np.arange(first + 1, first + count + 1, dtype=np.uint64)
        return _numbers(self.starts(ids)[:, None] + counters * _GOLDEN)

    def starts(self, ids: ArrayLike) -> NDArray[np.uint64]:
        """(n,) where the generators of entities start, for `uniforms_from`: for those who draw often."""
        key = np.uint64(self.key)
        words = np.array(ids, dtype=np.uint64)
        words += key
        words = _mix(words)
        words += key
        return _mix(words)

    def uniform(self, entity: int, counter: int) -> float:
        """Number ``counter`` of one entity, the same as :meth:`uniforms` gives, without arrays."""
        start = mix((mix((entity + self.key) & MASK) + self.key) & MASK)
        return (mix((start + (counter + 1) * GOLDEN) & MASK) >> 11) * 2.0**-53


class Streams:
    """The named streams of one run.

    Two scenarios with the same seed and replication share the streams that have the same names (common random
    numbers). The order in which streams are asked for does not matter.

    Parameters
    ----------
    seed : int, 0 .. 2^64 - 1
    replication : int, 0 .. 2^32 - 1
    luck : int, 0 .. 2^32 - 1
        Zero for the run itself; other numbers give other luck from the same seed (branches).
    """

    def __init__(self, seed: int, replication: int = 0, luck: int = 0) -> None:
        for name, value, bits in (("seed", seed, 64), ("replication", replication, 32), ("luck", luck, 32)):
            if value < 0:
                raise ValueError(f"{name} must be >= 0, got {value}")
            if value >= 2**bits:
                raise ValueError(f"{name} must be below 2^{bits}, got {value}")
        self.seed, self.replication, self.luck = seed, replication, luck
        self._generators: dict[str, np.random.Generator] = {}
        self._entities: dict[str, EntityStream] = {}

    def _sequence(self, name: str) -> np.random.SeedSequence:
        words = np.frombuffer(hashlib.blake2b(name.encode(), digest_size=16).digest(), dtype="<u4")
        # Four words of 32 bits, each with its own meaning: no two runs share them.
        root = [self.seed & 0xFFFFFFFF, self.replication, self.luck, self.seed >> 32]
        return np.random.SeedSequence(root, spawn_key=tuple(int(word) for word in words))

    def bit_generator(self, name: str) -> np.random.SFC64:
        """A new SFC64 generator of the stream ``name``.

        SFC64 is the fastest generator of NumPy that passes PractRand to 32 TiB (Doty-Humphrey, 2014).
        """
        return np.random.SFC64(self._sequence(name))

    def __call__(self, name: str) -> np.random.Generator:
        """The stream ``name``.

        Raises
        ------
        ValueError : the name was asked for before; two decisions would share their luck
        """
        if name in self._generators:
            raise ValueError(f"stream {name!r} was asked for twice; give each decision a name of its own")
        self._generators[name] = np.random.Generator(self.bit_generator(name))
        return self._generators[name]

    def entity(self, *name: str) -> EntityStream:
        """The stream of individual decisions ``name``, for example ``("provider.exit", "gridnet.home")``."""
        joined = ".".join(name)
        if joined in self._entities:
            raise ValueError(
                f"entity stream {joined!r} was asked for twice; give each decision a name of its own"
            )
        self._entities[joined] = EntityStream(self.key("entity", joined))
        return self._entities[joined]

    def key(self, *name: object) -> int:
        """64-bit key of ``name`` in this run."""
        root = (self.seed, self.replication, self.luck) if self.luck else (self.seed, self.replication)
        return stable_key(*root, *name)

    def reseed(self, luck: int) -> None:
        """Give every named stream other luck from here on, in place."""
        self.luck = luck
        for name, generator in self._generators.items():
            generator.bit_generator.state = self.bit_generator(name).state
        for name, stream in self._entities.items():
            stream.key = self.key("entity", name)
