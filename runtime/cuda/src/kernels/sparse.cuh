// Products of a sparse matrix by rows: NBC_T and NBC_ZERO are written before. Of each row the products are added in ascending
// order of the columns, beginning with 0, and nothing is fused. A launch takes rows from `first` up to `end`, and of their
// elements those from `from` up to `to`: a row that has begun before goes on from what it has.

// A vector. 256 rows go at a time: all threads make products of elements that lie one after the other, and each adds
// those of its row.
extern "C" __global__ void __launch_bounds__(256) nbc_sparse_vector(NBC_T *out, const i64 *starts, const i32 *columns,
                                                                    const NBC_T *values, const NBC_T *x, i64 first, i64 end,
                                                                    i64 from, i64 to) {
  __shared__ NBC_T products[2048];
  int t = (int)threadIdx.x;
  for (i64 top = first + (i64)blockIdx.x * 256; top < end; top += (i64)gridDim.x * 256) {
    i64 below = top + 256 < end ? top + 256 : end, row = top + t, at = 0, last = 0;
    i64 tile = starts[top] > from ? starts[top] : from, stop = starts[below] < to ? starts[below] : to;
    NBC_T sum = NBC_ZERO;
    if (row < end) {
      at = starts[row];
      last = starts[row + 1] < to ? starts[row + 1] : to;
      if (at < from) {
        at = from;
        sum = out[row];
      }
    }
    for (; tile < stop; tile += 2048) {
      i64 count = stop - tile < 2048 ? stop - tile : 2048;
      for (i64 k = t; k < count; k += 256) products[k] = nbc_mul(values[tile + k], x[columns[tile + k]]);
      __syncthreads();
      i64 until = last < tile + count ? last : tile + count;
      for (; at < until; at++) sum = nbc_add(sum, products[at - tile]);
      __syncthreads();
    }
    if (row < end) out[row] = sum;
  }
}

// A dense matrix of `width` columns: a thread for each element of the result, neighbours in one row.
extern "C" __global__ void __launch_bounds__(256) nbc_sparse_dense(NBC_T *out, const i64 *starts, const i32 *columns,
                                                                   const NBC_T *values, const NBC_T *x, i64 first, i64 end,
                                                                   i64 from, i64 to, i64 width) {
  i64 count = (end - first) * width;
  for (i64 k = (i64)blockIdx.x * 256 + threadIdx.x; k < count; k += (i64)gridDim.x * 256) {
    i64 row = first + k / width, column = k % width;
    i64 at = starts[row], last = starts[row + 1] < to ? starts[row + 1] : to;
    NBC_T sum = NBC_ZERO;
    if (at < from) {
      at = from;
      sum = out[row * width + column];
    }
    for (; at < last; at++) sum = nbc_add(sum, nbc_mul(values[at], x[(i64)columns[at] * width + column]));
    out[row * width + column] = sum;
  }
}
