// SHA-2 of rows, a thread for each (FIPS 180-4). NBC_WIDE is written before, 1 for words of 64 bits, and NBC_DIGEST, bytes of
// a digest, and NBC_START, the words that it begins with. A row is taken in by blocks `first` to `end` of `all`, and what
// it has come to is kept for the next launch.
__constant__ u64 nbc_constants[80] = {
  0x428a2f98d728ae22ULL, 0x7137449123ef65cdULL, 0xb5c0fbcfec4d3b2fULL, 0xe9b5dba58189dbbcULL, 0x3956c25bf348b538ULL,
  0x59f111f1b605d019ULL, 0x923f82a4af194f9bULL, 0xab1c5ed5da6d8118ULL, 0xd807aa98a3030242ULL, 0x12835b0145706fbeULL,
  0x243185be4ee4b28cULL, 0x550c7dc3d5ffb4e2ULL, 0x72be5d74f27b896fULL, 0x80deb1fe3b1696b1ULL, 0x9bdc06a725c71235ULL,
  0xc19bf174cf692694ULL, 0xe49b69c19ef14ad2ULL, 0xefbe4786384f25e3ULL, 0x0fc19dc68b8cd5b5ULL, 0x240ca1cc77ac9c65ULL,
  0x2de92c6f592b0275ULL, 0x4a7484aa6ea6e483ULL, 0x5cb0a9dcbd41fbd4ULL, 0x76f988da831153b5ULL, 0x983e5152ee66dfabULL,
  0xa831c66d2db43210ULL, 0xb00327c898fb213fULL, 0xbf597fc7beef0ee4ULL, 0xc6e00bf33da88fc2ULL, 0xd5a79147930aa725ULL,
  0x06ca6351e003826fULL, 0x142929670a0e6e70ULL, 0x27b70a8546d22ffcULL, 0x2e1b21385c26c926ULL, 0x4d2c6dfc5ac42aedULL,
  0x53380d139d95b3dfULL, 0x650a73548baf63deULL, 0x766a0abb3c77b2a8ULL, 0x81c2c92e47edaee6ULL, 0x92722c851482353bULL,
  0xa2bfe8a14cf10364ULL, 0xa81a664bbc423001ULL, 0xc24b8b70d0f89791ULL, 0xc76c51a30654be30ULL, 0xd192e819d6ef5218ULL,
  0xd69906245565a910ULL, 0xf40e35855771202aULL, 0x106aa07032bbd1b8ULL, 0x19a4c116b8d2d0c8ULL, 0x1e376c085141ab53ULL,
  0x2748774cdf8eeb99ULL, 0x34b0bcb5e19b48a8ULL, 0x391c0cb3c5c95a63ULL, 0x4ed8aa4ae3418acbULL, 0x5b9cca4f7763e373ULL,
  0x682e6ff3d6b2b8a3ULL, 0x748f82ee5defb2fcULL, 0x78a5636f43172f60ULL, 0x84c87814a1f0ab72ULL, 0x8cc702081a6439ecULL,
  0x90befffa23631e28ULL, 0xa4506cebde82bde9ULL, 0xbef9a3f7b2c67915ULL, 0xc67178f2e372532bULL, 0xca273eceea26619cULL,
  0xd186b8c721c0c207ULL, 0xeada7dd6cde0eb1eULL, 0xf57d4f7fee6ed178ULL, 0x06f067aa72176fbaULL, 0x0a637dc5a2c898a6ULL,
  0x113f9804bef90daeULL, 0x1b710b35131c471bULL, 0x28db77f523047d84ULL, 0x32caab7b40c72493ULL, 0x3c9ebe0a15c9bebcULL,
  0x431d67c49c100d4cULL, 0x4cc5d4becb3e42b6ULL, 0x597f299cfc657e2aULL, 0x5fcb6fab3ad6faecULL, 0x6c44198c4a475817ULL};
#if NBC_WIDE
typedef u64 word;
#define NBC_ROUNDS 80
#define NBC_CONSTANT(n) nbc_constants[n]
#define NBC_BIG(x, a, b, c) (nbc_ror(x, a) ^ nbc_ror(x, b) ^ nbc_ror(x, c))
#define NBC_SMALL(x, a, b, c) (nbc_ror(x, a) ^ nbc_ror(x, b) ^ (x) >> (c))
#define NBC_OF_A(x) NBC_BIG(x, 28, 34, 39)
#define NBC_OF_E(x) NBC_BIG(x, 14, 18, 41)
#define NBC_NEAR(x) NBC_SMALL(x, 1, 8, 7)
#define NBC_FAR(x) NBC_SMALL(x, 19, 61, 6)
#else
typedef u32 word;
#define NBC_ROUNDS 64
#define NBC_CONSTANT(n) ((u32)(nbc_constants[n] >> 32))
#define NBC_BIG(x, a, b, c) (nbc_ror(x, a) ^ nbc_ror(x, b) ^ nbc_ror(x, c))
#define NBC_SMALL(x, a, b, c) (nbc_ror(x, a) ^ nbc_ror(x, b) ^ (x) >> (c))
#define NBC_OF_A(x) NBC_BIG(x, 2, 13, 22)
#define NBC_OF_E(x) NBC_BIG(x, 6, 11, 25)
#define NBC_NEAR(x) NBC_SMALL(x, 7, 18, 3)
#define NBC_FAR(x) NBC_SMALL(x, 17, 19, 10)
#endif
#define NBC_BYTES ((int)sizeof(word))
#define NBC_BLOCK (16 * NBC_BYTES)
NBC word nbc_ror(word x, int by) { return x >> by | x << (8 * NBC_BYTES - by); }

// Four bytes of a row with what is filled up: a bit, zeros, and in the last block the number of bits.
NBC u32 nbc_filled(const u8 *row, i64 at, i64 len, i64 all) {
  u32 x = at < len ? nbc_text(row, at, len) : 0;
  if (len >= at && len < at + 4) x |= 0x80u << 8 * (int)(len - at);
  x = nbc_turned(x);
  i64 end = all * NBC_BLOCK;
  if (at == end - 4) x = (u32)((u64)len << 3);
  if (at == end - 8) x = (u32)((u64)len >> 29);
  return x;
}
NBC word nbc_message(const u8 *row, i64 at, i64 len, i64 all) {
#if NBC_WIDE
  return (word)nbc_filled(row, at, len, all) << 32 | nbc_filled(row, at + 4, len, all);
#else
  return nbc_filled(row, at, len, all);
#endif
}

extern "C" __global__ void __launch_bounds__(256) nbc_rows(u8 *to, const u8 *from, word *kept, i64 rows, i64 len, i64 first, i64 end, i64 all) {
  const word start[8] = {NBC_START};
  for (i64 row = (i64)blockIdx.x * 256 + threadIdx.x; row < rows; row += (i64)gridDim.x * 256) {
    word h[8];
#pragma unroll
    for (int n = 0; n < 8; n++) h[n] = first ? kept[n * rows + row] : start[n];
    for (i64 block = first; block < end; block++) {
      word w[16];
#pragma unroll
      for (int n = 0; n < 16; n++) w[n] = nbc_message(from + row * len, block * NBC_BLOCK + n * NBC_BYTES, len, all);
      word a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6], last = h[7];
      for (int round = 0; round < NBC_ROUNDS; round += 16) {
#pragma unroll
        for (int n = 0; n < 16; n++) {
          if (round) w[n] += NBC_FAR(w[(n + 14) % 16]) + w[(n + 9) % 16] + NBC_NEAR(w[(n + 1) % 16]);
          word x = last + NBC_OF_E(e) + ((e & f) ^ (~e & g)) + NBC_CONSTANT(round + n) + w[n];
          word y = NBC_OF_A(a) + ((a & b) ^ (a & c) ^ (b & c));
          last = g; g = f; f = e; e = d + x; d = c; c = b; b = a; a = x + y;
        }
      }
      h[0] += a; h[1] += b; h[2] += c; h[3] += d; h[4] += e; h[5] += f; h[6] += g; h[7] += last;
    }
    if (end == all) {
#pragma unroll
      for (int n = 0; n < NBC_DIGEST; n++) to[row * NBC_DIGEST + n] = (u8)(h[n / NBC_BYTES] >> 8 * (NBC_BYTES - 1 - n % NBC_BYTES));
    } else {
#pragma unroll
      for (int n = 0; n < 8; n++) kept[n * rows + row] = h[n];
    }
  }
}
