// Products of row-major matrices, (m, k) by (k, n), as many as there are: NBC_T is written before. Each element is
// the sum of its products in ascending order of the inner index, beginning with 0, and nothing is fused.
// 16 x 16 threads make as large a tile from tiles of both factors; tiles that stick out are filled with zeros, which
// are not added.
extern "C" __global__ void __launch_bounds__(256) nbc_matmul(NBC_T *to, const NBC_T *a, const NBC_T *b, i64 m, i64 k,
                                                             i64 n, i64 count, i64 a_step, i64 b_step, i64 first_row) {
  __shared__ NBC_T of_a[16][17], of_b[16][17];
  int x = (int)threadIdx.x % 16, y = (int)threadIdx.x / 16;
  i64 row = first_row + (i64)blockIdx.y * 16 + y, column = (i64)blockIdx.x * 16 + x;
  for (i64 z = blockIdx.z; z < count; z += gridDim.z) {
    const NBC_T *left = a + z * a_step, *right = b + z * b_step;
    NBC_T sum = 0;
    for (i64 start = 0; start < k; start += 16) {
      of_a[y][x] = row < m && start + x < k ? left[row * k + start + x] : (NBC_T)0;
      of_b[y][x] = start + y < k && column < n ? right[(start + y) * n + column] : (NBC_T)0;
      __syncthreads();
      int there = k - start < 16 ? (int)(k - start) : 16;
      for (int j = 0; j < there; j++) sum += of_a[y][j] * of_b[j][x];
      __syncthreads();
    }
    if (row < m && column < n) to[(z * m + row) * n + column] = sum;
  }
}
