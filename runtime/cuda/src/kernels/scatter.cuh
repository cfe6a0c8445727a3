// Elements written into a tensor: at indices, which lie within, or by a mask. NBC_T is written before. Values are a tensor,
// or one for all.
#define NBC_FOR(i, n) for (i64 i = (i64)blockIdx.x * 256 + threadIdx.x; i < (n); i += (i64)gridDim.x * 256)
typedef unsigned long long nbc_number;

// By place that is written, the number of the last value for it, from 1.
extern "C" __global__ void __launch_bounds__(256) nbc_clear(nbc_number *last, const i64 *indices, i64 m) {
  NBC_FOR(i, m) last[indices[i]] = 0;
}
extern "C" __global__ void __launch_bounds__(256) nbc_last(nbc_number *last, const i64 *indices, i64 m) {
  NBC_FOR(i, m) atomicMax(last + indices[i], (nbc_number)(i + 1));
}
extern "C" __global__ void __launch_bounds__(256) nbc_put(NBC_T *to, const i64 *indices, const nbc_number *last, const NBC_T *values, NBC_T one, i64 m) {
  NBC_FOR(i, m) {
    i64 at = indices[i];
    if (!values) to[at] = one;
    else if (last[at] == (nbc_number)(i + 1)) to[at] = values[i];
  }
}

// The mask goes in pieces of 64 elements: how many each chooses, how many all before it, and what is written.
extern "C" __global__ void __launch_bounds__(256) nbc_chosen(i64 *counts, const bool *mask, i64 n) {
  NBC_FOR(piece, (n + 63) / 64) {
    i64 sum = 0;
    for (i64 i = piece * 64; i < n && i < piece * 64 + 64; i++) sum += mask[i];
    counts[piece] = sum;
  }
}
// One block: each thread has a stretch, and adds up those before its own.
extern "C" __global__ void __launch_bounds__(256) nbc_numbers(i64 *counts, i64 pieces) {
  __shared__ i64 sums[256];
  i64 stretch = (pieces + 255) / 256, first = (i64)threadIdx.x * stretch;
  i64 end = first + stretch < pieces ? first + stretch : pieces, sum = 0;
  for (i64 i = first; i < end; i++) sum += counts[i];
  sums[threadIdx.x] = sum;
  __syncthreads();
  i64 before = 0;
  for (int t = 0; t < (int)threadIdx.x; t++) before += sums[t];
  for (i64 i = first; i < end; i++) {
    i64 own = counts[i];
    counts[i] = before;
    before += own;
  }
}
extern "C" __global__ void __launch_bounds__(256) nbc_put_mask(NBC_T *to, const bool *mask, const i64 *before, const NBC_T *values, NBC_T one, i64 n) {
  if (!values) {
    NBC_FOR(i, n) if (mask[i]) to[i] = one;
    return;
  }
  NBC_FOR(piece, (n + 63) / 64) {
    i64 number = before[piece];
    for (i64 i = piece * 64; i < n && i < piece * 64 + 64; i++)
      if (mask[i]) to[i] = values[number++];
  }
}
