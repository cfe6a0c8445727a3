// Folding in the order of docs/numerics.md: blocks of 4096 elements, in a block 16 lanes, which are combined by
// halves; then the blocks' results the same way. 16 threads fold a block, and 16 blocks go at a time.
// What is folded is written before: NBC_T, NBC_FROM, NBC_GET(x, y, m) of an element, the other tensor's at its place and
// the result's own number, NBC_OWN(m) for that number or nothing, NBC_NEUTRAL, NBC_COMBINE(a, b), NBC_FINISH(x, n, over).

// Elements lie as [outer, n, inner], results as [outer, blocks, inner].
template <class From, class Get>
static __device__ __forceinline__ void nbc_fold(NBC_T *to, const From *from, const From *other, const NBC_T *own, i64 outer,
                                                i64 n, i64 inner, i64 whole, f64 over, i64 is_last, Get get) {
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
      i64 at = (rest / blocks * n + start) * inner + group % inner;
      NBC_T number = NBC_OWN(own[rest / blocks * inner + group % inner]);
      const From *x = from + at, *y = other + at;
      for (i64 k = lane; k < rows; k += 16) part = NBC_COMBINE(part, get(x, y, k * inner, number));
    }
    lanes[lane * 16 + g] = part;
    __syncthreads();
    for (int half = 8; half > 0; half /= 2) {
      if (lane < half) lanes[lane * 16 + g] = NBC_COMBINE(lanes[lane * 16 + g], lanes[(lane + half) * 16 + g]);
      __syncthreads();
    }
    if (lane == 0 && group < groups) to[group] = is_last ? NBC_FINISH(lanes[g], whole, over) : lanes[g];
    __syncthreads();
  }
}
struct nbc_first_get {
  __device__ __forceinline__ NBC_T operator()(const NBC_FROM *x, const NBC_FROM *y, i64 at, NBC_T m) const { return NBC_GET(x[at], y[at], m); }
};
struct nbc_next_get {
  __device__ __forceinline__ NBC_T operator()(const NBC_T *x, const NBC_T *, i64 at, NBC_T) const { return x[at]; }
};
extern "C" __global__ void __launch_bounds__(256) nbc_first(NBC_T *to, const NBC_FROM *from, const NBC_FROM *other, const NBC_T *own, i64 outer, i64 n, i64 inner, i64 whole, f64 over, i64 is_last) {
  nbc_fold(to, from, other, own, outer, n, inner, whole, over, is_last, nbc_first_get());
}
extern "C" __global__ void __launch_bounds__(256) nbc_next(NBC_T *to, const NBC_T *from, const NBC_T *other, const NBC_T *own, i64 outer, i64 n, i64 inner, i64 whole, f64 over, i64 is_last) {
  nbc_fold(to, from, other, own, outer, n, inner, whole, over, is_last, nbc_next_get());
}
