// Bytes of elements as they are seen: of every NaN those of the canonical one. NBC_FLOAT is written before: how many
// bytes a float has, or 0 where elements are none.
typedef unsigned char u8;
typedef unsigned int u32;
typedef long long i64;
typedef unsigned long long u64;
#define NBC __device__ __forceinline__
// The four bytes from place `at` on, and the same of a text of `len` bytes, behind which there are zeros.
NBC u32 nbc_byte_word(const u8 *from, i64 at) {
  if (((u64)from + (u64)at) % 4 == 0) return *(const u32 *)(from + at);
  return (u32)from[at] | (u32)from[at + 1] << 8 | (u32)from[at + 2] << 16 | (u32)from[at + 3] << 24;
}
NBC u32 nbc_byte_text(const u8 *from, i64 at, i64 len) {
  if (at + 4 <= len) return nbc_byte_word(from, at);
  u32 x = 0;
  for (int k = 0; k < 3; k++)
    if (at + k < len) x |= (u32)from[at + k] << 8 * k;
  return x;
}
// The same of elements, from a place on where one begins, or the second half of a float.
NBC u32 nbc_text(const u8 *from, i64 at, i64 len) {
#if NBC_FLOAT == 4
  if (at >= len) return 0;
  u32 x = *(const u32 *)(from + at);
  return (x & 0x7fffffffu) > 0x7f800000u ? 0x7fc00000u : x;
#elif NBC_FLOAT == 8
  if (at >= len) return 0;
  u64 x = *(const u64 *)(from + at / 8 * 8);
  if ((x & 0x7fffffffffffffffULL) > 0x7ff0000000000000ULL) x = 0x7ff8000000000000ULL;
  return (u32)(at % 8 ? x >> 32 : x);
#else
  return nbc_byte_text(from, at, len);
#endif
}
NBC u32 nbc_turned(u32 x) { return x >> 24 | (x >> 8 & 0xff00u) | (x << 8 & 0xff0000u) | x << 24; }
