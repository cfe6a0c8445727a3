// Tensors made from no tensor: the formulas of docs/numerics.md. NBC_T is written before, and NBC_VALUE(i) of an index, which
// may ask for what the kernel is given.

// SplitMix64, read at any place.
NBC unsigned long long nbc_bits(unsigned long long seed, unsigned long long i) {
  unsigned long long z = seed + (i + 1) * 0x9e3779b97f4a7c15ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}
NBC f64 nbc_unit_f64(unsigned long long seed, i64 i) { return (f64)(nbc_bits(seed, i) >> 11) * 0x1p-53; }
NBC f32 nbc_unit_f32(unsigned long long seed, i64 i) { return (f32)(nbc_bits(seed, i) >> 40) * 0x1p-24f; }

#ifdef NBC_NORMAL
// Two normal numbers of two uniform ones, by Box and Muller; a thread makes one of them.
NBC f64 nbc_normal(unsigned long long seed, i64 i) {
  i64 at = i & ~1LL;
  f64 radius = nbc_root(-2.0 * nbc_ln_f64(1.0 - nbc_unit_f64(seed, at)));
  f64 angle = 6.283185307179586 * nbc_unit_f64(seed, at + 1);
  return radius * (i & 1 ? nbc_sin_f64(angle) : nbc_cos_f64(angle));
}
#endif

// From `start` to `end` by steps, of `last + 1` values; where the ends are far apart, from either end to the middle.
NBC f64 nbc_spaced(i64 i, f64 start, f64 end, f64 step, i64 last, i64 is_far) {
  if (i > 0 && i == last) return end;
  if (is_far && i == 0) return start;
  if (is_far && i > last / 2) return end - (f64)(last - i) * step;
  return start + (f64)i * step;
}

extern "C" __global__ void __launch_bounds__(256) nbc_create(NBC_T *to, i64 n, i64 seed, f64 start, f64 end, f64 step, i64 last, i64 is_far) {
  for (i64 i = (i64)blockIdx.x * 256 + threadIdx.x; i < n; i += (i64)gridDim.x * 256) to[i] = (NBC_T)(NBC_VALUE(i));
}
