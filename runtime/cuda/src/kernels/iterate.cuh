// What iterations do with vectors, in the order of docs/numerics.md: a sum is made in blocks of 4096 elements, in a block of 8
// sums, then of the elements that are left over, and the blocks' sums one after the other. Nothing is fused. Written before:
// NBC_T, NBC_ZERO, NBC_CONJ(x), NBC_SQUARE(x) and NBC_SIZE(x), which are f64.
#define NBC_EACH(k) for (i64 k = (i64)blockIdx.x * 256 + threadIdx.x; k < n; k += (i64)gridDim.x * 256)

// How an element changes: `Change` in vector.rs, in its order.
extern "C" __global__ void __launch_bounds__(256) nbc_change(NBC_T *y, const NBC_T *x, NBC_T by, i64 how, i64 n) {
  NBC_EACH(k) {
    NBC_T a = x[k];
    y[k] = how == 0 ? a
         : how == 1 ? nbc_mul(a, by)
         : how == 2 ? nbc_add(y[k], nbc_mul(by, a))
         : how == 3 ? nbc_sub(y[k], nbc_mul(by, a))
         : how == 4 ? nbc_add(a, nbc_mul(by, y[k]))
                    : nbc_sub(y[k], a);
  }
}
extern "C" __global__ void __launch_bounds__(256) nbc_times(NBC_T *to, const NBC_T *x, const NBC_T *by, i64 n) {
  NBC_EACH(k) to[k] = nbc_mul(x[k], by[k]);
}
// Raises the flag where an element is not finite.
extern "C" __global__ void __launch_bounds__(256) nbc_scale(NBC_T *x, NBC_T by, i32 *flag, i64 n) {
  NBC_EACH(k) {
    NBC_T scaled = nbc_mul(x[k], by);
    x[k] = scaled;
    if (!nbc_is_finite(scaled)) *flag = 1;
  }
}

struct nbc_sum {
  template <class R> __device__ __forceinline__ R operator()(R a, R b) const { return nbc_add(a, b); }
};
struct nbc_most {
  __device__ __forceinline__ f64 operator()(f64 a, f64 b) const { return b > a ? b : a; }
};
// One number for each block of 4096 elements. 256 threads get elements, 8 of them fold.
template <class R, class Get, class Combine>
static __device__ __forceinline__ void nbc_blocks(R *to, i64 n, R zero, Get get, Combine combine) {
  __shared__ R tile[2048], lanes[8];
  int t = (int)threadIdx.x;
  for (i64 block = blockIdx.x; block * 4096 < n; block += gridDim.x) {
    i64 start = block * 4096, count = n - start < 4096 ? n - start : 4096, whole = count / 8 * 8, first = 0;
    R part = zero;
    for (i64 at = 0; at < count; at += 2048) {
      i64 len = count - at < 2048 ? count - at : 2048;
      first = at;
      for (i64 k = t; k < len; k += 256) tile[k] = get(start + at + k);
      __syncthreads();
      i64 until = whole - at < len ? whole - at : len;
      if (t < 8)
        for (i64 k = t; k < until; k += 8) part = combine(part, tile[k]);
      __syncthreads();
    }
    if (t < 8) lanes[t] = part;
    __syncthreads();
    if (t == 0) {
      R sum = zero;
      for (int lane = 0; lane < 8; lane++) sum = combine(sum, lanes[lane]);
      for (i64 k = whole; k < count; k++) sum = combine(sum, tile[k - first]);
      to[block] = sum;
    }
    __syncthreads();
  }
}
// All numbers in their order, by one block: one thread adds what all have got.
template <class R, class Combine>
static __device__ __forceinline__ void nbc_whole(R *to, const R *parts, i64 n, R zero, Combine combine) {
  __shared__ R tile[256];
  int t = (int)threadIdx.x;
  R sum = zero;
  for (i64 at = 0; at < n; at += 256) {
    i64 len = n - at < 256 ? n - at : 256;
    if (t < len) tile[t] = parts[at + t];
    __syncthreads();
    if (t == 0)
      for (i64 k = 0; k < len; k++) sum = combine(sum, tile[k]);
    __syncthreads();
  }
  if (t == 0) to[0] = sum;
}

struct nbc_product_get {
  const NBC_T *x, *y;
  __device__ __forceinline__ NBC_T operator()(i64 k) const { return nbc_mul(NBC_CONJ(x[k]), y[k]); }
};
struct nbc_square_get {
  const NBC_T *x;
  __device__ __forceinline__ f64 operator()(i64 k) const { NBC_T a = x[k]; return NBC_SQUARE(a); }
};
struct nbc_size_get {
  const NBC_T *x;
  __device__ __forceinline__ f64 operator()(i64 k) const { NBC_T a = x[k]; return NBC_SIZE(a); }
};
extern "C" __global__ void __launch_bounds__(256) nbc_dot(NBC_T *to, const NBC_T *x, const NBC_T *y, i64 n) {
  nbc_blocks(to, n, NBC_ZERO, nbc_product_get{x, y}, nbc_sum());
}
extern "C" __global__ void __launch_bounds__(256) nbc_dot_whole(NBC_T *to, const NBC_T *parts, i64 n) {
  nbc_whole(to, parts, n, NBC_ZERO, nbc_sum());
}
extern "C" __global__ void __launch_bounds__(256) nbc_squares(f64 *to, const NBC_T *x, i64 n) {
  nbc_blocks(to, n, (f64)0, nbc_square_get{x}, nbc_sum());
}
extern "C" __global__ void __launch_bounds__(256) nbc_squares_whole(f64 *to, const f64 *parts, i64 n) {
  nbc_whole(to, parts, n, (f64)0, nbc_sum());
}
extern "C" __global__ void __launch_bounds__(256) nbc_greatest(f64 *to, const NBC_T *x, i64 n) {
  nbc_blocks(to, n, (f64)0, nbc_size_get{x}, nbc_most());
}
extern "C" __global__ void __launch_bounds__(256) nbc_greatest_whole(f64 *to, const f64 *parts, i64 n) {
  nbc_whole(to, parts, n, (f64)0, nbc_most());
}
