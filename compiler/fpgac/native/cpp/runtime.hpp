// What every generated program stands on. A block is BLOCK samples; a row holds one element (or one
// lane of packed elements) of each. No header is included: parsing them takes longer than the rest.

using int8_t = __INT8_TYPE__;
using int16_t = __INT16_TYPE__;
using int32_t = __INT32_TYPE__;
using int64_t = __INT64_TYPE__;
using uint8_t = __UINT8_TYPE__;
using uint16_t = __UINT16_TYPE__;
using uint32_t = __UINT32_TYPE__;
using uint64_t = __UINT64_TYPE__;

using Word = WORD;
using Answer = ANSWER;

#define INLINE static inline __attribute__((always_inline))
#define BULK static __attribute__((noinline, aligned(64), optimize("O3")))
#define STAGE static __attribute__((noinline, aligned(64))) void

template <class T, int lanes> struct VectorOf {
    typedef T type __attribute__((vector_size(sizeof(T) * lanes)));
};
template <class T, int lanes> using Vector = typename VectorOf<T, lanes>::type;
using V32 = Vector<int32_t, REGISTER_BYTES / 4>;
using V64 = Vector<int64_t, REGISTER_BYTES / 8>;
template <class V> constexpr int LANES = sizeof(V) / sizeof(V{}[0]);

template <class V, class T> INLINE V load(const T* from) {
    Vector<T, LANES<V>> narrow;
    __builtin_memcpy(&narrow, from, sizeof narrow);
    return __builtin_convertvector(narrow, V);
}

template <class V, class T> INLINE void store(T* to, V wide) {
    const auto narrow = __builtin_convertvector(wide, Vector<T, LANES<V>>);
    __builtin_memcpy(to, &narrow, sizeof narrow);
}

template <class V, class T> INLINE V splat(T value) { return V{} + value; }
template <class V> INLINE V least(V a, V b) { return a < b ? a : b; }
template <class V> INLINE V greatest(V a, V b) { return a > b ? a : b; }
template <class V, class T> INLINE V zero_unless(V v, T lowest, T highest) {
    return v & (v >= lowest) & (v <= highest);
}

template <class V, class T> INLINE V whole_product(V v, T factor) { return v * factor; }

// The same where both fit half a lane: an instruction on halves is quicker than one on lanes.
template <class T> INLINE V32 product(V32 v, T factor) {
#if defined(__AVX__)
    V32 result;
    asm("vpmaddwd %1, %2, %0" : "=v"(result) : "v"(splat<V32>(factor & 0xffff)), "v"(v));
    return result;
#elif defined(__SSE2__)
    V32 result = splat<V32>(factor & 0xffff);
    asm("pmaddwd %1, %0" : "+x"(result) : "x"(v));
    return result;
#else
    return v * factor;
#endif
}
template <class T> INLINE V64 product(V64 v, T factor) {
#if defined(__AVX__)
    V64 result;
    asm("vpmuldq %1, %2, %0" : "=v"(result) : "v"(splat<V64>(factor)), "v"(v));
    return result;
#else
    return v * factor;
#endif
}

// One entry after another: instructions that gather are no quicker, or not everywhere.
template <class V, class T> INLINE V lookup(V index, const T* table) {
    decltype(V{}[0] + 0) lanes[LANES<V>];
    __builtin_memcpy(lanes, &index, sizeof index);
#pragma GCC unroll 16
    for (int lane = 0; lane < LANES<V>; lane++)
        lanes[lane] = table[lanes[lane]];
    __builtin_memcpy(&index, lanes, sizeof index);
    return index;
}

// The same in a table of a few registers, a power of two.
template <int registers, class V> INLINE V permuted(V index, const V* table) {
    if constexpr (registers == 1)
        return __builtin_shuffle(table[0], index);
    else if constexpr (registers == 2)
        return __builtin_shuffle(table[0], table[1], index);
    else {
        constexpr int half = registers / 2;
        const V low = permuted<half>(index, table), high = permuted<half>(index, table + half);
        return (index & half * LANES<V>) != 0 ? high : low;
    }
}

// Elements side by side in a lane of 32 bits, the first in the lowest.
template <class V> INLINE void store_quad(int32_t* to, const V (&v)[4]) {
    store(to, v[0] | v[1] << 8 | v[2] << 16 | v[3] << 24);
}
template <class V> INLINE void store_pair(int32_t* to, V low, V high) {
    store(to, (low & 0xffff) | high << 16);
}

// Rows `distance` apart exchange lanes: of two, the first takes the lanes `low`, counted on from the
// one to the other, and the second those that lie `step` further.
template <int distance, int step, class Low> INLINE void exchange(V32* rows, Low low) {
    constexpr int lanes = LANES<V32>;
    V32 first;
    for (int lane = 0; lane < lanes; lane++)
        first[lane] = low(lane);
    const V32 second = first + step;
#pragma GCC unroll 16
    for (int row = 0; row < lanes; row++)
        if (!(row & distance)) {
            const V32 a = rows[row], b = rows[row + distance];
            rows[row] = __builtin_shuffle(a, b, first);
            rows[row + distance] = __builtin_shuffle(a, b, second);
        }
}

// Lane i of row j becomes lane j of row i, by shuffles that are single instructions.
INLINE void transpose(V32* rows) {
    constexpr int lanes = LANES<V32>;
    const auto unpack = [](int i) { return (i & ~3) + (i >> 1 & 1) + (i & 1) * lanes; };
    exchange<2, 2>(rows, unpack);
    exchange<1, 2>(rows, unpack);
    if constexpr (lanes == 8)
        exchange<4, 4>(rows, [](int i) { return (i & 3) + (i >> 2) * lanes; });
    if constexpr (lanes == 16) {
        const auto quarters = [](int i) { return (i & 3) + (i & 4) * 2 + (i >> 3) * lanes; };
        exchange<4, 4>(rows, quarters);
        exchange<8, 4>(rows, quarters);
    }
}

// A register of floats, times `scale` plus `offset`, as integers no greater than `limit`: every step
// is rounded as told, and a NaN is as great as can be, of its own sign.
#define STEERED(how, v, x, scale, offset, limit)                                                   \
    asm("vfmadd213ps %{" how "-sae%}, %[o], %[s], %[f]; vrangeps $2, %[l], %[f], %[f]; "            \
        "vcvtps2dq %{" how "-sae%}, %[f], %[i]"                                                     \
        : [f] "+&v"(x), [i] "=v"(v) : [s] "v"(scale), [o] "v"(offset), [l] "v"(limit))

// CHUNK samples of `stride` bytes become `count` rows of 32-bit lanes.
STAGE spread(const char* samples, int stride, int32_t* rows, int count) {
    constexpr int lanes = LANES<V32>;
    for (int s = 0; s < CHUNK; s += lanes)
        for (int first = 0; first < count; first += lanes) {
            V32 tile[lanes];
#pragma GCC unroll 16
            for (int i = 0; i < lanes; i++)
                __builtin_memcpy(&tile[i], samples + (s + i) * stride + first * 4, sizeof tile[i]);
            transpose(tile);
#pragma GCC unroll 16
            for (int i = 0; i < lanes && first + i < count; i++)
                *(V32*)(rows + (first + i) * BLOCK + s) = tile[i];
        }
}

// The same with rows of single elements.
template <class Sample, class T>
STAGE spread_plain(const Sample* samples, T* rows, int count) {
    if constexpr (sizeof(Sample) > 4) {
        for (int e = 0; e < count; e++)
            for (int s = 0; s < CHUNK; s++)
                rows[e * BLOCK + s] = T(samples[s * count + e]);
    } else {
        constexpr int lanes = LANES<V32>;
        for (int s = 0; s < CHUNK; s += lanes)
            for (int first = 0; first < count; first += lanes) {
                V32 tile[lanes];
#pragma GCC unroll 16
                for (int i = 0; i < lanes; i++)
                    tile[i] = load<V32>(samples + (s + i) * count + first);
                transpose(tile);
#pragma GCC unroll 16
                for (int i = 0; i < lanes && first + i < count; i++)
                    store(rows + (first + i) * BLOCK + s, tile[i]);
            }
    }
}

// The `size` columns from `first` on of rows of samples, in one piece; `room` is there to put them.
template <int first, int size, class Number>
INLINE const Number* columns(const Number* rows, int64_t count, char* room) {
    if constexpr (size == INPUTS)
        return rows;
    auto* to = (Number*)room;
    for (int64_t s = 0; s < count; s++)
        for (int i = 0; i < size; i++)
            to[s * size + i] = rows[s * INPUTS + first + i];
    return to;
}

// Rows become the `size` columns from `first` on of answers.
template <int first, int size, class T> BULK void give(const T* rows, int64_t count, Answer* y) {
    // What has no sign must not get one from a lane.
    constexpr bool held = sizeof(T) < 4 || (sizeof(T) == 4 && (T(-1) < T(0) || sizeof(Answer) <= 4));
    constexpr int lanes = LANES<V32>, whole = held ? size / lanes * lanes : 0;
    for (int64_t s = 0; whole && s < count; s += lanes)
        for (int e = 0; e < whole; e += lanes) {
            V32 tile[lanes];
#pragma GCC unroll 16
            for (int i = 0; i < lanes; i++)
                tile[i] = load<V32>(rows + (e + i) * BLOCK + s);
            transpose(tile);
            const int64_t here = count - s < lanes ? count - s : lanes;
            for (int64_t i = 0; i < here; i++)
                store(y + (s + i) * OUTPUTS + first + e, tile[i]);
        }
    for (int e = whole; e < size; e++)
        for (int64_t s = 0; s < count; s++)
            y[s * OUTPUTS + first + e] = Answer(rows[e * BLOCK + s]);
}

// Part of the next block's samples on their way into the cache, while this one's are computed.
template <class Number>
STAGE fetch(const Number* next, int64_t count, int part, int parts) {
    const auto* line = (const char*)(next + count * part / parts);
    const auto* end = (const char*)(next + count * (part + 1) / parts);
    for (; line < end; line += 4 * 64)
        for (int i = 0; i < 4; i++)
            __builtin_prefetch(line + i * 64, 0, 2);
}

#ifdef ADD_QUADS
// A quad of sums, `cut` bits of each cut off, saturated to bytes. Sums that 16 bits do not hold are
// beyond a byte either way if no more than 7 bits are cut off: then they are packed first. If
// `convergent`, half a step has been subtracted, and one is added unless that was a tie, and even.
template <int cut, bool convergent>
INLINE void store_bytes(int32_t* to, V32 a, V32 b, V32 c, V32 d) {
    constexpr int twice = cut <= 7 ? 0x10001 : 1, below = ((2 << cut) - 1) * twice;
    const V32 mask = splat<V32>(below), one = splat<V32>(twice);
    V32 order;
    for (int lane = 0; lane < LANES<V32>; lane++)
        order[lane] = 0x0c080400 + lane % 4 * 0x01010101;
#define PACKED "vpackssdw %[b], %[a], %[a]; vpackssdw %[d], %[c], %[c]; "
#define CUT(size, x) "vpsra" size " %[cut], %[" x "], %[" x "]; "
#define UP(size, x, k)                                                                             \
    "vptestm" size " %[mask], %[" x "], %%" k "; " CUT(size, x)                                     \
    "vpadd" size " %[one], %[" x "], %[" x "]%{%%" k "%}; "
#define BYTES "vpackuswb %[c], %[a], %[a]; vpshufb %[order], %[a], %[a]"
#define ROUNDED(text)                                                                              \
    asm(text : [a] "+&v"(a), [b] "+&v"(b), [c] "+&v"(c), [d] "+&v"(d)                               \
        : [mask] "v"(mask), [one] "v"(one), [order] "v"(order), [cut] "i"(cut)                      \
        : "k1", "k2", "k3", "k4")
    if constexpr (cut <= 7 && convergent)
        ROUNDED(PACKED UP("w", "a", "k1") UP("w", "c", "k2") BYTES);
    else if constexpr (cut <= 7)
        ROUNDED(PACKED CUT("w", "a") CUT("w", "c") BYTES);
    else if constexpr (convergent)
        ROUNDED(UP("d", "a", "k1") UP("d", "b", "k2") UP("d", "c", "k3") UP("d", "d", "k4")
                PACKED BYTES);
    else
        ROUNDED(CUT("d", "a") CUT("d", "b") CUT("d", "c") CUT("d", "d") PACKED BYTES);
    *(V32*)to = a;
}
#endif

// A row of packs, and a filter's sums, over the registers of a tile.
#define REGISTER(row, i) (*(const V32*)((row) + i * LANES<V32>))
#define REGISTERS V32 x0, x1, t, p
#define ROW(row) x0 = REGISTER(row, 0), x1 = REGISTER(row, 1)
#define SUMS(a, start) V32 a##0 = start, a##1 = a##0
#define TILED(a) {a##0, a##1}

// The functions that the rule is stated in, where the second argument decides about NaN.
namespace rule {
INLINE double floor(double a) { return __builtin_floor(a); }
INLINE double trunc(double a) { return __builtin_trunc(a); }
INLINE double rint(double a) { return __builtin_rint(a); }
INLINE double fabs(double a) { return __builtin_fabs(a); }
INLINE double copysign(double a, double sign) { return __builtin_copysign(a, sign); }
INLINE double fmin(double a, double b) { return a < b ? a : b; }
INLINE double fmax(double a, double b) { return a > b ? a : b; }
INLINE float floor(float a) { return __builtin_floorf(a); }
INLINE float trunc(float a) { return __builtin_truncf(a); }
INLINE float rint(float a) { return __builtin_rintf(a); }
INLINE float fabs(float a) { return __builtin_fabsf(a); }
INLINE float copysign(float a, float sign) { return __builtin_copysignf(a, sign); }
INLINE float fmin(float a, float b) { return a < b ? a : b; }
INLINE float fmax(float a, float b) { return a > b ? a : b; }
} // namespace rule

// Floats as they are meant, with ties to even and the least of numbers, whatever the caller has set.
struct FloatingPoint {
#if defined(__SSE__)
    const unsigned before = __builtin_ia32_stmxcsr();
    FloatingPoint() { __builtin_ia32_ldmxcsr(0x1f80); }
    ~FloatingPoint() { __builtin_ia32_ldmxcsr(before); }
#else
    FloatingPoint() {}
#endif
};
