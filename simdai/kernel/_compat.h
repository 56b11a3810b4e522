/* Builtins that compilers spell differently. */
#ifndef SIMDAI_COMPAT_H
#define SIMDAI_COMPAT_H
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include <stdint.h>
#include <stdlib.h>
#include <stdint.h>
#include <stdlib.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif
/* Ask for huge pages under a large block before it is touched: random access then misses fewer translations. */
static inline void simdai_huge(void* block, size_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    if (bytes >= ((size_t)1 << 21)) {
        uintptr_t first = ((uintptr_t)block + 4095) & ~(uintptr_t)4095;
        madvise((void*)first, (((uintptr_t)block + bytes) & ~(uintptr_t)4095) - first, MADV_HUGEPAGE);
    }
#else
    (void)block;
    (void)bytes;
#endif
}
static inline size_t simdai_pages(size_t bytes) { return (bytes + 65535) & ~(size_t)65535; }
/* A large block that grows by moving pages instead of copying, where the system can; NULL without memory.
   Its records start at a multiple of 64 bytes there. New bytes are zero on Linux only. */
static inline void* simdai_grow(void* block, size_t old_bytes, size_t new_bytes) {
#if defined(__linux__)
    void* larger;
    new_bytes = simdai_pages(new_bytes);
    if (block) {
        larger = mremap(block, simdai_pages(old_bytes), new_bytes, MREMAP_MAYMOVE);
    } else {
        larger = mmap(NULL, new_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    }
    if (larger == MAP_FAILED) return NULL;
    simdai_huge(larger, new_bytes);
    return larger;
#else
    (void)old_bytes;
    return realloc(block, new_bytes);
#endif
}
static inline void simdai_release(void* block, size_t bytes) {
#if defined(__linux__)
    if (block) munmap(block, simdai_pages(bytes));
#else
    (void)bytes;
    free(block);
#endif
}
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
