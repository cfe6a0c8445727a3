// Products of row-major matrices modulo a number: sums are exact, in three words, and reduced once. Tiles are those of
// other products (matmul.cuh).
extern "C" __global__ void __launch_bounds__(256) nbc_matmul(i64 *to, const u64 *a, const u64 *b, i64 m, i64 k, i64 n, i64 count, i64 a_step, i64 b_step, i64 first_row, i64 value, u64 divisor, u64 reciprocal, u64 shift) {
  __shared__ u64 of_a[16][17], of_b[16][17];
  nbc_modulus modulus = nbc_modulus_of(value, divisor, reciprocal, shift);
  int x = (int)threadIdx.x % 16, y = (int)threadIdx.x / 16;
  i64 row = first_row + (i64)blockIdx.y * 16 + y, column = (i64)blockIdx.x * 16 + x;
  for (i64 z = blockIdx.z; z < count; z += gridDim.z) {
    const u64 *left = a + z * a_step, *right = b + z * b_step;
    u64 low = 0, middle = 0, high = 0;
    for (i64 start = 0; start < k; start += 16) {
      of_a[y][x] = row < m && start + x < k ? left[row * k + start + x] : 0;
      of_b[y][x] = start + y < k && column < n ? right[(start + y) * n + column] : 0;
      __syncthreads();
      for (int j = 0; j < 16; j++) {
        u64 below = of_a[y][j] * of_b[j][x], above = __umul64hi(of_a[y][j], of_b[j][x]);
        low += below;
        above += low < below;
        middle += above;
        high += middle < above;
      }
      __syncthreads();
    }
    if (row < m && column < n)
      to[(z * m + row) * n + column] = (i64)nbc_remainder(nbc_remainder(nbc_residue(high, modulus), middle, modulus), low, modulus);
  }
}
