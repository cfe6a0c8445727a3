// Integers added at indices of a tensor [outer, n, inner]; values are [outer, m, inner], `count` of them, or one for all.
// NBC_ATOMIC is written before: the type of an atomic addition that has their bits.
extern "C" __global__ void __launch_bounds__(256) nbc_add_atomic(NBC_T *to, const i64 *indices, const NBC_T *values, NBC_T one, i64 count, i64 n, i64 m, i64 inner) {
  NBC_FOR(i, count) {
    i64 row = i / inner, outer = row / m, at = (outer * n + indices[row - outer * m]) * inner + (i - row * inner);
    atomicAdd((NBC_ATOMIC *)(to + at), (NBC_ATOMIC)(values ? values[i] : one));
  }
}
