// Numbers of 32 bits rounded to formats with fewer, to the nearest one and of two to the even one.
typedef unsigned int u32;
typedef unsigned short u16;
#define NBC_TF32 0
#define NBC_BF16 1
#define NBC_F16 2
NBC u32 nbc_bits(f32 x) { return (u32)__float_as_int(x); }
// What carries over goes into the exponent.
NBC f32 nbc_without(f32 x, int low) {
  u32 bits = nbc_bits(x);
  return __int_as_float((i32)((bits + ((1u << (low - 1)) - 1 + (bits >> low & 1))) >> low << low));
}
NBC f32 nbc_rounded(f32 x, i64 to) {
  if (x != x) return x;
  if (to == NBC_TF32) return nbc_without(x, 13);
  if (to == NBC_BF16) return nbc_without(x, 16);
  f32 size = nbc_size(x);
  // Beyond half a unit above 65504 it is infinite; below the least normal number units are 2^-24.
  if (size >= 65520.0f) size = __int_as_float(0x7f800000);
  else if (size >= 0.00006103515625f) size = nbc_without(size, 13);
  else size = (size + 0.5f) - 0.5f;
  return nbc_signed(size, x);
}
// The bits of a rounded number in a format of 16.
NBC u16 nbc_half(f32 x, i64 to) {
  u32 bits = nbc_bits(nbc_rounded(x, to)), size = bits & 0x7fffffffu;
  if (to == NBC_BF16) return (u16)(x != x ? 0x7fc0u : bits >> 16);
  u32 sign = bits >> 16 & 0x8000u;
  if (size > 0x7f800000u) return (u16)(sign | 0x7e00u);
  if (size == 0x7f800000u) return (u16)(sign | 0x7c00u);
  // The exponent is counted from another number.
  if (size >= 0x38800000u) return (u16)(sign | (size - 0x38000000u) >> 13);
  return (u16)(sign | (u32)(__int_as_float((i32)size) * 16777216.0f));
}
extern "C" __global__ void __launch_bounds__(256) nbc_round(f32 *to, const f32 *from, i64 n, i64 precision) {
  for (i64 i = (i64)blockIdx.x * 256 + threadIdx.x; i < n; i += (i64)gridDim.x * 256) to[i] = nbc_rounded(from[i], precision);
}
extern "C" __global__ void __launch_bounds__(256) nbc_halve(u16 *to, const f32 *from, i64 n, i64 precision) {
  for (i64 i = (i64)blockIdx.x * 256 + threadIdx.x; i < n; i += (i64)gridDim.x * 256) to[i] = nbc_half(from[i], precision);
}
