// What libraries leave to be done before and behind them, of elements NBC_T: written before.

// Rows become columns, of (rows, columns) by rows; conjugated if that is said.
extern "C" __global__ void __launch_bounds__(256) nbc_turn(NBC_T *to, const NBC_T *from, i64 rows, i64 columns,
                                                           i64 conjugated) {
  __shared__ NBC_T tile[16][17];
  int x = (int)threadIdx.x % 16, y = (int)threadIdx.x / 16;
  i64 across = (columns + 15) / 16, tiles = (rows + 15) / 16 * across;
  for (i64 at = blockIdx.x; at < tiles; at += gridDim.x) {
    i64 row = at / across * 16, column = at % across * 16;
    if (row + y < rows && column + x < columns) tile[y][x] = from[(row + y) * columns + column + x];
    __syncthreads();
    if (column + y < columns && row + x < rows) {
      NBC_T element = tile[x][y];
      to[(column + y) * rows + row + x] = conjugated ? nbc_turned(element) : element;
    }
    __syncthreads();
  }
}

// A triangle of a matrix that lies by any steps, (rows, columns) by rows, and zeros: the lower one (0), that with ones
// on the diagonal (1), or the upper one (2). It may be the place that it is read from.
extern "C" __global__ void __launch_bounds__(256) nbc_triangle(NBC_T *to, const NBC_T *from, i64 rows, i64 columns,
                                                               i64 row_step, i64 column_step, i64 which) {
  for (i64 i = (i64)blockIdx.x * 256 + threadIdx.x; i < rows * columns; i += (i64)gridDim.x * 256) {
    i64 row = i / columns, column = i % columns;
    bool is_there = which == 2 ? row <= column : which == 1 ? row > column : row >= column;
    NBC_T element = from[row * row_step + column * column_step];
    to[i] = is_there ? element : nbc_number<NBC_T>(which == 1 && row == column ? 1 : 0);
  }
}

// Says so where an element is NaN or infinite.
extern "C" __global__ void __launch_bounds__(256) nbc_look(i32 *is_odd, const NBC_T *from, i64 n) {
  for (i64 i = (i64)blockIdx.x * 256 + threadIdx.x; i < n; i += (i64)gridDim.x * 256)
    if (!nbc_is_finite(from[i])) *is_odd = 1;
}

// All elements times a real number.
extern "C" __global__ void __launch_bounds__(256) nbc_scale(NBC_T *to, i64 n, f64 by) {
  for (i64 i = (i64)blockIdx.x * 256 + threadIdx.x; i < n; i += (i64)gridDim.x * 256) to[i] = nbc_times(to[i], by);
}

// Lines of `wanted` elements from lines of `n`, of (outer, n, inner): cut off, or filled up with zeros.
extern "C" __global__ void __launch_bounds__(256) nbc_fit(NBC_T *to, const NBC_T *from, i64 outer, i64 n, i64 wanted,
                                                          i64 inner) {
  for (i64 i = (i64)blockIdx.x * 256 + threadIdx.x; i < outer * wanted * inner; i += (i64)gridDim.x * 256) {
    i64 within = i % inner, line = i / inner, place = line % wanted, start = line / wanted;
    to[i] = place < n ? from[(start * n + place) * inner + within] : nbc_number<NBC_T>(0);
  }
}

// The first of each line of complex numbers, (outer, half, inner), is real where the line is the transform of n real
// numbers, and so is the last of an even number: whatever else lies there does not count.
extern "C" __global__ void __launch_bounds__(256) nbc_real_ends(NBC_T *to, i64 outer, i64 half, i64 inner, i64 n) {
  for (i64 i = (i64)blockIdx.x * 256 + threadIdx.x; i < outer * inner; i += (i64)gridDim.x * 256) {
    NBC_T *line = to + i / inner * half * inner + i % inner;
    nbc_make_real(line[0]);
    if (n % 2 == 0) nbc_make_real(line[(half - 1) * inner]);
  }
}
