// Elements and what is computed of them: the same bits as on the host, if nothing is contracted (--fmad=false).
// Invariant: integers wrap, no function traps, and a NaN that leaves is a NaN.
typedef unsigned char u8;
typedef int i32;
typedef long long i64;
typedef float f32;
typedef double f64;
struct __align__(8) c64 { f32 re, im; };
struct __align__(16) c128 { f64 re, im; };
// Not static: of those NVRTC says which are not used.
#define NBC __device__ __forceinline__
#define NBC_MEMBER static __device__ __forceinline__
#define NBC_EACH_INTEGER(M) M(u8, unsigned) M(i32, unsigned) M(i64, unsigned long long)
#define NBC_EACH_FLOAT(M) M(f32) M(f64)
#define NBC_EACH_COMPLEX(M) M(c64, f32) M(c128, f64)

NBC f32 nbc_root(f32 x) { return sqrtf(x); }
NBC f64 nbc_root(f64 x) { return sqrt(x); }
NBC f32 nbc_size(f32 x) { return fabsf(x); }
NBC f64 nbc_size(f64 x) { return fabs(x); }
NBC f32 nbc_signed(f32 x, f32 by) { return copysignf(x, by); }
NBC f64 nbc_signed(f64 x, f64 by) { return copysign(x, by); }
NBC f32 nbc_down(f32 x) { return floorf(x); }
NBC f64 nbc_down(f64 x) { return floor(x); }
NBC f32 nbc_rest(f32 x, f32 y) { return fmodf(x, y); }
NBC f64 nbc_rest(f64 x, f64 y) { return fmod(x, y); }
NBC f32 nbc_either_bits(f32 x, f32 y) { return __int_as_float(__float_as_int(x) | __float_as_int(y)); }
NBC f64 nbc_either_bits(f64 x, f64 y) { return __longlong_as_double(__double_as_longlong(x) | __double_as_longlong(y)); }
NBC f32 nbc_both_bits(f32 x, f32 y) { return __int_as_float(__float_as_int(x) & __float_as_int(y)); }
NBC f64 nbc_both_bits(f64 x, f64 y) { return __longlong_as_double(__double_as_longlong(x) & __double_as_longlong(y)); }

// Truth values.
NBC bool nbc_eq(bool a, bool b) { return a == b; }
NBC bool nbc_ne(bool a, bool b) { return a != b; }
NBC bool nbc_and(bool a, bool b) { return a & b; }
NBC bool nbc_or(bool a, bool b) { return a | b; }
NBC bool nbc_xor(bool a, bool b) { return a != b; }
NBC bool nbc_not(bool a) { return !a; }
NBC bool nbc_is_set(bool a) { return a; }

#define NBC_ORDER(T) \
  NBC bool nbc_eq(T a, T b) { return a == b; } \
  NBC bool nbc_ne(T a, T b) { return a != b; } \
  NBC bool nbc_lt(T a, T b) { return a < b; } \
  NBC bool nbc_le(T a, T b) { return a <= b; } \
  NBC bool nbc_gt(T a, T b) { return a > b; } \
  NBC bool nbc_ge(T a, T b) { return a >= b; } \
  NBC bool nbc_is_set(T a) { return a != 0; }

NBC bool nbc_is_negative(u8) { return false; }
NBC bool nbc_is_negative(i32 a) { return a < 0; }
NBC bool nbc_is_negative(i64 a) { return a < 0; }
#define NBC_INTEGER(T, U) \
  NBC_ORDER(T) \
  NBC T nbc_add(T a, T b) { return (T)((U)a + (U)b); } \
  NBC T nbc_sub(T a, T b) { return (T)((U)a - (U)b); } \
  NBC T nbc_mul(T a, T b) { return (T)((U)a * (U)b); } \
  NBC T nbc_neg(T a) { return (T)(0 - (U)a); } \
  NBC T nbc_abs(T a) { return nbc_is_negative(a) ? nbc_neg(a) : a; } \
  NBC T nbc_min(T a, T b) { return a < b ? a : b; } \
  NBC T nbc_max(T a, T b) { return a > b ? a : b; } \
  NBC T nbc_sign(T a) { return (T)((a != 0) - 2 * nbc_is_negative(a)); } \
  NBC T nbc_and(T a, T b) { return (T)(a & b); } \
  NBC T nbc_or(T a, T b) { return (T)(a | b); } \
  NBC T nbc_xor(T a, T b) { return (T)(a ^ b); } \
  NBC T nbc_not(T a) { return (T)~a; } \
  NBC T nbc_shl(T a, T by) { return (T)((U)a << ((U)by & (8 * sizeof(T) - 1))); } \
  NBC T nbc_shr(T a, T by) { return (T)(a >> ((U)by & (8 * sizeof(T) - 1))); }
NBC_EACH_INTEGER(NBC_INTEGER)

// Quotients of integers. Divisors are not zero, of which somebody has made sure; the least number over -1 wraps.
#define NBC_QUOTIENT(T, U) \
  NBC bool nbc_turns(T by) { return nbc_is_negative(by) && by == (T)-1; } \
  NBC T nbc_div(T a, T by) { return by == 0 ? (T)0 : nbc_turns(by) ? nbc_neg(a) : (T)(a / by); } \
  NBC T nbc_rem(T a, T by) { return by == 0 || nbc_turns(by) ? (T)0 : (T)(a % by); } \
  NBC bool nbc_is_apart(T rest, T by) { return rest != 0 && nbc_is_negative(rest) != nbc_is_negative(by); } \
  NBC T nbc_floor_div(T a, T by) { return nbc_sub(nbc_div(a, by), (T)nbc_is_apart(nbc_rem(a, by), by)); } \
  NBC T nbc_mod(T a, T by) { \
    T rest = nbc_rem(a, by); \
    return nbc_is_apart(rest, by) ? nbc_add(rest, by) : rest; \
  }
NBC_EACH_INTEGER(NBC_QUOTIENT)

#define NBC_FLOAT(T) \
  NBC_ORDER(T) \
  NBC T nbc_add(T a, T b) { return a + b; } \
  NBC T nbc_sub(T a, T b) { return a - b; } \
  NBC T nbc_mul(T a, T b) { return a * b; } \
  NBC T nbc_div(T a, T b) { return a / b; } \
  NBC T nbc_rem(T a, T b) { return nbc_rest(a, b); } \
  NBC T nbc_neg(T a) { return -a; } \
  NBC T nbc_abs(T a) { return nbc_size(a); } \
  NBC T nbc_sqrt(T a) { return nbc_root(a); } \
  NBC T nbc_sign(T a) { return a != a ? a : (T)((a > 0) - (a < 0)); } \
  NBC T nbc_min(T a, T b) { return a != a ? a : b != b ? b : a == b ? nbc_either_bits(a, b) : a < b ? a : b; } \
  NBC T nbc_max(T a, T b) { return a != a ? a : b != b ? b : a == b ? nbc_both_bits(a, b) : a > b ? a : b; } \
  NBC bool nbc_is_nan(T a) { return a != a; } \
  NBC bool nbc_is_finite(T a) { return a - a == 0; } \
  NBC bool nbc_is_inf(T a) { return a == a && !(a - a == 0); } \
  NBC T nbc_floor_div(T a, T by) { \
    if (by == 0) return a / by; \
    T rest = nbc_rest(a, by), quotient = (a - rest) / by; \
    if (rest != 0 && (by < 0) != (rest < 0)) quotient -= 1; \
    if (quotient == 0) return nbc_signed((T)0, a / by); \
    T down = nbc_down(quotient); \
    return quotient - down > (T)0.5 ? down + 1 : down; \
  } \
  NBC T nbc_mod(T a, T by) { \
    T rest = nbc_rest(a, by); \
    if (rest == 0) return nbc_signed((T)0, by); \
    return (by < 0) != (rest < 0) ? rest + by : rest; \
  }
NBC_EACH_FLOAT(NBC_FLOAT)
NBC f32 nbc_ceil(f32 x) { return ceilf(x); }
NBC f64 nbc_ceil(f64 x) { return ceil(x); }
NBC f32 nbc_floor(f32 x) { return floorf(x); }
NBC f64 nbc_floor(f64 x) { return floor(x); }
NBC f32 nbc_trunc(f32 x) { return truncf(x); }
NBC f64 nbc_trunc(f64 x) { return trunc(x); }
NBC f32 nbc_nearest(f32 x) { return rintf(x); }
NBC f64 nbc_nearest(f64 x) { return rint(x); }

// Complex numbers: the formulas of docs/numerics.md.
#define NBC_COMPLEX(C, T) \
  NBC C nbc_complex(T re, T im) { C z; z.re = re; z.im = im; return z; } \
  NBC C nbc_add(C a, C b) { return nbc_complex(a.re + b.re, a.im + b.im); } \
  NBC C nbc_sub(C a, C b) { return nbc_complex(a.re - b.re, a.im - b.im); } \
  NBC C nbc_mul(C a, C b) { return nbc_complex(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re); } \
  NBC C nbc_div(C a, C b) { \
    if (nbc_size(b.re) >= nbc_size(b.im)) { \
      if (b.re == 0 && b.im == 0) return nbc_complex(a.re / nbc_size(b.re), a.im / nbc_size(b.re)); \
      T ratio = b.im / b.re, scale = b.re + b.im * ratio; \
      return nbc_complex((a.re + a.im * ratio) / scale, (a.im - a.re * ratio) / scale); \
    } \
    T ratio = b.re / b.im, scale = b.re * ratio + b.im; \
    return nbc_complex((a.re * ratio + a.im) / scale, (a.im * ratio - a.re) / scale); \
  } \
  NBC C nbc_neg(C a) { return nbc_complex(-a.re, -a.im); } \
  NBC C nbc_conj(C a) { return nbc_complex(a.re, -a.im); } \
  NBC T nbc_real(C a) { return a.re; } \
  NBC T nbc_imag(C a) { return a.im; } \
  NBC bool nbc_eq(C a, C b) { return a.re == b.re && a.im == b.im; } \
  NBC bool nbc_ne(C a, C b) { return !nbc_eq(a, b); } \
  NBC bool nbc_is_set(C a) { return a.re != 0 || a.im != 0; } \
  NBC bool nbc_is_nan(C a) { return nbc_is_nan(a.re) || nbc_is_nan(a.im); } \
  NBC bool nbc_is_inf(C a) { return nbc_is_inf(a.re) || nbc_is_inf(a.im); } \
  NBC bool nbc_is_finite(C a) { return nbc_is_finite(a.re) && nbc_is_finite(a.im); }
NBC_EACH_COMPLEX(NBC_COMPLEX)

template <class T> NBC T nbc_copy(T a) { return a; }
template <class T> NBC T nbc_where(bool which, T a, T b) { return which ? a : b; }
template <class T> NBC T nbc_clip(T x, T low, T high) { return nbc_min(nbc_max(x, low), high); }

// Conversions: integers wrap, floats are cut off and clamped, NaN becomes 0.
template <class To> struct nbc_to {
  template <class From> NBC_MEMBER To of(From x) { return (To)x; }
};
template <class To> NBC To nbc_clamped(f64 x, f64 least, f64 beyond, To lowest, To highest) {
  return x != x ? (To)0 : x <= least ? lowest : x >= beyond ? highest : (To)x;
}
template <> struct nbc_to<bool> {
  template <class From> NBC_MEMBER bool of(From x) { return x != 0; }
};
#define NBC_CLAMPED(T, least, beyond, lowest, highest) \
  template <> struct nbc_to<T> { \
    template <class From> NBC_MEMBER T of(From x) { return (T)x; } \
    NBC_MEMBER T of(f32 x) { return nbc_clamped<T>(x, least, beyond, lowest, highest); } \
    NBC_MEMBER T of(f64 x) { return nbc_clamped<T>(x, least, beyond, lowest, highest); } \
  };
NBC_CLAMPED(u8, 0.0, 255.0, 0, 255)
NBC_CLAMPED(i32, -2147483648.0, 2147483647.0, -2147483647 - 1, 2147483647)
NBC_CLAMPED(i64, -9223372036854775808.0, 9223372036854775808.0, -9223372036854775807LL - 1, 9223372036854775807LL)
