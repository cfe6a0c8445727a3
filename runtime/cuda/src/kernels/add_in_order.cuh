// Elements added at indices of a tensor [outer, n, inner], in order; values are [outer, m, inner], `count` of them, or one
// for all. `places` are those of the indices in ascending order, equal ones as they come.
// Whether an index comes more often than `most` times: then so do those that lie as far apart in order.
extern "C" __global__ void __launch_bounds__(256) nbc_crowd(i32 *flag, const i64 *indices, const i64 *places, i64 m, i64 most) {
  NBC_FOR(i, m - most) if (indices[places[i]] == indices[places[i + most]]) *flag = 1;
}
// The thread of the first index for a place adds what comes for it, in order.
extern "C" __global__ void __launch_bounds__(256) nbc_add_in_order(NBC_T *to, const i64 *indices, const i64 *places, const NBC_T *values, NBC_T one, i64 count, i64 n, i64 m, i64 inner) {
  NBC_FOR(i, count) {
    i64 row = i / inner, outer = row / m, k = row - outer * m, column = i - row * inner;
    i64 index = indices[places[k]];
    if (k > 0 && indices[places[k - 1]] == index) continue;
    NBC_T *at = to + (outer * n + index) * inner + column;
    NBC_T sum = *at;
    for (; k < m && indices[places[k]] == index; k++) {
      sum = nbc_add(sum, values ? values[(outer * m + places[k]) * inner + column] : one);
    }
    *at = sum;
  }
}
