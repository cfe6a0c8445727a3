// Running sums and products, and differences of neighbours. NBC_T and NBC_COMBINE(a, b) are written before.

// Elements lie as [outer, n, inner]; a thread goes along a lane, one element after the other, from `start` up to `end`.
extern "C" __global__ void __launch_bounds__(256) nbc_running(NBC_T *to, const NBC_T *from, i64 lanes, i64 n, i64 inner, i64 start, i64 end) {
  for (i64 lane = (i64)blockIdx.x * 256 + threadIdx.x; lane < lanes; lane += (i64)gridDim.x * 256) {
    i64 base = lane / inner * n * inner + lane % inner, k = start;
    NBC_T total;
    // What there is so far has been written by the launch before.
    if (k > 0) {
      total = to[base + (k - 1) * inner];
    } else {
      total = from[base];
      to[base] = total;
      k = 1;
    }
    for (; k < end; k++) {
      total = NBC_COMBINE(total, from[base + k * inner]);
      to[base + k * inner] = total;
    }
  }
}

extern "C" __global__ void __launch_bounds__(256) nbc_differences(NBC_T *to, const NBC_T *from, i64 count, i64 n, i64 inner) {
  i64 slab = (n - 1) * inner;
  for (i64 i = (i64)blockIdx.x * 256 + threadIdx.x; i < count; i += (i64)gridDim.x * 256) {
    i64 at = i / slab * n * inner + i % slab;
    to[i] = nbc_sub(from[at + inner], from[at]);
  }
}
