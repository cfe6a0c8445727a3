// Products and powers of rows of limbs modulo odd numbers, by Montgomery's method (1985), a thread for each row. Numbers
// are words of 32 bits, of which a row has `w`, at most NBC_MOST, which is written before. What a row has between
// launches lies beside that of other rows: word n of number k is at (k * w + n) * rows + row.
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;
#define NBC __device__ __forceinline__
// Rows of a block: fewer than its threads, so that few rows are spread over the device.
#define NBC_ROWS 32
// A number of a row; words of it are `step` apart.
struct nbc_place {
  u32 *at;
  i64 step;
  __device__ __forceinline__ u32 &operator[](i64 n) const { return at[n * step]; }
};
NBC nbc_place nbc_kept(u32 *kept, i64 number, i64 w, i64 rows, i64 row) {
  nbc_place place = {kept + number * w * rows + row, rows};
  return place;
}
// Subtracts the modulus, if the number, which has `carry` beyond its words, is not below it.
NBC void nbc_below(u32 *t, u32 carry, const u32 *m, int w) {
  bool is_less = !carry;
  if (!carry) {
    int n = w - 1;
    while (n > 0 && t[n] == m[n]) n--;
    is_less = t[n] < m[n];
  }
  if (is_less) return;
  u64 borrow = 0;
  for (int n = 0; n < w; n++) {
    u64 x = (u64)t[n] - m[n] - borrow;
    t[n] = (u32)x;
    borrow = x >> 63;
  }
}
NBC void nbc_double(u32 *t, const u32 *m, int w) {
  u32 carry = 0;
  for (int n = 0; n < w; n++) {
    u32 x = t[n];
    t[n] = x << 1 | carry;
    carry = x >> 31;
  }
  nbc_below(t, carry, m, w);
}
// What makes the lowest word zero: -1 by the modulus, modulo 2^32.
NBC u32 nbc_factor(u32 m) {
  u32 inverse = m * 3 ^ 2;
  for (int n = 0; n < 3; n++) inverse *= 2 - m * inverse;
  return 0 - inverse;
}
// The product of a and b by 2^(-32 w), below the modulus if one of both is. It may not lie where a does.
template <class B> NBC void nbc_montgomery(u32 *t, const u32 *a, B b, const u32 *m, u32 factor, int w) {
  u32 last = 0;
  for (int n = 0; n < w; n++) t[n] = 0;
  for (int i = 0; i < w; i++) {
    u32 by = b[i];
    u64 sum = (u64)a[0] * by + t[0];
    u32 q = (u32)sum * factor;
    u64 rest = (u64)q * m[0] + (u32)sum, carry = sum >> 32, over = rest >> 32;
    for (int n = 1; n < w; n++) {
      sum = (u64)a[n] * by + t[n] + carry;
      carry = sum >> 32;
      rest = (u64)q * m[n] + (u32)sum + over;
      over = rest >> 32;
      t[n - 1] = (u32)rest;
    }
    sum = carry + over + last;
    t[w - 1] = (u32)sum;
    last = (u32)(sum >> 32);
  }
  nbc_below(t, last, m, w);
}
NBC void nbc_copy(u32 *to, const u32 *from, int w) {
  for (int n = 0; n < w; n++) to[n] = from[n];
}
// 2^(32 w) and its square modulo the number: `one` and `square`.
NBC void nbc_enter(u32 *one, u32 *square, const u32 *m, u32 factor, int w) {
  u32 t[NBC_MOST];
  int top = w - 1;
  while (top > 0 && !m[top]) top--;
  int bits = 31;
  while (bits > 0 && !(m[top] >> bits)) bits--;
  // The highest power of two that is not above the modulus; of 1 it is 1, and what is left 0.
  for (int n = 0; n < w; n++) one[n] = 0;
  one[top] = 1u << bits;
  nbc_below(one, 0, m, w);
  for (int n = 32 * top + bits; n < 32 * w; n++) nbc_double(one, m, w);
  // 2 in form, to the power of 32 w.
  nbc_copy(square, one, w);
  nbc_double(square, m, w);
  int power = 32 * w, bit = 1;
  while (bit * 2 <= power) bit *= 2;
  for (bit /= 2; bit; bit /= 2) {
    nbc_montgomery(t, square, square, m, factor, w);
    nbc_copy(square, t, w);
    if (power & bit) nbc_double(square, m, w);
  }
}

// Products of rows `first` to `end`.
extern "C" __global__ void __launch_bounds__(256) nbc_products(u32 *to, const u32 *a, const u32 *b, i64 b_step, const u32 *moduli, i64 m_step, i64 w, i64 first, i64 end) {
  i64 row = first + (i64)blockIdx.x * NBC_ROWS + threadIdx.x;
  if (threadIdx.x >= NBC_ROWS || row >= end) return;
  u32 m[NBC_MOST], x[NBC_MOST], t[NBC_MOST], square[NBC_MOST];
  nbc_copy(m, moduli + row * m_step, (int)w);
  u32 factor = nbc_factor(m[0]);
  nbc_enter(t, square, m, factor, (int)w);
  nbc_montgomery(x, square, a + row * w, m, factor, (int)w);
  nbc_montgomery(t, x, b + row * b_step, m, factor, (int)w);
  nbc_copy(to + row * w, t, (int)w);
}

// Begins powers of rows from `first` on: what is kept is the powers 0 to 15 in form, and as number 16 what the result is so far.
extern "C" __global__ void __launch_bounds__(256) nbc_begin(u32 *kept, const u32 *bases, const u32 *moduli, i64 m_step, i64 w, i64 first, i64 rows) {
  i64 row = (i64)blockIdx.x * NBC_ROWS + threadIdx.x;
  if (threadIdx.x >= NBC_ROWS || row >= rows) return;
  u32 m[NBC_MOST], x[NBC_MOST], t[NBC_MOST], base[NBC_MOST];
  nbc_copy(m, moduli + (first + row) * m_step, (int)w);
  u32 factor = nbc_factor(m[0]);
  nbc_enter(x, t, m, factor, (int)w);
  nbc_montgomery(base, t, bases + (first + row) * w, m, factor, (int)w);
  for (int number = 0; number < 17; number++) {
    nbc_place place = nbc_kept(kept, number, w, rows, row);
    if (number == 1) nbc_copy(x, base, (int)w);
    if (number > 1 && number < 16) {
      nbc_montgomery(t, base, (const u32 *)x, m, factor, (int)w);
      nbc_copy(x, t, (int)w);
    }
    if (number == 16) {
      nbc_place one = nbc_kept(kept, 0, w, rows, row);
      for (int n = 0; n < w; n++) x[n] = one[n];
    }
    for (int n = 0; n < w; n++) place[n] = x[n];
  }
}
// Takes in groups of four bits of the exponents, from number `from` down to `to`.
extern "C" __global__ void __launch_bounds__(256) nbc_windows(u32 *kept, const u32 *exponents, i64 e_step, const u32 *moduli, i64 m_step, i64 w, i64 first, i64 rows, i64 from, i64 to) {
  i64 row = (i64)blockIdx.x * NBC_ROWS + threadIdx.x;
  if (threadIdx.x >= NBC_ROWS || row >= rows) return;
  u32 m[NBC_MOST], x[NBC_MOST], t[NBC_MOST];
  nbc_copy(m, moduli + (first + row) * m_step, (int)w);
  u32 factor = nbc_factor(m[0]);
  const u32 *exponent = exponents + (first + row) * e_step;
  nbc_place so_far = nbc_kept(kept, 16, w, rows, row);
  for (int n = 0; n < w; n++) x[n] = so_far[n];
  for (i64 window = from; window >= to; window--) {
    for (int n = 0; n < 2; n++) {
      nbc_montgomery(t, x, (const u32 *)x, m, factor, (int)w);
      nbc_montgomery(x, t, (const u32 *)t, m, factor, (int)w);
    }
    int power = (int)(exponent[window / 8] >> 4 * (int)(window % 8) & 15);
    nbc_montgomery(t, x, nbc_kept(kept, power, w, rows, row), m, factor, (int)w);
    nbc_copy(x, t, (int)w);
  }
  for (int n = 0; n < w; n++) so_far[n] = x[n];
}
// Writes the results.
struct nbc_one {
  __device__ __forceinline__ u32 operator[](int n) const { return n == 0; }
};
extern "C" __global__ void __launch_bounds__(256) nbc_end(u32 *to, u32 *kept, const u32 *moduli, i64 m_step, i64 w, i64 first, i64 rows) {
  i64 row = (i64)blockIdx.x * NBC_ROWS + threadIdx.x;
  if (threadIdx.x >= NBC_ROWS || row >= rows) return;
  u32 m[NBC_MOST], x[NBC_MOST], t[NBC_MOST];
  nbc_copy(m, moduli + (first + row) * m_step, (int)w);
  nbc_place so_far = nbc_kept(kept, 16, w, rows, row);
  for (int n = 0; n < w; n++) x[n] = so_far[n];
  nbc_montgomery(t, x, nbc_one(), m, nbc_factor(m[0]), (int)w);
  nbc_copy(to + (first + row) * w, t, (int)w);
}
