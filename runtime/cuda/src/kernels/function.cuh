// What functions of a program are made of besides elements.cuh: instructions on scalars, as docs/isa.md has them.
// A function that would trap, or that takes too long, says so in its state: then the processor runs all of it.
typedef unsigned int u32;
typedef unsigned long long u64;
struct nbc_state {
  int turns;
  bool gives_up;
};
#define NBC_GIVE_UP { state.gives_up = true; return; }
#define NBC_TURN if (++state.turns > NBC_MOST_TURNS) NBC_GIVE_UP

#define NBC_INSTRUCTIONS(T, U, bits) \
  NBC T nbc_shr_u(T a, T b) { return (T)((U)a >> ((U)b & (bits - 1))); } \
  NBC T nbc_rotl(T a, T b) { return (T)((U)a << ((U)b & (bits - 1)) | (U)a >> ((0 - (U)b) & (bits - 1))); } \
  NBC T nbc_rotr(T a, T b) { return (T)((U)a >> ((U)b & (bits - 1)) | (U)a << ((0 - (U)b) & (bits - 1))); } \
  NBC T nbc_min_u(T a, T b) { return (U)a < (U)b ? a : b; } \
  NBC T nbc_max_u(T a, T b) { return (U)a > (U)b ? a : b; } \
  NBC bool nbc_lt_u(T a, T b) { return (U)a < (U)b; } \
  NBC bool nbc_le_u(T a, T b) { return (U)a <= (U)b; } \
  NBC bool nbc_gt_u(T a, T b) { return (U)a > (U)b; } \
  NBC bool nbc_ge_u(T a, T b) { return (U)a >= (U)b; } \
  NBC T nbc_quotient(T a, T b) { return b == -1 ? nbc_neg(a) : a / b; } \
  NBC T nbc_quotient_u(T a, T b) { return (T)((U)a / (U)b); } \
  NBC T nbc_remainder(T a, T b) { return b == -1 ? 0 : a % b; } \
  NBC T nbc_remainder_u(T a, T b) { return (T)((U)a % (U)b); } \
  NBC T nbc_extend8(T a) { return (T)(signed char)(U)a; } \
  NBC T nbc_extend16(T a) { return (T)(short)(U)a; }
NBC_INSTRUCTIONS(i32, u32, 32)
NBC_INSTRUCTIONS(i64, u64, 64)
NBC i64 nbc_extend32(i64 a) { return (i64)(i32)(u64)a; }

NBC i32 nbc_popcnt(i32 a) {
  u32 x = (u32)a;
  x = x - (x >> 1 & 0x55555555u);
  x = (x & 0x33333333u) + (x >> 2 & 0x33333333u);
  return (i32)(((x + (x >> 4)) & 0x0f0f0f0fu) * 0x01010101u >> 24);
}
NBC i64 nbc_popcnt(i64 a) { return (i64)nbc_popcnt((i32)(u32)(u64)a) + nbc_popcnt((i32)(u32)((u64)a >> 32)); }
NBC i32 nbc_clz(i32 a) {
  u32 x = (u32)a;
  x |= x >> 1; x |= x >> 2; x |= x >> 4; x |= x >> 8; x |= x >> 16;
  return nbc_popcnt((i32)~x);
}
NBC i64 nbc_clz(i64 a) {
  const u32 high = (u32)((u64)a >> 32);
  return high != 0 ? nbc_clz((i32)high) : 32 + nbc_clz((i32)(u32)(u64)a);
}
NBC i32 nbc_ctz(i32 a) { return nbc_popcnt((i32)(~(u32)a & ((u32)a - 1))); }
NBC i64 nbc_ctz(i64 a) { return nbc_popcnt((i64)(~(u64)a & ((u64)a - 1))); }

NBC i32 nbc_mulh(i32 a, i32 b) { return (i32)((i64)a * b >> 32); }
NBC i32 nbc_mulh_u(i32 a, i32 b) { return (i32)((u64)(u32)a * (u32)b >> 32); }
NBC i64 nbc_mulh_u(i64 a, i64 b) {
  const u64 a0 = (u32)(u64)a, a1 = (u64)a >> 32, b0 = (u32)(u64)b, b1 = (u64)b >> 32;
  const u64 low = a0 * b0, first = a1 * b0 + (low >> 32), second = a0 * b1 + (u32)first;
  return (i64)(a1 * b1 + (first >> 32) + (second >> 32));
}
NBC i64 nbc_mulh(i64 a, i64 b) {
  const u64 all = (u64)nbc_mulh_u(a, b);
  return (i64)(all - (a < 0 ? (u64)b : 0) - (b < 0 ? (u64)a : 0));
}

NBC f32 nbc_copysign(f32 a, f32 b) { return b != b ? nbc_size(a) : nbc_signed(a, b); }
NBC f64 nbc_copysign(f64 a, f64 b) { return b != b ? nbc_size(a) : nbc_signed(a, b); }
NBC f32 nbc_fma(f32 a, f32 b, f32 c) { return fmaf(a, b, c); }
NBC f64 nbc_fma(f64 a, f64 b, f64 c) { return fma(a, b, c); }
NBC bool nbc_fits(f32 x, f32 below, f32 above) { return x > below && x < above; }
NBC bool nbc_fits(f64 x, f64 below, f64 above) { return x > below && x < above; }
NBC i32 nbc_sat_u_i32(f64 x) { return x != x || x <= 0 ? 0 : x >= 4294967295.0 ? -1 : (i32)(u32)x; }
NBC i64 nbc_sat_u_i64(f64 x) { return x != x || x <= 0 ? 0 : x >= 18446744073709551616.0 ? -1 : (i64)(u64)x; }
NBC i32 nbc_bits_of(f32 x) { return x != x ? 0x7fc00000 : __float_as_int(x); }
NBC i64 nbc_bits_of(f64 x) { return x != x ? 0x7ff8000000000000LL : __double_as_longlong(x); }
