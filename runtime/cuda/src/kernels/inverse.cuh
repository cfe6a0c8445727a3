// The inverses of elements, by Euclid's algorithm. Where an element has none, a flag is set, and the result is no use.
extern "C" __global__ void __launch_bounds__(256) nbc_inverses(i64 *to, const i64 *from, i64 *flag, i64 n, i64 value, u64 divisor, u64 reciprocal, u64 shift) {
  nbc_modulus m = nbc_modulus_of(value, divisor, reciprocal, shift);
  for (i64 i = (i64)blockIdx.x * 256 + threadIdx.x; i < n; i += (i64)gridDim.x * 256) {
    // Signs of factors change from step to step, and none is above the modulus.
    u64 a = m.value, b = nbc_residue((u64)from[i], m), before = 0, factor = 1;
    bool is_positive = false;
    while (b) {
      u64 quotient = a / b, rest = a - quotient * b, next = before + quotient * factor;
      a = b;
      b = rest;
      before = factor;
      factor = next;
      is_positive = !is_positive;
    }
    if (a != 1) *flag = 1;
    factor = nbc_residue(before, m);
    to[i] = (i64)(is_positive || factor == 0 ? factor : m.value - factor);
  }
}
