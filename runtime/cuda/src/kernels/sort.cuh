// Sorting lanes by a bitonic network, and places in sorted vectors. NBC_T, NBC_KEY(x) and NBC_IS_NAN(x) are written before.
// A lane is put into a power of two of pairs: a key, an integer of the element's order, and a place. No two pairs are equal,
// so equals stay in order; what fills a lane up comes behind all.
typedef unsigned long long nbc_key;
NBC bool nbc_is_less(nbc_key a, i64 a_place, nbc_key b, i64 b_place) { return a < b || (a == b && a_place < b_place); }

// Elements lie as [outer, n, inner], pairs as lanes of `wide`.
extern "C" __global__ void __launch_bounds__(256) nbc_pairs(nbc_key *keys, i64 *places, const NBC_T *from, i64 lanes, i64 n, i64 inner, i64 wide) {
  for (i64 i = (i64)blockIdx.x * 256 + threadIdx.x; i < lanes * wide; i += (i64)gridDim.x * 256) {
    i64 lane = i / wide, k = i % wide;
    nbc_key key = ~0ULL;
    if (k < n) {
      NBC_T x = from[lane / inner * n * inner + lane % inner + k * inner];
      key = NBC_KEY(x);
    }
    keys[i] = key;
    places[i] = k;
  }
}

// One step of the network: pairs that lie `half` apart, in runs of `size` that ascend and descend by turns.
extern "C" __global__ void __launch_bounds__(256) nbc_step(nbc_key *keys, i64 *places, i64 count, i64 wide, i64 size, i64 half) {
  for (i64 t = (i64)blockIdx.x * 256 + threadIdx.x; t < count / 2; t += (i64)gridDim.x * 256) {
    i64 a = t / half * 2 * half + t % half, b = a + half;
    bool ascends = ((a & (wide - 1)) & size) == 0;
    if (nbc_is_less(keys[b], places[b], keys[a], places[a]) == ascends) {
      nbc_key key = keys[a];
      i64 place = places[a];
      keys[a] = keys[b];
      places[a] = places[b];
      keys[b] = key;
      places[b] = place;
    }
  }
}

// All steps of runs from `first` to `last` pairs that lie at most 256 apart, of 512 pairs at a time.
extern "C" __global__ void __launch_bounds__(256) nbc_steps(nbc_key *keys, i64 *places, i64 count, i64 wide, i64 first, i64 last) {
  __shared__ nbc_key key[512];
  __shared__ i64 place[512];
  int t = (int)threadIdx.x;
  for (i64 start = (i64)blockIdx.x * 512; start < count; start += (i64)gridDim.x * 512) {
    for (int i = t; i < 512; i += 256) {
      bool is_there = start + i < count;
      key[i] = is_there ? keys[start + i] : ~0ULL;
      place[i] = is_there ? places[start + i] : wide + i;
    }
    __syncthreads();
    for (i64 size = first; size <= last; size *= 2) {
      for (int half = size > 512 ? 256 : (int)(size / 2); half > 0; half /= 2) {
        int a = t / half * 2 * half + t % half, b = a + half;
        bool ascends = (((start + a) & (wide - 1)) & size) == 0;
        if (nbc_is_less(key[b], place[b], key[a], place[a]) == ascends) {
          nbc_key k = key[a];
          i64 p = place[a];
          key[a] = key[b];
          place[a] = place[b];
          key[b] = k;
          place[b] = p;
        }
        __syncthreads();
      }
    }
    for (int i = t; i < 512; i += 256)
      if (start + i < count) {
        keys[start + i] = key[i];
        places[start + i] = place[i];
      }
    __syncthreads();
  }
}

// What is in order: elements, or their places.
extern "C" __global__ void __launch_bounds__(256) nbc_elements(NBC_T *to, const NBC_T *from, const i64 *places, i64 lanes, i64 n, i64 inner, i64 wide) {
  for (i64 i = (i64)blockIdx.x * 256 + threadIdx.x; i < lanes * n; i += (i64)gridDim.x * 256) {
    i64 column = i % inner, k = i / inner % n, outer = i / inner / n;
    to[i] = from[outer * n * inner + column + places[(outer * inner + column) * wide + k] * inner];
  }
}
extern "C" __global__ void __launch_bounds__(256) nbc_places(i64 *to, const NBC_T *, const i64 *places, i64 lanes, i64 n, i64 inner, i64 wide) {
  for (i64 i = (i64)blockIdx.x * 256 + threadIdx.x; i < lanes * n; i += (i64)gridDim.x * 256) {
    i64 column = i % inner, k = i / inner % n, outer = i / inner / n;
    to[i] = places[(outer * inner + column) * wide + k];
  }
}

// How many elements of a sorted vector are before each value, or not behind it: NaN is behind all.
NBC bool nbc_before(NBC_T a, NBC_T b) { return a < b || (NBC_IS_NAN(b) && !NBC_IS_NAN(a)); }
extern "C" __global__ void __launch_bounds__(256) nbc_search(i64 *to, const NBC_T *sorted, const NBC_T *values, i64 count, i64 len, i64 behind) {
  for (i64 i = (i64)blockIdx.x * 256 + threadIdx.x; i < count; i += (i64)gridDim.x * 256) {
    NBC_T value = values[i];
    i64 start = 0, left = len;
    while (left > 0) {
      i64 half = left / 2;
      NBC_T at = sorted[start + half];
      bool is_after = behind ? !nbc_before(value, at) : nbc_before(at, value);
      start = is_after ? start + half + 1 : start;
      left = is_after ? left - half - 1 : half;
    }
    to[i] = start;
  }
}
