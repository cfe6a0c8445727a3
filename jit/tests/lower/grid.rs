//! Values on which scalar instructions are tried: borders of every kind, and
//! some at random.

use nbc_ir::{Imm, Type};

/// A fixed stream of random bits (SplitMix64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// Slots to try for a type.
pub fn values(ty: Type) -> Vec<u64> {
    let mut random = Random(7);
    match ty {
        Type::Bool => vec![0, 1],
        Type::I32 => {
            let mut v: Vec<i32> =
                vec![0, 1, -1, 2, -2, 3, 7, 10, -10, 31, 32, 33, 63, 64, 127, 128, 255, 256];
            v.extend([
                i32::MIN,
                i32::MIN + 1,
                i32::MAX,
                i32::MAX - 1,
                32767,
                32768,
                65535,
                65536,
                -128,
                -129,
            ]);
            v.extend([0x5555_5555, -32768, 1 << 24, (1 << 24) + 1, 1 << 30, 641]);
            v.extend((0..12).map(|i| (random.next() as i32) >> (2 * i)));
            v.into_iter().map(|v| v as u32 as u64).collect()
        }
        Type::I64 => {
            let mut v: Vec<i64> = vec![0, 1, -1, 2, -2, 3, 7, 10, -10, 31, 32, 33, 63, 64, 65, 127, 128, 255];
            v.extend([i64::MIN, i64::MIN + 1, i64::MAX, i64::MAX - 1, 1 << 31, -(1 << 31), 1 << 32, 1 << 53]);
            v.extend([(1 << 31) - 1, (1 << 32) - 1, (1 << 53) + 1, -(1 << 53) - 1, 1 << 62, (1 << 24) + 1]);
            v.extend([0x8000_0000_0000_0400_u64 as i64, 0x8000_0000_0000_0401_u64 as i64, -129, 32768]);
            v.extend([0x7fff_ff40_0000_0000, 0x8000_0080_0000_0001_u64 as i64, 641, -1025]);
            v.extend((0..16).map(|i| (random.next() as i64) >> (3 * i)));
            v.into_iter().map(|v| v as u64).collect()
        }
        Type::F32 => floats(24, 0x7f80_0000, 31, |v| v as f32, |v| v.to_bits().into(), f32::from_bits),
        Type::F64 => floats(
            53,
            0x7ff0_0000_0000_0000,
            63,
            |v| v,
            f64::to_bits,
            |b: u32| f64::from_bits(u64::from(b) << 32 | 0x1234_5678),
        ),
        _ => unreachable!("a scalar type"),
    }
}

/// Floats with `mantissa` bits, of which `infinity` and `sign` are the bits.
fn floats<F>(
    mantissa: u32,
    infinity: u64,
    sign: u32,
    from: fn(f64) -> F,
    bits: fn(F) -> u64,
    random: fn(u32) -> F,
) -> Vec<u64> {
    let mut v = vec![0, 1, infinity - 1, infinity, infinity + 1, infinity | 1 << (mantissa - 2)];
    v.push((1 << (mantissa - 1)) - 1); // the greatest subnormal
    v.push(1 << (mantissa - 1)); // the least normal
    v.push((1 << sign) - 1); // the last NaN
    for x in [0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.5, 10.0, 100.0, 1e30, 0.1, std::f64::consts::PI] {
        v.push(bits(from(x)));
    }
    // Borders of integer ranges, the last ones inside and the first outside.
    for power in [7, 8, 15, 16, 31, 32, 52, 53, 63, 64] {
        let border = f64::from(power).exp2();
        v.extend([bits(from(border)) - 1, bits(from(border)), bits(from(border)) + 1]);
        v.extend([bits(from(border - 0.5)), bits(from(border + 0.5)), bits(from(border + 1.0))]);
    }
    for x in [1.0, 0.5, 1.5] {
        v.extend([bits(from(x)) - 1, bits(from(x)) + 1]);
    }
    let mut source = Random(11);
    v.extend((0..12).map(|_| bits(random(source.next() as u32 >> 1))));
    let negative: Vec<u64> = v.iter().map(|v| v | 1 << sign).collect();
    v.extend(negative);
    v.sort_unstable();
    v.dedup();
    v
}

/// The literal in a slot.
pub fn literal(ty: Type, slot: u64) -> Imm {
    match ty {
        Type::I32 => Imm::I32(slot as i32),
        Type::I64 => Imm::I64(slot as i64),
        Type::F32 => Imm::F32(slot as u32),
        Type::F64 => Imm::F64(slot),
        _ => Imm::Bool(slot != 0),
    }
}

/// Whether two slots hold the same value: all NaNs are one.
pub fn same(ty: Type, a: u64, b: u64) -> bool {
    match ty {
        Type::F32 if f32::from_bits(a as u32).is_nan() => a >> 32 == 0 && f32::from_bits(b as u32).is_nan(),
        Type::F64 if f64::from_bits(a).is_nan() => f64::from_bits(b).is_nan(),
        _ => a == b,
    }
}
