// AES by tables (FIPS 197), counter mode, chained blocks that are decrypted, and the polynomial of GCM (NIST SP 800-38A, 38D).
// Its time depends on keys and texts. nbc_forward and nbc_backward, 256 words each, are written before: the column that
// a byte of the first row comes to, its first row in the lowest byte. Tables of the other rows are those turned.
// In shared memory each word is there 32 times, so that no two lanes of a warp want other words of one bank.
//
// What calls have in common lies in a room of 64-bit numbers: the point of GCM, the counter, the sum, two each, the
// upper half first; from number 8 on round keys.
#define NBC_KEYS(room) ((u32 *)(room) + 16)
NBC u32 nbc_rol(u32 x, int by) { return x << by | x >> (32 - by); }
NBC u32 nbc_substituted(u32 x) {
  return (nbc_forward[x & 255] >> 8 & 255) | (nbc_forward[x >> 8 & 255] & 0xff00u) |
         (nbc_forward[x >> 16 & 255] << 8 & 0xff0000u) | (nbc_forward[x >> 24] << 16 & 0xff000000u);
}
NBC void nbc_load(u32 *table, const u32 *words) {
  for (int n = (int)threadIdx.x; n < 8192; n += 256) table[n] = words[n / 32];
}
// What was substituted is in the second byte of a word of nbc_forward; that of nbc_backward is the sum of all four.
NBC u32 nbc_back(u32 word) {
  word ^= word >> 16;
  return (word ^ word >> 8) & 255;
}
// Encrypts a block: columns, whose first rows are in the lowest bytes. `table` has each word `stride` times.
NBC void nbc_encrypt(const u32 *table, int stride, const u32 *keys, int rounds, u32 *s) {
  for (int n = 0; n < 4; n++) s[n] ^= keys[n];
  for (int round = 1; round <= rounds; round++) {
    u32 t[4];
    for (int n = 0; n < 4; n++) {
      u32 a = table[(s[n] & 255) * stride], b = table[(s[(n + 1) % 4] >> 8 & 255) * stride];
      u32 c = table[(s[(n + 2) % 4] >> 16 & 255) * stride], d = table[(s[(n + 3) % 4] >> 24) * stride];
      t[n] = round < rounds ? a ^ nbc_rol(b, 8) ^ nbc_rol(c, 16) ^ nbc_rol(d, 24)
                            : (a >> 8 & 255) | (b & 0xff00u) | (c << 8 & 0xff0000u) | (d << 16 & 0xff000000u);
    }
    for (int n = 0; n < 4; n++) s[n] = t[n] ^ keys[4 * round + n];
  }
}
// Decrypts a block, by the table and the round keys of the way back.
NBC void nbc_decrypt(const u32 *table, int stride, const u32 *keys, int rounds, u32 *s) {
  for (int n = 0; n < 4; n++) s[n] ^= keys[n];
  for (int round = 1; round <= rounds; round++) {
    u32 t[4];
    for (int n = 0; n < 4; n++) {
      u32 a = table[(s[n] & 255) * stride], b = table[(s[(n + 3) % 4] >> 8 & 255) * stride];
      u32 c = table[(s[(n + 2) % 4] >> 16 & 255) * stride], d = table[(s[(n + 1) % 4] >> 24) * stride];
      t[n] = round < rounds ? a ^ nbc_rol(b, 8) ^ nbc_rol(c, 16) ^ nbc_rol(d, 24)
                            : nbc_back(a) | nbc_back(b) << 8 | nbc_back(c) << 16 | nbc_back(d) << 24;
    }
    for (int n = 0; n < 4; n++) s[n] = t[n] ^ keys[4 * round + n];
  }
}
NBC u64 nbc_number(const u8 *from, int bytes) {
  u64 x = 0;
  for (int n = 0; n < bytes; n++) x = x << 8 | from[n];
  return x;
}
// A block of two numbers as columns, and back.
NBC void nbc_columns(u64 high, u64 low, u32 *s) {
  s[0] = nbc_turned((u32)(high >> 32));
  s[1] = nbc_turned((u32)high);
  s[2] = nbc_turned((u32)(low >> 32));
  s[3] = nbc_turned((u32)low);
}
NBC void nbc_write(u8 *to, i64 at, i64 len, const u32 *s) {
  if (at + 16 <= len && (u64)(to + at) % 4 == 0) {
    for (int n = 0; n < 4; n++) ((u32 *)(to + at))[n] = s[n];
    return;
  }
  for (int n = 0; n < 16; n++)
    if (at + n < len) to[at + n] = (u8)(s[n / 4] >> 8 * (n % 4));
}

// Writes round keys, for the way back if so asked, the point of GCM, and the counter, if its bytes are 16, or 12 and
// then counted from 1. One thread does it.
extern "C" __global__ void __launch_bounds__(256) nbc_begin(u64 *room, const u8 *key, i64 key_len, i64 is_back, const u8 *nonce, i64 nonce_len) {
  if (threadIdx.x || blockIdx.x) return;
  u32 *keys = NBC_KEYS(room);
  int words = (int)key_len / 4, rounds = words + 6, all = 4 * rounds + 4;
  u32 added = 1;
  for (int n = 0; n < words; n++)
    keys[n] = (u32)key[4 * n] | (u32)key[4 * n + 1] << 8 | (u32)key[4 * n + 2] << 16 | (u32)key[4 * n + 3] << 24;
  for (int n = words; n < all; n++) {
    u32 x = keys[n - 1];
    if (n % words == 0) {
      x = nbc_substituted(nbc_rol(x, 24)) ^ added;
      added = added << 1 ^ (added >> 7) * 0x11b;
    } else if (words > 6 && n % words == 4) {
      x = nbc_substituted(x);
    }
    keys[n] = keys[n - words] ^ x;
  }
  u32 s[4] = {0, 0, 0, 0};
  nbc_encrypt(nbc_forward, 1, keys, rounds, s);
  room[0] = (u64)nbc_turned(s[0]) << 32 | nbc_turned(s[1]);
  room[1] = (u64)nbc_turned(s[2]) << 32 | nbc_turned(s[3]);
  if (nonce_len == 16 || nonce_len == 12) {
    room[2] = nbc_number(nonce, 8);
    room[3] = nonce_len == 16 ? nbc_number(nonce + 8, 8) : nbc_number(nonce + 8, 4) << 32 | 1;
  }
  if (!is_back) return;
  for (int first = 0, last = 4 * rounds; first < last; first += 4, last -= 4)
    for (int n = 0; n < 4; n++) {
      u32 x = keys[first + n];
      keys[first + n] = keys[last + n];
      keys[last + n] = x;
    }
  for (int n = 4; n < 4 * rounds; n++) {
    u32 x = nbc_substituted(keys[n]);
    keys[n] = nbc_backward[x & 255] ^ nbc_rol(nbc_backward[x >> 8 & 255], 8) ^ nbc_rol(nbc_backward[x >> 16 & 255], 16) ^
              nbc_rol(nbc_backward[x >> 24], 24);
  }
}

// Adds the stream to blocks `first` to `end` of a text. Of a counter that is narrow the last 32 bits count, from the
// next on; else all 128, from that one on.
extern "C" __global__ void __launch_bounds__(256) nbc_count(u8 *to, const u8 *from, const u64 *room, i64 rounds, i64 is_narrow, i64 first, i64 end, i64 len) {
  __shared__ u32 table[8192], keys[60];
  nbc_load(table, nbc_forward);
  if (threadIdx.x < 60) keys[threadIdx.x] = threadIdx.x < 4 * rounds + 4 ? NBC_KEYS(room)[threadIdx.x] : 0;
  __syncthreads();
  u64 high = room[2], low = room[3];
  for (i64 block = first + (i64)blockIdx.x * 256 + threadIdx.x; block < end; block += (i64)gridDim.x * 256) {
    u64 by = (u64)block, sum = low + by;
    u32 s[4];
    if (is_narrow) nbc_columns(high, (low & 0xffffffff00000000ULL) | (u32)(sum + 1), s);
    else nbc_columns(high + (sum < low), sum, s);
    nbc_encrypt(table + threadIdx.x % 32, 32, keys, (int)rounds, s);
    for (int n = 0; n < 4; n++) s[n] ^= nbc_text(from, 16 * block + 4 * n, len);
    nbc_write(to, 16 * block, len, s);
  }
}

// Decrypts blocks `first` to `end`, each with the one before it added; before the first comes the counter. So many bytes
// are text.
extern "C" __global__ void __launch_bounds__(256) nbc_unchain(u8 *to, const u8 *from, const u64 *room, i64 rounds, i64 first, i64 end, i64 len) {
  __shared__ u32 table[8192], keys[60];
  nbc_load(table, nbc_backward);
  if (threadIdx.x < 60) keys[threadIdx.x] = threadIdx.x < 4 * rounds + 4 ? NBC_KEYS(room)[threadIdx.x] : 0;
  __syncthreads();
  for (i64 block = first + (i64)blockIdx.x * 256 + threadIdx.x; block < end; block += (i64)gridDim.x * 256) {
    u32 s[4], before[4];
    for (int n = 0; n < 4; n++) s[n] = nbc_byte_word(from, 16 * block + 4 * n);
    nbc_decrypt(table + threadIdx.x % 32, 32, keys, (int)rounds, s);
    nbc_columns(room[2], room[3], before);
    for (int n = 0; n < 4; n++) s[n] ^= block ? nbc_byte_word(from, 16 * block - 16 + 4 * n) : before[n];
    nbc_write(to, 16 * block, len, s);
  }
}

// Elements of the field of GCM: the coefficient of 1 is the highest bit.
struct nbc_element { u64 high, low; };
NBC nbc_element nbc_times_x(nbc_element a) {
  u64 over = a.low & 1;
  a.low = a.low >> 1 | a.high << 63;
  a.high = a.high >> 1 ^ over * 0xe100000000000000ULL;
  return a;
}
NBC nbc_element nbc_product(nbc_element a, nbc_element b) {
  nbc_element z = {0, 0};
  for (int n = 0; n < 128; n++) {
    u64 bit = 0 - ((n < 64 ? a.high >> (63 - n) : a.low >> (127 - n)) & 1);
    z.high ^= b.high & bit;
    z.low ^= b.low & bit;
    b = nbc_times_x(b);
  }
  return z;
}
// Products of all groups of four bits with one element, and what such a group comes to that is shifted out.
struct nbc_products { nbc_element of[16]; u64 out[16]; };
NBC void nbc_prepare(nbc_products *all, nbc_element by) {
  int n = (int)threadIdx.x;
  if (n < 16) {
    nbc_element sum = {0, 0};
    for (int bit = 8; bit; bit /= 2) {
      if (n & bit) {
        sum.high ^= by.high;
        sum.low ^= by.low;
      }
      by = nbc_times_x(by);
    }
    all->of[n] = sum;
    all->out[n] = (u64)((n & 1) * 0x1c20 ^ (n & 2) * 0x1c20 ^ (n & 4) * 0x1c20 ^ (n & 8) * 0x1c20) << 48;
  }
  __syncthreads();
}
NBC nbc_element nbc_times(const nbc_products *all, nbc_element a) {
  nbc_element z = {0, 0};
  for (int n = 0; n < 32; n++) {
    int bits = (int)((n < 16 ? a.low >> 4 * n : a.high >> 4 * (n - 16)) & 15);
    u64 out = all->out[z.low & 15];
    z.low = (z.low >> 4 | z.high << 60) ^ all->of[bits].low;
    z.high = z.high >> 4 ^ out ^ all->of[bits].high;
  }
  return z;
}

// The powers 1 to 256 of what `base` squared so many times is. One block makes them.
extern "C" __global__ void __launch_bounds__(256) nbc_powers(nbc_element *to, const nbc_element *base, i64 squares) {
  __shared__ nbc_element powers[256];
  int t = (int)threadIdx.x;
  if (t == 0) {
    nbc_element g = *base;
    for (i64 n = 0; n < squares; n++) g = nbc_product(g, g);
    powers[0] = g;
  }
  __syncthreads();
  for (int there = 1; there < 256; there *= 2) {
    if (t < there) powers[there + t] = nbc_product(powers[t], powers[there - 1]);
    __syncthreads();
  }
  to[t] = powers[t];
}

// Polynomials of segments of 8192 blocks, of which the first is filled up with zeros in front; `get` gives a block. A
// thread takes every 256th. The last block of a segment is multiplied by a power less if that is said.
template <class Get>
NBC void nbc_sums(nbc_element *to, const nbc_element *powers, i64 n, i64 first, i64 end, i64 segments, int less, Get get) {
  __shared__ nbc_products products;
  __shared__ nbc_element parts[256];
  int t = (int)threadIdx.x;
  nbc_prepare(&products, powers[255]);
  for (i64 segment = first + blockIdx.x; segment < end; segment += gridDim.x) {
    nbc_element sum = {0, 0};
    for (int k = 0; k < 32; k++) {
      i64 at = segment * 8192 + k * 256 + t - (segments * 8192 - n);
      sum = nbc_times(&products, sum);
      if (at >= 0) {
        nbc_element block = get(at);
        sum.high ^= block.high;
        sum.low ^= block.low;
      }
    }
    int power = 256 - t - less;
    parts[t] = power ? nbc_product(sum, powers[power - 1]) : sum;
    __syncthreads();
    for (int half = 128; half; half /= 2) {
      if (t < half) {
        parts[t].high ^= parts[t + half].high;
        parts[t].low ^= parts[t + half].low;
      }
      __syncthreads();
    }
    if (t == 0) to[segment] = parts[0];
    __syncthreads();
  }
}
// What goes with a text, each filled up to whole blocks, then the text, then how many bits both have.
struct nbc_blocks {
  const u8 *with, *text;
  i64 with_len, text_len;
  __device__ __forceinline__ nbc_element operator()(i64 at) const {
    i64 before = (with_len + 15) / 16, blocks = (text_len + 15) / 16;
    if (at == before + blocks) return {(u64)with_len * 8, (u64)text_len * 8};
    const u8 *from = at < before ? with : text;
    i64 len = at < before ? with_len : text_len;
    at = 16 * (at < before ? at : at - before);
    u64 high = (u64)nbc_turned(nbc_byte_text(from, at, len)) << 32 | nbc_turned(nbc_byte_text(from, at + 4, len));
    u64 low = (u64)nbc_turned(nbc_byte_text(from, at + 8, len)) << 32 | nbc_turned(nbc_byte_text(from, at + 12, len));
    return {high, low};
  }
};
struct nbc_parts {
  const nbc_element *from;
  __device__ __forceinline__ nbc_element operator()(i64 at) const { return from[at]; }
};
extern "C" __global__ void __launch_bounds__(256) nbc_sums_first(nbc_element *to, const nbc_element *powers, const u8 *with, i64 with_len, const u8 *text, i64 text_len, i64 first, i64 end, i64 segments) {
  nbc_blocks blocks = {with, text, with_len, text_len};
  nbc_sums(to, powers, (with_len + 15) / 16 + (text_len + 15) / 16 + 1, first, end, segments, 0, blocks);
}
extern "C" __global__ void __launch_bounds__(256) nbc_sums_next(nbc_element *to, const nbc_element *powers, const nbc_element *from, i64 n, i64 segments) {
  nbc_parts parts = {from};
  nbc_sums(to, powers, n, 0, segments, segments, 1, parts);
}

// The tag: the polynomial, hidden by the stream of the counter. One thread makes it.
extern "C" __global__ void __launch_bounds__(256) nbc_tag(u8 *to, const nbc_element *sum, const u64 *room, i64 rounds) {
  if (threadIdx.x || blockIdx.x) return;
  u32 s[4], t[4];
  nbc_columns(room[2], room[3], s);
  nbc_encrypt(nbc_forward, 1, NBC_KEYS(room), (int)rounds, s);
  nbc_columns(sum->high, sum->low, t);
  for (int n = 0; n < 4; n++) s[n] ^= t[n];
  nbc_write(to, 0, 16, s);
}
