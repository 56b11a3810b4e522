/* Builtins that compilers spell differently. */
#ifndef SIMDAI_COMPAT_H
#define SIMDAI_COMPAT_H
#include <stdint.h>
#if defined(_MSC_VER)
#include <intrin.h>
static __forceinline int simdai_ctz(uint64_t x) {
    unsigned long i;
#if defined(_M_X64) || defined(_M_ARM64)
    _BitScanForward64(&i, x);
    return (int)i;
#else
    if (_BitScanForward(&i, (unsigned long)x)) return (int)i;
    _BitScanForward(&i, (unsigned long)(x >> 32));
    return (int)i + 32;
#endif
}
static __forceinline int simdai_popcount(uint64_t x) {
    x -= (x >> 1) & 0x5555555555555555ULL;
    x = (x & 0x3333333333333333ULL) + ((x >> 2) & 0x3333333333333333ULL);
    return (int)((((x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fULL) * 0x0101010101010101ULL) >> 56);
}
#define simdai_prefetch(p) ((void)(p))
#else
static inline int simdai_ctz(uint64_t x) { return __builtin_ctzll(x); }
static inline int simdai_popcount(uint64_t x) { return __builtin_popcountll(x); }
#define simdai_prefetch(p) __builtin_prefetch(p)
#endif
#endif
