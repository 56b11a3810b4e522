/* The Yuma epoch's inner loops: plain C that compilers vectorise, compiled for wider registers too where that can be. */
#ifndef SIMDAI_YUMA_H
#define SIMDAI_YUMA_H
#include <stdint.h>
#include <string.h>
#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GNUC__) && !defined(__clang__)
#define SIMDAI_WIDE __attribute__((target_clones("avx2", "default")))
#else
#define SIMDAI_WIDE
#endif
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-trapping-math") /* nobody reads the flags; comparisons may then be done side by side */
#endif
#if defined(_MSC_VER)
#define restrict __restrict
#endif

#define SIMDAI_LANES 8 /* sums of doubles are kept in so many parts, in the same order on any machine */

/* floor of 0 <= x < 2^51, in a form that vectorises on any machine. */
static inline double simdai_whole(double x) {
    const double whole = 4503599627370496.0; /* 2^52: from here on a double has no fraction */
    double nearest = (x + whole) - whole;
    return nearest - (nearest > x ? 1.0 : 0.0);
}

/* A bond in [0, 1] in 65535ths: cut to whole 2^-32, of which 2e-6 is forgiven, then rounded down. */
static inline double simdai_u16(double bond) {
    return simdai_whole(simdai_whole(bond * 4294967296.0 + 2e-6) * (65535.0 / 4294967296.0));
}

/* Sum of the values, or -1 where the targets hold `own`. */
SIMDAI_WIDE static int64_t simdai_total(intptr_t n, const uint16_t* restrict targets, const uint16_t* restrict values,
                                        uint16_t own) {
    uint32_t sum = 0; /* of at most 65536 values below 65536 */
    uint16_t holds = 0;
    for (intptr_t k = 0; k < n; k++) {
        sum += values[k];
        holds |= targets[k] == own;
    }
    return holds ? -1 : (int64_t)sum;
}

/* weight = value / total */
SIMDAI_WIDE static void simdai_divide(intptr_t n, double total, const uint16_t* restrict values,
                                      double* restrict weight) {
    for (intptr_t k = 0; k < n; k++) weight[k] = (double)values[k] / total;
}

/* bond = min(keep * prior + alpha * target, 1), added to sums. */
SIMDAI_WIDE static void simdai_follow(intptr_t n, double keep, double alpha, const uint16_t* restrict prior,
                                      const double* restrict target, double* restrict bond, double* restrict sums) {
    for (intptr_t j = 0; j < n; j++) {
        double next = keep * (double)prior[j] + alpha * target[j];
        next = next < 1.0 ? next : 1.0;
        bond[j] = next;
        sums[j] += next;
    }
}

/* bond = stake * target, added to bought; prior added to kept. */
SIMDAI_WIDE static void simdai_buy(intptr_t n, double stake, const uint16_t* restrict prior,
                                   const double* restrict target, double* restrict bond, double* restrict bought,
                                   double* restrict kept) {
    for (intptr_t j = 0; j < n; j++) {
        double next = stake * target[j];
        bond[j] = next;
        bought[j] += next;
        kept[j] += (double)prior[j];
    }
}

/* bond = bought * bond + kept * prior, added to sums and kept in top where it is the largest. */
SIMDAI_WIDE static void simdai_blend(intptr_t n, const double* restrict bought, const double* restrict kept,
                                     const uint16_t* restrict prior, double* restrict bond, double* restrict sums,
                                     double* restrict top) {
    for (intptr_t j = 0; j < n; j++) {
        double next = bought[j] * bond[j] + kept[j] * (double)prior[j];
        bond[j] = next;
        sums[j] += next;
        top[j] = next > top[j] ? next : top[j];
    }
}

/* row = bond * factor in 65535ths; 1 where that moved the row, plus 2 where it holds some bond. */
SIMDAI_WIDE static int simdai_store(intptr_t n, const double* restrict bond, const double* restrict factor,
                                    uint16_t* restrict row) {
    int32_t next[64];
    int32_t moved = 0, some = 0;
    for (intptr_t first = 0; first < n; first += 64) {
        intptr_t m = n - first < 64 ? n - first : 64;
        for (intptr_t j = 0; j < m; j++) next[j] = (int32_t)simdai_u16(bond[first + j] * factor[first + j]);
        for (intptr_t j = 0; j < m; j++) {
            moved |= next[j] ^ (int32_t)row[first + j];
            some |= next[j];
            row[first + j] = (uint16_t)next[j];
        }
    }
    return (moved != 0) + 2 * (some != 0);
}

/* Sum of a * b, in lanes. */
SIMDAI_WIDE static double simdai_dot(intptr_t n, const double* restrict a, const double* restrict b) {
    double lanes[SIMDAI_LANES] = {0.0}, total = 0.0;
    intptr_t j = 0;
    for (; j + SIMDAI_LANES <= n; j += SIMDAI_LANES)
        for (int l = 0; l < SIMDAI_LANES; l++) lanes[l] += a[j + l] * b[j + l];
    for (; j < n; j++) total += a[j] * b[j];
    for (int l = 0; l < SIMDAI_LANES; l++) total += lanes[l];
    return total;
}

/* Weights above zero are compared as integers: their bits rise with them. Stakes are whole 2^-60 of the total, so
   that they add up to the same in any order. */
typedef struct {
    int64_t weight, stake;
} simdai_backing;

static inline int64_t simdai_bits(double weight) {
    int64_t bits;
    memcpy(&bits, &weight, sizeof bits);
    return bits;
}
static inline int64_t simdai_parts(double stake) { return (int64_t)(stake * 1152921504606846976.0); }

/* Largest weight that `needed` stake backs, of n > 0 holders of weights above zero; 0 where all do not suffice.
   The answer lies in [low, high], both weights that are held. Each pass asks how much stake stands at or above a
   pivot between them and draws one end to the nearest weight beyond it. `weight` and `stake` are room for n each. */
SIMDAI_WIDE static double simdai_median(intptr_t n, const simdai_backing* held, int64_t needed,
                                        int64_t* restrict weight, int64_t* restrict stake) {
    int64_t low = INT64_MAX, high = 0, sum = 0;
    double median = 0.0;
    for (intptr_t k = 0; k < n; k++) {
        weight[k] = held[k].weight;
        stake[k] = held[k].stake;
        sum += stake[k];
        low = weight[k] < low ? weight[k] : low;
        high = weight[k] > high ? weight[k] : high;
    }
    if (sum < needed) return 0.0;
    while (low < high) {
        int64_t pivot = high - ((high - low) >> 1), above = INT64_MAX, below = 0;
        sum = 0;
        for (intptr_t k = 0; k < n; k++) {
            int64_t w = weight[k], in = -(int64_t)(w >= pivot);
            int64_t over = w | (~in & INT64_MAX), under = w & ~in;
            sum += stake[k] & in;
            above = over < above ? over : above;
            below = under > below ? under : below;
        }
        if (sum >= needed)
            low = above;
        else
            high = below;
    }
    memcpy(&median, &low, sizeof median);
    return median;
}
#endif
