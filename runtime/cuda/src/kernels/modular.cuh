// Arithmetic modulo a number of 64 bits, of unsigned elements. Remainders are those of Möller and Granlund, "Improved
// division by invariant integers" (2011), algorithm 4, as on the processor.
typedef unsigned long long u64;
// `divisor` is the modulus, `shift`ed so that its highest bit is set; ⌊(2^128 - 1) / divisor⌋ - 2^64 is `reciprocal`.
struct nbc_modulus { u64 value, divisor, reciprocal, shift; };
NBC nbc_modulus nbc_modulus_of(i64 value, u64 divisor, u64 reciprocal, u64 shift) {
  nbc_modulus m = {(u64)value, divisor, reciprocal, shift};
  return m;
}
// The residue of two words, of which the upper is a residue.
NBC u64 nbc_remainder(u64 high, u64 low, nbc_modulus m) {
  if (m.shift) {
    high = high << m.shift | low >> (64 - m.shift);
    low <<= m.shift;
  }
  u64 below = m.reciprocal * high + low;
  u64 guess = __umul64hi(m.reciprocal, high) + high + (below < low) + 1;
  u64 rest = low - guess * m.divisor;
  if (rest > below) rest += m.divisor;
  if (rest >= m.divisor) rest -= m.divisor;
  return rest >> m.shift;
}
NBC u64 nbc_residue(u64 x, nbc_modulus m) { return x < m.value ? x : nbc_remainder(0, x, m); }
NBC u64 nbc_residues_product(u64 a, u64 b, nbc_modulus m) { return nbc_remainder(__umul64hi(a, b), a * b, m); }

NBC i64 nbc_modular_reduce(i64 a, nbc_modulus m) {
  u64 residue = nbc_residue(a < 0 ? 0 - (u64)a : (u64)a, m);
  return (i64)(a < 0 && residue ? m.value - residue : residue);
}
NBC i64 nbc_modular_add(i64 a, i64 b, nbc_modulus m) {
  u64 x = nbc_residue((u64)a, m), sum = x + nbc_residue((u64)b, m);
  return (i64)(sum < x || sum >= m.value ? sum - m.value : sum);
}
NBC i64 nbc_modular_sub(i64 a, i64 b, nbc_modulus m) {
  u64 x = nbc_residue((u64)a, m), y = nbc_residue((u64)b, m);
  return (i64)(x < y ? x - y + m.value : x - y);
}
NBC i64 nbc_modular_mul(i64 a, i64 b, nbc_modulus m) {
  return (i64)nbc_residues_product(nbc_residue((u64)a, m), nbc_residue((u64)b, m), m);
}
// The second is an unsigned exponent; 0 to the power of 0 is 1.
NBC i64 nbc_modular_pow(i64 a, i64 exponent, nbc_modulus m) {
  u64 square = nbc_residue((u64)a, m), power = m.value > 1, left = (u64)exponent;
  while (left) {
    if (left & 1) power = nbc_residues_product(power, square, m);
    left >>= 1;
    if (left) square = nbc_residues_product(square, square, m);
  }
  return (i64)power;
}
