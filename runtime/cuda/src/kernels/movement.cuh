// Elements in another order or number. NBC_T is a type as large as the elements: nothing is computed of them.

// What an index of the result is along an axis, as movement.rs numbers it.
#define NBC_SAME 0
#define NBC_ROLL 1
#define NBC_REPEAT 2
#define NBC_GIVEN 3
#define NBC_EDGE 4
#define NBC_WRAP 5
#define NBC_REFLECT 6

// The index along an axis of the source, which has n, of index i of the result; -1 where it is in no place of it.
NBC i64 nbc_along(i64 kind, i64 i, i64 n, i64 by) {
  if (kind == NBC_SAME) return i;
  if (kind == NBC_ROLL) return i < by ? n - by + i : i - by;
  if (kind == NBC_REPEAT) return i / by;
  i64 at = i - by;
  if (at >= 0 && at < n) return at;
  if (kind == NBC_GIVEN) return -1;
  if (kind == NBC_EDGE) return at < 0 ? 0 : n - 1;
  // Those that repeat themselves: by turns in reverse, where they reflect.
  i64 period = kind == NBC_WRAP ? n : kind == NBC_REFLECT ? 2 * (n - 1) : 2 * n;
  if (period == 0) return 0;
  at %= period;
  if (at < 0) at += period;
  return at < n ? at : kind == NBC_REFLECT ? period - at : period - 1 - at;
}

// Parts of rows side by side: each row of the result has `part` elements of this tensor from `first` on.
extern "C" __global__ void __launch_bounds__(256) nbc_join(NBC_T *to, const NBC_T *from, i64 n, i64 part, i64 row, i64 first) {
  for (i64 i = (i64)blockIdx.x * 256 + threadIdx.x; i < n; i += (i64)gridDim.x * 256) to[i / part * row + first + i % part] = from[i];
}
