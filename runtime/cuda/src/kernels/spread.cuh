// Roots of sums of squares. NBC_T and NBC_LEAST are written before: below that squares may have been lost.
extern "C" __global__ void __launch_bounds__(256) nbc_roots(NBC_T *to, i64 n, i32 *unsafe) {
  for (i64 i = (i64)blockIdx.x * 256 + threadIdx.x; i < n; i += (i64)gridDim.x * 256) {
    NBC_T squares = to[i];
    if (!(squares >= NBC_LEAST && squares - squares == 0)) *unsafe = 1;
    to[i] = nbc_root(squares);
  }
}
