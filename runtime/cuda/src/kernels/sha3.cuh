// SHA-3 of rows, a thread for each (FIPS 202). NBC_RATE, bytes of a block, and NBC_DIGEST are written before. A row is
// taken in by blocks `first` to `end` of `all`, and what it has come to is kept for the next launch.
__constant__ u64 nbc_constants[24] = {
  0x0000000000000001ULL, 0x0000000000008082ULL, 0x800000000000808aULL, 0x8000000080008000ULL,
  0x000000000000808bULL, 0x0000000080000001ULL, 0x8000000080008081ULL, 0x8000000000008009ULL,
  0x000000000000008aULL, 0x0000000000000088ULL, 0x0000000080008009ULL, 0x000000008000000aULL,
  0x000000008000808bULL, 0x800000000000008bULL, 0x8000000000008089ULL, 0x8000000000008003ULL,
  0x8000000000008002ULL, 0x8000000000000080ULL, 0x000000000000800aULL, 0x800000008000000aULL,
  0x8000000080008081ULL, 0x8000000000008080ULL, 0x0000000080000001ULL, 0x8000000080008008ULL};
NBC u64 nbc_rol(u64 x, int by) { return by ? x << by | x >> (64 - by) : x; }
NBC void nbc_keccak(u64 *a) {
  for (int round = 0; round < 24; round++) {
    u64 c[5];
#pragma unroll
    for (int x = 0; x < 5; x++) c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
#pragma unroll
    for (int n = 0; n < 25; n++) a[n] ^= c[(n + 4) % 5] ^ nbc_rol(c[(n + 1) % 5], 1);
    u64 moved = a[1];
    int x = 1, y = 0;
#pragma unroll
    for (int t = 0; t < 24; t++) {
      int next = (2 * x + 3 * y) % 5;
      x = y;
      y = next;
      u64 there = a[x + 5 * y];
      a[x + 5 * y] = nbc_rol(moved, (t + 1) * (t + 2) / 2 % 64);
      moved = there;
    }
#pragma unroll
    for (int row = 0; row < 25; row += 5) {
#pragma unroll
      for (int n = 0; n < 5; n++) c[n] = a[row + n];
#pragma unroll
      for (int n = 0; n < 5; n++) a[row + n] = c[n] ^ (~c[(n + 1) % 5] & c[(n + 2) % 5]);
    }
    a[0] ^= nbc_constants[round];
  }
}
// Four bytes of a row with what is filled up: two bits and a one, zeros, and a one at the end.
NBC u32 nbc_filled(const u8 *row, i64 at, i64 len, i64 all) {
  u32 x = at < len ? nbc_text(row, at, len) : 0;
  if (len >= at && len < at + 4) x |= 0x06u << 8 * (int)(len - at);
  if (at == all * NBC_RATE - 4) x |= 0x80000000u;
  return x;
}
extern "C" __global__ void __launch_bounds__(256) nbc_rows(u8 *to, const u8 *from, u64 *kept, i64 rows, i64 len, i64 first, i64 end, i64 all) {
  for (i64 row = (i64)blockIdx.x * 256 + threadIdx.x; row < rows; row += (i64)gridDim.x * 256) {
    u64 a[25];
#pragma unroll
    for (int n = 0; n < 25; n++) a[n] = first ? kept[n * rows + row] : 0;
    for (i64 block = first; block < end; block++) {
#pragma unroll
      for (int n = 0; n < NBC_RATE / 8; n++) {
        i64 at = block * NBC_RATE + 8 * n;
        a[n] ^= (u64)nbc_filled(from + row * len, at + 4, len, all) << 32 | nbc_filled(from + row * len, at, len, all);
      }
      nbc_keccak(a);
    }
    if (end == all) {
#pragma unroll
      for (int n = 0; n < NBC_DIGEST; n++) to[row * NBC_DIGEST + n] = (u8)(a[n / 8] >> 8 * (n % 8));
    } else {
#pragma unroll
      for (int n = 0; n < 25; n++) kept[n * rows + row] = a[n];
    }
  }
}
