// Folding in the order of docs/numerics.md: blocks of 4096 elements, in a block 16 lanes, which are combined by
// halves; then the blocks' results the same way. 16 threads fold a block, and 16 blocks go at a time.
// What is folded is written before: NBC_T, NBC_FROM, NBC_GET(x), NBC_NEUTRAL, NBC_COMBINE(a, b), NBC_FINISH(x, n).

// Elements lie as [outer, n, inner], results as [outer, blocks, inner].
template <class From, class Get>
static __device__ __forceinline__ void nbc_fold(NBC_T *to, const From *from, i64 outer, i64 n, i64 inner, i64 whole,
                                                i64 is_last, Get get) {
  __shared__ NBC_T lanes[256];
  i64 blocks = (n + 4095) / 4096, groups = outer * blocks * inner;
  // Neighbouring threads read neighbouring elements.
  int t = (int)threadIdx.x, lane = inner > 1 ? t / 16 : t % 16, g = inner > 1 ? t % 16 : t / 16;
  for (i64 first = (i64)blockIdx.x * 16; first < groups; first += (i64)gridDim.x * 16) {
    i64 group = first + g;
    NBC_T part = NBC_NEUTRAL;
    if (group < groups) {
      i64 rest = group / inner, start = rest % blocks * 4096;
      i64 rows = n - start < 4096 ? n - start : 4096;
      const From *x = from + (rest / blocks * n + start) * inner + group % inner;
      for (i64 k = lane; k < rows; k += 16) part = NBC_COMBINE(part, get(x[k * inner]));
    }
    lanes[lane * 16 + g] = part;
    __syncthreads();
    for (int half = 8; half > 0; half /= 2) {
      if (lane < half) lanes[lane * 16 + g] = NBC_COMBINE(lanes[lane * 16 + g], lanes[(lane + half) * 16 + g]);
      __syncthreads();
    }
    if (lane == 0 && group < groups) to[group] = is_last ? NBC_FINISH(lanes[g], whole) : lanes[g];
    __syncthreads();
  }
}
struct nbc_first_get {
  __device__ __forceinline__ NBC_T operator()(NBC_FROM x) const { return NBC_GET(x); }
};
struct nbc_next_get {
  __device__ __forceinline__ NBC_T operator()(NBC_T x) const { return x; }
};
extern "C" __global__ void __launch_bounds__(256) nbc_first(NBC_T *to, const NBC_FROM *from, i64 outer, i64 n, i64 inner, i64 whole, i64 is_last) {
  nbc_fold(to, from, outer, n, inner, whole, is_last, nbc_first_get());
}
extern "C" __global__ void __launch_bounds__(256) nbc_next(NBC_T *to, const NBC_T *from, i64 outer, i64 n, i64 inner, i64 whole, i64 is_last) {
  nbc_fold(to, from, outer, n, inner, whole, is_last, nbc_next_get());
}
