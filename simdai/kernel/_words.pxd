"""Random words and what is made of them; the same operations as ``market_reference``."""

from libc.math cimport cos, exp, log, pow, sqrt
from libc.stdint cimport int64_t, uint64_t

cdef extern from "numpy/random/bitgen.h" nogil:
    ctypedef struct bitgen_t:
        void* state
        uint64_t (*next_uint64)(void* state) noexcept nogil

cdef enum:
    EXPONENTIAL = 0
    WEIBULL = 1
    LOGNORMAL = 2

ctypedef struct LawConstants:
    int code
    double a, b

cdef inline uint64_t golden() noexcept nogil:
    return <uint64_t>0x9E3779B97F4A7C15

cdef inline uint64_t mix(uint64_t x) noexcept nogil:
    x = (x ^ (x >> 30)) * <uint64_t>0xBF58476D1CE4E5B9
    x = (x ^ (x >> 27)) * <uint64_t>0x94D049BB133111EB
    return x ^ (x >> 31)

cdef inline uint64_t entity_state(uint64_t key, int64_t index) noexcept nogil:
    cdef uint64_t x = key + <uint64_t>(index + 1) * golden()
    x = (x ^ (x >> 33)) * <uint64_t>0xFF51AFD7ED558CCD
    x = (x ^ (x >> 33)) * <uint64_t>0xC4CEB9FE1A85EC53
    return x ^ (x >> 33)

cdef inline double unit(uint64_t word) noexcept nogil:
    return <double>(word >> 11) * 1.1102230246251565e-16

cdef inline double open_unit(uint64_t word) noexcept nogil:
    return <double>((word >> 11) + 1) * 1.1102230246251565e-16

cdef inline double sample(LawConstants* law, uint64_t first, uint64_t second) noexcept nogil:
    """A duration; ``second`` is used by the log-normal only."""
    if law.code == EXPONENTIAL:
        return law.a * -log(open_unit(first))
    if law.code == WEIBULL:
        return law.a * pow(-log(open_unit(first)), law.b)
    if law.code == LOGNORMAL:
        return exp(law.a + law.b * (sqrt(-2.0 * log(open_unit(first))) * cos(two_pi() * unit(second))))
    return law.a

cdef inline double two_pi() noexcept nogil:
    return 6.283185307179586
