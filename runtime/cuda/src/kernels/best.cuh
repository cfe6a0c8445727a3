// The index of the first smallest (largest) element along an axis, or of the first NaN. NBC_T and NBC_BEATS(a, b)
// are written before. 16 threads look through a segment of each lane for its best, and then through those.
static __device__ __forceinline__ bool nbc_is_better(NBC_T a, i64 at, NBC_T b, i64 other) {
  if (other < 0 || at < 0) return other < 0 && at >= 0;
  bool a_nan = a != a, b_nan = b != b;
  if (a_nan != b_nan) return a_nan;
  if (!a_nan && a != b) return NBC_BEATS(a, b);
  return at < other;
}
// Elements lie as [outer, n, inner]. Candidates are all of a lane, or those whose places lie as
// [outer, candidates, inner]; results are places too, as [outer, segments, inner].
extern "C" __global__ void __launch_bounds__(256) nbc_best(i64 *to, const NBC_T *from, const i64 *candidate, i64 outer, i64 n, i64 inner, i64 candidates, i64 segment) {
  __shared__ NBC_T values[256];
  __shared__ i64 places[256];
  i64 segments = (candidates + segment - 1) / segment, groups = outer * segments * inner;
  int t = (int)threadIdx.x, lane = inner > 1 ? t / 16 : t % 16, g = inner > 1 ? t % 16 : t / 16;
  int own = lane * 16 + g;
  for (i64 first = (i64)blockIdx.x * 16; first < groups; first += (i64)gridDim.x * 16) {
    i64 group = first + g, place = -1;
    NBC_T value = 0;
    if (group < groups) {
      i64 row = group / inner, column = group % inner, start = row % segments * segment;
      i64 end = candidates - start < segment ? candidates : start + segment;
      const NBC_T *x = from + row / segments * n * inner + column;
      const i64 *listed = candidate + row / segments * candidates * inner + column;
      for (i64 k = start + lane; k < end; k += 16) {
        i64 at = candidate ? listed[k * inner] : k;
        if (nbc_is_better(x[at * inner], at, value, place)) {
          value = x[at * inner];
          place = at;
        }
      }
    }
    values[own] = value;
    places[own] = place;
    __syncthreads();
    for (int half = 8; half > 0; half /= 2) {
      int with = own + half * 16;
      if (lane < half && nbc_is_better(values[with], places[with], values[own], places[own])) {
        values[own] = values[with];
        places[own] = places[with];
      }
      __syncthreads();
    }
    if (lane == 0 && group < groups) to[group] = places[g];
    __syncthreads();
  }
}
