//! THE instruction table: the only list of NBC's instructions.
//!
//! A row is: number, variant, visitor method, mnemonic, operands, effect and
//! one line of documentation. It makes opcodes, encoder, decoder, text reader
//! and printer, verifier and `docs/isa.md`. It also makes the visitor that the
//! interpreter's translator and the JIT implement. So an instruction forgotten
//! anywhere does not compile. Numbers are part of the binary format: they are
//! never reused, and gaps are left for each family to grow.
//!
//! Operand roles: `def` a register written, `use` a value read (register or
//! literal), `defs`/`uses` lists of those, `lit` a literal; `keeps` registers
//! that outlive a region; `block`/`blocks`, `func`, `global`, `cst` (constant)
//! and `op` (catalogue operation). Operand types: a scalar; `t` any one type;
//! `tensor` and `elem` a tensor and the scalar of its element; `complex` and
//! `part` likewise by parts; `list` and `item`; `func` a function reference;
//! `global`/`constant` the type of that entity; `args`/`results` as the
//! signature says.

/// Calls the macro `$use_table` with every row of the table.
#[macro_export]
macro_rules! for_each_inst {
    ($use_table:ident) => { $use_table! {
    // Control flow (terminators first).
    0x0001 Br br "br" [block target: block] control "Goes to `target`.";
    0x0002 BrIf br_if "br_if" [use cond: bool, block then_to: block, block else_to: block] control "Goes to `then_to` if `cond` is true, else to `else_to`.";
    0x0003 Switch switch "switch" [use index: i64, blocks targets: block, block default_to: block] control "Goes to the target numbered `index`, or to `default_to` when there is none.";
    0x0004 Ret ret "ret" [uses values: results] control "Returns `values` to the caller.";
    0x0005 Trap trap "trap" [] control "Traps with `unreachable`.";
    0x0006 Call call "call" [defs results: results, func callee: func, uses args: args] calls "Calls a function of this module or a host function.";
    0x0007 CallRef call_ref "call_ref" [defs results: results, use callee: func, uses args: args] calls "Calls the function that `callee` refers to.";
    0x0008 FuncRef func_ref "func.ref" [def dst: func, func callee: func] pure "A reference to a function of this module or a host function.";
    0x0009 CallOp op "op" [defs results: results, op callee: op, uses args: args] calls "Runs an operation of the catalogue; written as the operation’s own name.";

    // Registers, globals, constants.
    0x0010 Copy copy "copy" [def dst: t, use a: t] pure "The value `a`; an object is shared, not duplicated.";
    0x0011 Select select "select" [def dst: t, use cond: bool, use a: t, use b: t] pure "`a` if `cond` is true, else `b`; both are evaluated.";
    0x0012 GlobalGet global_get "global.get" [def dst: global, global global: global] loads "The value of a global.";
    0x0013 GlobalSet global_set "global.set" [global global: global, use value: global] stores "Sets a mutable global; an object is stored as a copy of its own.";
    0x0014 ConstGet const_get "const.get" [def dst: constant, cst constant: constant] pure "A constant object of the module; a tensor is read-only.";
    0x0015 I32Const i32_const "i32.const" [def dst: i32, lit value: i32] pure "The literal `value`.";
    0x0016 I64Const i64_const "i64.const" [def dst: i64, lit value: i64] pure "The literal `value`.";
    0x0017 F32Const f32_const "f32.const" [def dst: f32, lit value: f32] pure "The literal `value`.";
    0x0018 F64Const f64_const "f64.const" [def dst: f64, lit value: f64] pure "The literal `value`.";
    0x0019 BoolConst bool_const "bool.const" [def dst: bool, lit value: bool] pure "The literal `value`.";

    // Regions.
    0x0020 RegionBegin region_begin "region.begin" [] region "Opens a region: objects made from here on live in it.";
    0x0021 RegionEnd region_end "region.end" [keeps kept: object] region "Ends the innermost region; `kept` objects move to the region around it, all others are gone.";
    0x0022 RegionRenew region_renew "region.renew" [keeps kept: object] region "Frees all objects of the innermost region but `kept` ones and what they hold; the region stays open.";

    // Truth values.
    0x0030 BoolAnd bool_and "bool.and" [def dst: bool, use a: bool, use b: bool] pure "`a` and `b`, both evaluated.";
    0x0031 BoolOr bool_or "bool.or" [def dst: bool, use a: bool, use b: bool] pure "`a` or `b`, both evaluated.";
    0x0032 BoolXor bool_xor "bool.xor" [def dst: bool, use a: bool, use b: bool] pure "Whether exactly one of `a` and `b` is true.";
    0x0033 BoolEq bool_eq "bool.eq" [def dst: bool, use a: bool, use b: bool] pure "Whether `a` equals `b`.";
    0x0034 BoolNot bool_not "bool.not" [def dst: bool, use a: bool] pure "The opposite of `a`.";

    // 32-bit integers.
    0x0100 I32Add i32_add "i32.add" [def dst: i32, use a: i32, use b: i32] pure "Sum, wrapping.";
    0x0101 I32Sub i32_sub "i32.sub" [def dst: i32, use a: i32, use b: i32] pure "Difference, wrapping.";
    0x0102 I32Mul i32_mul "i32.mul" [def dst: i32, use a: i32, use b: i32] pure "Product, wrapping.";
    0x0103 I32Div i32_div "i32.div" [def dst: i32, use a: i32, use b: i32] traps "Signed quotient toward zero; traps on zero, wraps on the most negative by -1.";
    0x0104 I32DivU i32_div_u "i32.div_u" [def dst: i32, use a: i32, use b: i32] traps "Unsigned quotient; traps on zero.";
    0x0105 I32Rem i32_rem "i32.rem" [def dst: i32, use a: i32, use b: i32] traps "Signed remainder with the sign of `a`; traps on zero, 0 for the most negative by -1.";
    0x0106 I32RemU i32_rem_u "i32.rem_u" [def dst: i32, use a: i32, use b: i32] traps "Unsigned remainder; traps on zero.";
    0x0107 I32And i32_and "i32.and" [def dst: i32, use a: i32, use b: i32] pure "Bitwise and.";
    0x0108 I32Or i32_or "i32.or" [def dst: i32, use a: i32, use b: i32] pure "Bitwise or.";
    0x0109 I32Xor i32_xor "i32.xor" [def dst: i32, use a: i32, use b: i32] pure "Bitwise exclusive or.";
    0x010a I32Shl i32_shl "i32.shl" [def dst: i32, use a: i32, use b: i32] pure "`a` shifted left by `b` modulo 32.";
    0x010b I32Shr i32_shr "i32.shr" [def dst: i32, use a: i32, use b: i32] pure "`a` shifted right by `b` modulo 32, copying the sign.";
    0x010c I32ShrU i32_shr_u "i32.shr_u" [def dst: i32, use a: i32, use b: i32] pure "`a` shifted right by `b` modulo 32, filling with zeros.";
    0x010d I32Rotl i32_rotl "i32.rotl" [def dst: i32, use a: i32, use b: i32] pure "`a` rotated left by `b` modulo 32.";
    0x010e I32Rotr i32_rotr "i32.rotr" [def dst: i32, use a: i32, use b: i32] pure "`a` rotated right by `b` modulo 32.";
    0x010f I32Mulh i32_mulh "i32.mulh" [def dst: i32, use a: i32, use b: i32] pure "High 32 bits of the signed 64-bit product.";
    0x0110 I32MulhU i32_mulh_u "i32.mulh_u" [def dst: i32, use a: i32, use b: i32] pure "High 32 bits of the unsigned 64-bit product.";
    0x0111 I32Min i32_min "i32.min" [def dst: i32, use a: i32, use b: i32] pure "Signed minimum.";
    0x0112 I32MinU i32_min_u "i32.min_u" [def dst: i32, use a: i32, use b: i32] pure "Unsigned minimum.";
    0x0113 I32Max i32_max "i32.max" [def dst: i32, use a: i32, use b: i32] pure "Signed maximum.";
    0x0114 I32MaxU i32_max_u "i32.max_u" [def dst: i32, use a: i32, use b: i32] pure "Unsigned maximum.";
    0x0120 I32Neg i32_neg "i32.neg" [def dst: i32, use a: i32] pure "Negation, wrapping.";
    0x0121 I32Not i32_not "i32.not" [def dst: i32, use a: i32] pure "Bitwise complement.";
    0x0122 I32Abs i32_abs "i32.abs" [def dst: i32, use a: i32] pure "Absolute value, wrapping.";
    0x0123 I32Clz i32_clz "i32.clz" [def dst: i32, use a: i32] pure "Leading zero bits; 32 for zero.";
    0x0124 I32Ctz i32_ctz "i32.ctz" [def dst: i32, use a: i32] pure "Trailing zero bits; 32 for zero.";
    0x0125 I32Popcnt i32_popcnt "i32.popcnt" [def dst: i32, use a: i32] pure "Bits that are set.";
    0x0126 I32Extend8 i32_extend8 "i32.extend8" [def dst: i32, use a: i32] pure "The low 8 bits, sign-extended.";
    0x0127 I32Extend16 i32_extend16 "i32.extend16" [def dst: i32, use a: i32] pure "The low 16 bits, sign-extended.";
    0x0130 I32Eq i32_eq "i32.eq" [def dst: bool, use a: i32, use b: i32] pure "Whether `a` equals `b`.";
    0x0131 I32Ne i32_ne "i32.ne" [def dst: bool, use a: i32, use b: i32] pure "Whether `a` differs from `b`.";
    0x0132 I32Lt i32_lt "i32.lt" [def dst: bool, use a: i32, use b: i32] pure "Whether `a` < `b`, signed.";
    0x0133 I32Le i32_le "i32.le" [def dst: bool, use a: i32, use b: i32] pure "Whether `a` <= `b`, signed.";
    0x0134 I32Gt i32_gt "i32.gt" [def dst: bool, use a: i32, use b: i32] pure "Whether `a` > `b`, signed.";
    0x0135 I32Ge i32_ge "i32.ge" [def dst: bool, use a: i32, use b: i32] pure "Whether `a` >= `b`, signed.";
    0x0136 I32LtU i32_lt_u "i32.lt_u" [def dst: bool, use a: i32, use b: i32] pure "Whether `a` < `b`, unsigned.";
    0x0137 I32LeU i32_le_u "i32.le_u" [def dst: bool, use a: i32, use b: i32] pure "Whether `a` <= `b`, unsigned.";
    0x0138 I32GtU i32_gt_u "i32.gt_u" [def dst: bool, use a: i32, use b: i32] pure "Whether `a` > `b`, unsigned.";
    0x0139 I32GeU i32_ge_u "i32.ge_u" [def dst: bool, use a: i32, use b: i32] pure "Whether `a` >= `b`, unsigned.";

    // 64-bit integers.
    0x0200 I64Add i64_add "i64.add" [def dst: i64, use a: i64, use b: i64] pure "Sum, wrapping.";
    0x0201 I64Sub i64_sub "i64.sub" [def dst: i64, use a: i64, use b: i64] pure "Difference, wrapping.";
    0x0202 I64Mul i64_mul "i64.mul" [def dst: i64, use a: i64, use b: i64] pure "Product, wrapping.";
    0x0203 I64Div i64_div "i64.div" [def dst: i64, use a: i64, use b: i64] traps "Signed quotient toward zero; traps on zero, wraps on the most negative by -1.";
    0x0204 I64DivU i64_div_u "i64.div_u" [def dst: i64, use a: i64, use b: i64] traps "Unsigned quotient; traps on zero.";
    0x0205 I64Rem i64_rem "i64.rem" [def dst: i64, use a: i64, use b: i64] traps "Signed remainder with the sign of `a`; traps on zero, 0 for the most negative by -1.";
    0x0206 I64RemU i64_rem_u "i64.rem_u" [def dst: i64, use a: i64, use b: i64] traps "Unsigned remainder; traps on zero.";
    0x0207 I64And i64_and "i64.and" [def dst: i64, use a: i64, use b: i64] pure "Bitwise and.";
    0x0208 I64Or i64_or "i64.or" [def dst: i64, use a: i64, use b: i64] pure "Bitwise or.";
    0x0209 I64Xor i64_xor "i64.xor" [def dst: i64, use a: i64, use b: i64] pure "Bitwise exclusive or.";
    0x020a I64Shl i64_shl "i64.shl" [def dst: i64, use a: i64, use b: i64] pure "`a` shifted left by `b` modulo 64.";
    0x020b I64Shr i64_shr "i64.shr" [def dst: i64, use a: i64, use b: i64] pure "`a` shifted right by `b` modulo 64, copying the sign.";
    0x020c I64ShrU i64_shr_u "i64.shr_u" [def dst: i64, use a: i64, use b: i64] pure "`a` shifted right by `b` modulo 64, filling with zeros.";
    0x020d I64Rotl i64_rotl "i64.rotl" [def dst: i64, use a: i64, use b: i64] pure "`a` rotated left by `b` modulo 64.";
    0x020e I64Rotr i64_rotr "i64.rotr" [def dst: i64, use a: i64, use b: i64] pure "`a` rotated right by `b` modulo 64.";
    0x020f I64Mulh i64_mulh "i64.mulh" [def dst: i64, use a: i64, use b: i64] pure "High 64 bits of the signed 128-bit product.";
    0x0210 I64MulhU i64_mulh_u "i64.mulh_u" [def dst: i64, use a: i64, use b: i64] pure "High 64 bits of the unsigned 128-bit product.";
    0x0211 I64Min i64_min "i64.min" [def dst: i64, use a: i64, use b: i64] pure "Signed minimum.";
    0x0212 I64MinU i64_min_u "i64.min_u" [def dst: i64, use a: i64, use b: i64] pure "Unsigned minimum.";
    0x0213 I64Max i64_max "i64.max" [def dst: i64, use a: i64, use b: i64] pure "Signed maximum.";
    0x0214 I64MaxU i64_max_u "i64.max_u" [def dst: i64, use a: i64, use b: i64] pure "Unsigned maximum.";
    0x0220 I64Neg i64_neg "i64.neg" [def dst: i64, use a: i64] pure "Negation, wrapping.";
    0x0221 I64Not i64_not "i64.not" [def dst: i64, use a: i64] pure "Bitwise complement.";
    0x0222 I64Abs i64_abs "i64.abs" [def dst: i64, use a: i64] pure "Absolute value, wrapping.";
    0x0223 I64Clz i64_clz "i64.clz" [def dst: i64, use a: i64] pure "Leading zero bits; 64 for zero.";
    0x0224 I64Ctz i64_ctz "i64.ctz" [def dst: i64, use a: i64] pure "Trailing zero bits; 64 for zero.";
    0x0225 I64Popcnt i64_popcnt "i64.popcnt" [def dst: i64, use a: i64] pure "Bits that are set.";
    0x0226 I64Extend8 i64_extend8 "i64.extend8" [def dst: i64, use a: i64] pure "The low 8 bits, sign-extended.";
    0x0227 I64Extend16 i64_extend16 "i64.extend16" [def dst: i64, use a: i64] pure "The low 16 bits, sign-extended.";
    0x0228 I64Extend32 i64_extend32 "i64.extend32" [def dst: i64, use a: i64] pure "The low 32 bits, sign-extended.";
    0x0230 I64Eq i64_eq "i64.eq" [def dst: bool, use a: i64, use b: i64] pure "Whether `a` equals `b`.";
    0x0231 I64Ne i64_ne "i64.ne" [def dst: bool, use a: i64, use b: i64] pure "Whether `a` differs from `b`.";
    0x0232 I64Lt i64_lt "i64.lt" [def dst: bool, use a: i64, use b: i64] pure "Whether `a` < `b`, signed.";
    0x0233 I64Le i64_le "i64.le" [def dst: bool, use a: i64, use b: i64] pure "Whether `a` <= `b`, signed.";
    0x0234 I64Gt i64_gt "i64.gt" [def dst: bool, use a: i64, use b: i64] pure "Whether `a` > `b`, signed.";
    0x0235 I64Ge i64_ge "i64.ge" [def dst: bool, use a: i64, use b: i64] pure "Whether `a` >= `b`, signed.";
    0x0236 I64LtU i64_lt_u "i64.lt_u" [def dst: bool, use a: i64, use b: i64] pure "Whether `a` < `b`, unsigned.";
    0x0237 I64LeU i64_le_u "i64.le_u" [def dst: bool, use a: i64, use b: i64] pure "Whether `a` <= `b`, unsigned.";
    0x0238 I64GtU i64_gt_u "i64.gt_u" [def dst: bool, use a: i64, use b: i64] pure "Whether `a` > `b`, unsigned.";
    0x0239 I64GeU i64_ge_u "i64.ge_u" [def dst: bool, use a: i64, use b: i64] pure "Whether `a` >= `b`, unsigned.";

    // 32-bit floating point, IEEE 754, ties to even.
    0x0300 F32Add f32_add "f32.add" [def dst: f32, use a: f32, use b: f32] pure "Sum.";
    0x0301 F32Sub f32_sub "f32.sub" [def dst: f32, use a: f32, use b: f32] pure "Difference.";
    0x0302 F32Mul f32_mul "f32.mul" [def dst: f32, use a: f32, use b: f32] pure "Product.";
    0x0303 F32Div f32_div "f32.div" [def dst: f32, use a: f32, use b: f32] pure "Quotient.";
    0x0304 F32Rem f32_rem "f32.rem" [def dst: f32, use a: f32, use b: f32] pure "Remainder with the sign of `a`, as C’s fmod.";
    0x0305 F32Min f32_min "f32.min" [def dst: f32, use a: f32, use b: f32] pure "The smaller; NaN if either is, -0 below +0.";
    0x0306 F32Max f32_max "f32.max" [def dst: f32, use a: f32, use b: f32] pure "The larger; NaN if either is, +0 above -0.";
    0x0307 F32Copysign f32_copysign "f32.copysign" [def dst: f32, use a: f32, use b: f32] pure "`a` with the sign of `b`; a NaN `b` counts as positive.";
    0x0308 F32Atan2 f32_atan2 "f32.atan2" [def dst: f32, use a: f32, use b: f32] pure "Angle of the point (`b`, `a`), in radians.";
    0x0309 F32Pow f32_pow "f32.pow" [def dst: f32, use a: f32, use b: f32] pure "`a` to the power `b`.";
    0x030a F32Hypot f32_hypot "f32.hypot" [def dst: f32, use a: f32, use b: f32] pure "Square root of `a`² + `b`², without overflow on the way.";
    0x0320 F32Neg f32_neg "f32.neg" [def dst: f32, use a: f32] pure "Negation.";
    0x0321 F32Abs f32_abs "f32.abs" [def dst: f32, use a: f32] pure "Absolute value.";
    0x0322 F32Sqrt f32_sqrt "f32.sqrt" [def dst: f32, use a: f32] pure "Square root.";
    0x0323 F32Ceil f32_ceil "f32.ceil" [def dst: f32, use a: f32] pure "Integer at or above.";
    0x0324 F32Floor f32_floor "f32.floor" [def dst: f32, use a: f32] pure "Integer at or below.";
    0x0325 F32Trunc f32_trunc "f32.trunc" [def dst: f32, use a: f32] pure "Integer part, toward zero.";
    0x0326 F32Nearest f32_nearest "f32.nearest" [def dst: f32, use a: f32] pure "Nearest integer, ties to even.";
    0x0327 F32Sin f32_sin "f32.sin" [def dst: f32, use a: f32] pure "Sine of radians.";
    0x0328 F32Cos f32_cos "f32.cos" [def dst: f32, use a: f32] pure "Cosine of radians.";
    0x0329 F32Tan f32_tan "f32.tan" [def dst: f32, use a: f32] pure "Tangent of radians.";
    0x032a F32Asin f32_asin "f32.asin" [def dst: f32, use a: f32] pure "Arc sine in radians.";
    0x032b F32Acos f32_acos "f32.acos" [def dst: f32, use a: f32] pure "Arc cosine in radians.";
    0x032c F32Atan f32_atan "f32.atan" [def dst: f32, use a: f32] pure "Arc tangent in radians.";
    0x032d F32Sinh f32_sinh "f32.sinh" [def dst: f32, use a: f32] pure "Hyperbolic sine.";
    0x032e F32Cosh f32_cosh "f32.cosh" [def dst: f32, use a: f32] pure "Hyperbolic cosine.";
    0x032f F32Tanh f32_tanh "f32.tanh" [def dst: f32, use a: f32] pure "Hyperbolic tangent.";
    0x0330 F32Exp f32_exp "f32.exp" [def dst: f32, use a: f32] pure "e to the power `a`.";
    0x0331 F32Exp2 f32_exp2 "f32.exp2" [def dst: f32, use a: f32] pure "2 to the power `a`.";
    0x0332 F32Expm1 f32_expm1 "f32.expm1" [def dst: f32, use a: f32] pure "e to the power `a`, minus 1, exact near 0.";
    0x0333 F32Ln f32_ln "f32.ln" [def dst: f32, use a: f32] pure "Natural logarithm.";
    0x0334 F32Log2 f32_log2 "f32.log2" [def dst: f32, use a: f32] pure "Logarithm to base 2.";
    0x0335 F32Log10 f32_log10 "f32.log10" [def dst: f32, use a: f32] pure "Logarithm to base 10.";
    0x0336 F32Log1p f32_log1p "f32.log1p" [def dst: f32, use a: f32] pure "Natural logarithm of 1 + `a`, exact near 0.";
    0x0337 F32Cbrt f32_cbrt "f32.cbrt" [def dst: f32, use a: f32] pure "Cube root.";
    0x0338 F32Erf f32_erf "f32.erf" [def dst: f32, use a: f32] pure "Error function.";
    0x0339 F32Erfc f32_erfc "f32.erfc" [def dst: f32, use a: f32] pure "1 less the error function, exact where that is small.";
    0x033a F32Lgamma f32_lgamma "f32.lgamma" [def dst: f32, use a: f32] pure "Natural logarithm of the absolute value of the gamma function.";
    0x033b F32Tgamma f32_tgamma "f32.tgamma" [def dst: f32, use a: f32] pure "Gamma function.";
    0x0340 F32Fma f32_fma "f32.fma" [def dst: f32, use a: f32, use b: f32, use c: f32] pure "`a`·`b` + `c`, rounded once.";
    0x0348 F32Eq f32_eq "f32.eq" [def dst: bool, use a: f32, use b: f32] pure "Whether `a` equals `b`; false with a NaN.";
    0x0349 F32Ne f32_ne "f32.ne" [def dst: bool, use a: f32, use b: f32] pure "Whether `a` differs from `b`; true with a NaN.";
    0x034a F32Lt f32_lt "f32.lt" [def dst: bool, use a: f32, use b: f32] pure "Whether `a` < `b`; false with a NaN.";
    0x034b F32Le f32_le "f32.le" [def dst: bool, use a: f32, use b: f32] pure "Whether `a` <= `b`; false with a NaN.";
    0x034c F32Gt f32_gt "f32.gt" [def dst: bool, use a: f32, use b: f32] pure "Whether `a` > `b`; false with a NaN.";
    0x034d F32Ge f32_ge "f32.ge" [def dst: bool, use a: f32, use b: f32] pure "Whether `a` >= `b`; false with a NaN.";

    // 64-bit floating point, IEEE 754, ties to even.
    0x0400 F64Add f64_add "f64.add" [def dst: f64, use a: f64, use b: f64] pure "Sum.";
    0x0401 F64Sub f64_sub "f64.sub" [def dst: f64, use a: f64, use b: f64] pure "Difference.";
    0x0402 F64Mul f64_mul "f64.mul" [def dst: f64, use a: f64, use b: f64] pure "Product.";
    0x0403 F64Div f64_div "f64.div" [def dst: f64, use a: f64, use b: f64] pure "Quotient.";
    0x0404 F64Rem f64_rem "f64.rem" [def dst: f64, use a: f64, use b: f64] pure "Remainder with the sign of `a`, as C’s fmod.";
    0x0405 F64Min f64_min "f64.min" [def dst: f64, use a: f64, use b: f64] pure "The smaller; NaN if either is, -0 below +0.";
    0x0406 F64Max f64_max "f64.max" [def dst: f64, use a: f64, use b: f64] pure "The larger; NaN if either is, +0 above -0.";
    0x0407 F64Copysign f64_copysign "f64.copysign" [def dst: f64, use a: f64, use b: f64] pure "`a` with the sign of `b`; a NaN `b` counts as positive.";
    0x0408 F64Atan2 f64_atan2 "f64.atan2" [def dst: f64, use a: f64, use b: f64] pure "Angle of the point (`b`, `a`), in radians.";
    0x0409 F64Pow f64_pow "f64.pow" [def dst: f64, use a: f64, use b: f64] pure "`a` to the power `b`.";
    0x040a F64Hypot f64_hypot "f64.hypot" [def dst: f64, use a: f64, use b: f64] pure "Square root of `a`² + `b`², without overflow on the way.";
    0x0420 F64Neg f64_neg "f64.neg" [def dst: f64, use a: f64] pure "Negation.";
    0x0421 F64Abs f64_abs "f64.abs" [def dst: f64, use a: f64] pure "Absolute value.";
    0x0422 F64Sqrt f64_sqrt "f64.sqrt" [def dst: f64, use a: f64] pure "Square root.";
    0x0423 F64Ceil f64_ceil "f64.ceil" [def dst: f64, use a: f64] pure "Integer at or above.";
    0x0424 F64Floor f64_floor "f64.floor" [def dst: f64, use a: f64] pure "Integer at or below.";
    0x0425 F64Trunc f64_trunc "f64.trunc" [def dst: f64, use a: f64] pure "Integer part, toward zero.";
    0x0426 F64Nearest f64_nearest "f64.nearest" [def dst: f64, use a: f64] pure "Nearest integer, ties to even.";
    0x0427 F64Sin f64_sin "f64.sin" [def dst: f64, use a: f64] pure "Sine of radians.";
    0x0428 F64Cos f64_cos "f64.cos" [def dst: f64, use a: f64] pure "Cosine of radians.";
    0x0429 F64Tan f64_tan "f64.tan" [def dst: f64, use a: f64] pure "Tangent of radians.";
    0x042a F64Asin f64_asin "f64.asin" [def dst: f64, use a: f64] pure "Arc sine in radians.";
    0x042b F64Acos f64_acos "f64.acos" [def dst: f64, use a: f64] pure "Arc cosine in radians.";
    0x042c F64Atan f64_atan "f64.atan" [def dst: f64, use a: f64] pure "Arc tangent in radians.";
    0x042d F64Sinh f64_sinh "f64.sinh" [def dst: f64, use a: f64] pure "Hyperbolic sine.";
    0x042e F64Cosh f64_cosh "f64.cosh" [def dst: f64, use a: f64] pure "Hyperbolic cosine.";
    0x042f F64Tanh f64_tanh "f64.tanh" [def dst: f64, use a: f64] pure "Hyperbolic tangent.";
    0x0430 F64Exp f64_exp "f64.exp" [def dst: f64, use a: f64] pure "e to the power `a`.";
    0x0431 F64Exp2 f64_exp2 "f64.exp2" [def dst: f64, use a: f64] pure "2 to the power `a`.";
    0x0432 F64Expm1 f64_expm1 "f64.expm1" [def dst: f64, use a: f64] pure "e to the power `a`, minus 1, exact near 0.";
    0x0433 F64Ln f64_ln "f64.ln" [def dst: f64, use a: f64] pure "Natural logarithm.";
    0x0434 F64Log2 f64_log2 "f64.log2" [def dst: f64, use a: f64] pure "Logarithm to base 2.";
    0x0435 F64Log10 f64_log10 "f64.log10" [def dst: f64, use a: f64] pure "Logarithm to base 10.";
    0x0436 F64Log1p f64_log1p "f64.log1p" [def dst: f64, use a: f64] pure "Natural logarithm of 1 + `a`, exact near 0.";
    0x0437 F64Cbrt f64_cbrt "f64.cbrt" [def dst: f64, use a: f64] pure "Cube root.";
    0x0438 F64Erf f64_erf "f64.erf" [def dst: f64, use a: f64] pure "Error function.";
    0x0439 F64Erfc f64_erfc "f64.erfc" [def dst: f64, use a: f64] pure "1 less the error function, exact where that is small.";
    0x043a F64Lgamma f64_lgamma "f64.lgamma" [def dst: f64, use a: f64] pure "Natural logarithm of the absolute value of the gamma function.";
    0x043b F64Tgamma f64_tgamma "f64.tgamma" [def dst: f64, use a: f64] pure "Gamma function.";
    0x0440 F64Fma f64_fma "f64.fma" [def dst: f64, use a: f64, use b: f64, use c: f64] pure "`a`·`b` + `c`, rounded once.";
    0x0448 F64Eq f64_eq "f64.eq" [def dst: bool, use a: f64, use b: f64] pure "Whether `a` equals `b`; false with a NaN.";
    0x0449 F64Ne f64_ne "f64.ne" [def dst: bool, use a: f64, use b: f64] pure "Whether `a` differs from `b`; true with a NaN.";
    0x044a F64Lt f64_lt "f64.lt" [def dst: bool, use a: f64, use b: f64] pure "Whether `a` < `b`; false with a NaN.";
    0x044b F64Le f64_le "f64.le" [def dst: bool, use a: f64, use b: f64] pure "Whether `a` <= `b`; false with a NaN.";
    0x044c F64Gt f64_gt "f64.gt" [def dst: bool, use a: f64, use b: f64] pure "Whether `a` > `b`; false with a NaN.";
    0x044d F64Ge f64_ge "f64.ge" [def dst: bool, use a: f64, use b: f64] pure "Whether `a` >= `b`; false with a NaN.";

    // Conversions.
    0x0500 I32WrapI64 i32_wrap_i64 "i32.wrap_i64" [def dst: i32, use a: i64] pure "The low 32 bits.";
    0x0501 I64ExtendI32 i64_extend_i32 "i64.extend_i32" [def dst: i64, use a: i32] pure "Sign extension.";
    0x0502 I64ExtendI32U i64_extend_i32_u "i64.extend_i32_u" [def dst: i64, use a: i32] pure "Zero extension.";
    0x0503 I32FromBool i32_from_bool "i32.from_bool" [def dst: i32, use a: bool] pure "1 for true, 0 for false.";
    0x0504 I64FromBool i64_from_bool "i64.from_bool" [def dst: i64, use a: bool] pure "1 for true, 0 for false.";
    0x0505 F32FromI32 f32_from_i32 "f32.from_i32" [def dst: f32, use a: i32] pure "Nearest value of the signed integer.";
    0x0506 F32FromI32U f32_from_i32_u "f32.from_i32_u" [def dst: f32, use a: i32] pure "Nearest value of the unsigned integer.";
    0x0507 F32FromI64 f32_from_i64 "f32.from_i64" [def dst: f32, use a: i64] pure "Nearest value of the signed integer.";
    0x0508 F32FromI64U f32_from_i64_u "f32.from_i64_u" [def dst: f32, use a: i64] pure "Nearest value of the unsigned integer.";
    0x0509 F64FromI32 f64_from_i32 "f64.from_i32" [def dst: f64, use a: i32] pure "Nearest value of the signed integer.";
    0x050a F64FromI32U f64_from_i32_u "f64.from_i32_u" [def dst: f64, use a: i32] pure "Nearest value of the unsigned integer.";
    0x050b F64FromI64 f64_from_i64 "f64.from_i64" [def dst: f64, use a: i64] pure "Nearest value of the signed integer.";
    0x050c F64FromI64U f64_from_i64_u "f64.from_i64_u" [def dst: f64, use a: i64] pure "Nearest value of the unsigned integer.";
    0x050d I32TruncF32 i32_trunc_f32 "i32.trunc_f32" [def dst: i32, use a: f32] traps "Integer part as signed; traps on NaN or out of range.";
    0x050e I32TruncF32U i32_trunc_f32_u "i32.trunc_f32_u" [def dst: i32, use a: f32] traps "Integer part as unsigned; traps on NaN or out of range.";
    0x050f I32TruncF64 i32_trunc_f64 "i32.trunc_f64" [def dst: i32, use a: f64] traps "Integer part as signed; traps on NaN or out of range.";
    0x0510 I32TruncF64U i32_trunc_f64_u "i32.trunc_f64_u" [def dst: i32, use a: f64] traps "Integer part as unsigned; traps on NaN or out of range.";
    0x0511 I64TruncF32 i64_trunc_f32 "i64.trunc_f32" [def dst: i64, use a: f32] traps "Integer part as signed; traps on NaN or out of range.";
    0x0512 I64TruncF32U i64_trunc_f32_u "i64.trunc_f32_u" [def dst: i64, use a: f32] traps "Integer part as unsigned; traps on NaN or out of range.";
    0x0513 I64TruncF64 i64_trunc_f64 "i64.trunc_f64" [def dst: i64, use a: f64] traps "Integer part as signed; traps on NaN or out of range.";
    0x0514 I64TruncF64U i64_trunc_f64_u "i64.trunc_f64_u" [def dst: i64, use a: f64] traps "Integer part as unsigned; traps on NaN or out of range.";
    0x0515 I32SatF32 i32_sat_f32 "i32.sat_f32" [def dst: i32, use a: f32] pure "Integer part as signed, clamped to the range; 0 for NaN.";
    0x0516 I32SatF32U i32_sat_f32_u "i32.sat_f32_u" [def dst: i32, use a: f32] pure "Integer part as unsigned, clamped to the range; 0 for NaN.";
    0x0517 I32SatF64 i32_sat_f64 "i32.sat_f64" [def dst: i32, use a: f64] pure "Integer part as signed, clamped to the range; 0 for NaN.";
    0x0518 I32SatF64U i32_sat_f64_u "i32.sat_f64_u" [def dst: i32, use a: f64] pure "Integer part as unsigned, clamped to the range; 0 for NaN.";
    0x0519 I64SatF32 i64_sat_f32 "i64.sat_f32" [def dst: i64, use a: f32] pure "Integer part as signed, clamped to the range; 0 for NaN.";
    0x051a I64SatF32U i64_sat_f32_u "i64.sat_f32_u" [def dst: i64, use a: f32] pure "Integer part as unsigned, clamped to the range; 0 for NaN.";
    0x051b I64SatF64 i64_sat_f64 "i64.sat_f64" [def dst: i64, use a: f64] pure "Integer part as signed, clamped to the range; 0 for NaN.";
    0x051c I64SatF64U i64_sat_f64_u "i64.sat_f64_u" [def dst: i64, use a: f64] pure "Integer part as unsigned, clamped to the range; 0 for NaN.";
    0x051d F32Demote f32_demote "f32.demote" [def dst: f32, use a: f64] pure "Nearest single.";
    0x051e F64Promote f64_promote "f64.promote" [def dst: f64, use a: f32] pure "The same value as a double.";
    0x051f I32Reinterpret i32_reinterpret "i32.reinterpret" [def dst: i32, use a: f32] pure "The bits of `a`; every NaN gives the canonical one.";
    0x0520 F32Reinterpret f32_reinterpret "f32.reinterpret" [def dst: f32, use a: i32] pure "The float with the bits `a`.";
    0x0521 I64Reinterpret i64_reinterpret "i64.reinterpret" [def dst: i64, use a: f64] pure "The bits of `a`; every NaN gives the canonical one.";
    0x0522 F64Reinterpret f64_reinterpret "f64.reinterpret" [def dst: f64, use a: i64] pure "The float with the bits `a`.";

    // Tensors: elements by flat row-major index, or by 2 or 3 indices of a tensor of that rank.
    0x0600 TensorLen tensor_len "tensor.len" [def dst: i64, use x: tensor] pure "Number of elements.";
    0x0601 TensorRank tensor_rank "tensor.rank" [def dst: i64, use x: tensor] pure "Number of dimensions.";
    0x0602 TensorDim tensor_dim "tensor.dim" [def dst: i64, use x: tensor, use axis: i64] traps "Length along `axis`; traps when there is no such axis.";
    0x0603 TensorToHost tensor_to_host "tensor.to_host" [use x: tensor, lit write: bool] stores "Brings the elements of `x` to where loads and stores find them, from the device that has them; they are going to be written if `write` is true. Loads and stores see to that by themselves.";
    0x0610 TensorLoad tensor_load "tensor.load" [def dst: elem, use x: tensor, use i: i64] loads "The element at flat index `i`; traps out of range.";
    0x0614 TensorStore tensor_store "tensor.store" [use x: tensor, use i: i64, use value: elem] stores "Sets the element at flat index `i`; traps out of range or when `x` is read-only. A u8 keeps the low 8 bits.";
    0x0611 TensorLoad2 tensor_load2 "tensor.load2" [def dst: elem, use x: tensor, use i: i64, use j: i64] loads "The element at (`i`, `j`); traps out of range or when the rank differs.";
    0x0615 TensorStore2 tensor_store2 "tensor.store2" [use x: tensor, use i: i64, use j: i64, use value: elem] stores "Sets the element at (`i`, `j`); traps out of range, when the rank differs or when `x` is read-only. A u8 keeps the low 8 bits.";
    0x0612 TensorLoad3 tensor_load3 "tensor.load3" [def dst: elem, use x: tensor, use i: i64, use j: i64, use k: i64] loads "The element at (`i`, `j`, `k`); traps out of range or when the rank differs.";
    0x0616 TensorStore3 tensor_store3 "tensor.store3" [use x: tensor, use i: i64, use j: i64, use k: i64, use value: elem] stores "Sets the element at (`i`, `j`, `k`); traps out of range, when the rank differs or when `x` is read-only. A u8 keeps the low 8 bits.";
    0x0618 TensorLoadRe tensor_load_re "tensor.load_re" [def dst: part, use x: complex, use i: i64] loads "Real part of the element at flat index `i`; traps out of range.";
    0x0619 TensorLoadIm tensor_load_im "tensor.load_im" [def dst: part, use x: complex, use i: i64] loads "Imaginary part of the element at flat index `i`; traps out of range.";
    0x061a TensorStoreRe tensor_store_re "tensor.store_re" [use x: complex, use i: i64, use value: part] stores "Sets the real part of the element at flat index `i`; traps out of range or when `x` is read-only.";
    0x061b TensorStoreIm tensor_store_im "tensor.store_im" [use x: complex, use i: i64, use value: part] stores "Sets the imaginary part of the element at flat index `i`; traps out of range or when `x` is read-only.";

    // Lists: of fixed length, every item always valid.
    0x0640 ListNew list_new "list.new" [def dst: list, use len: i64, use fill: item] stores "A list of `len` items, all `fill`; traps when `len` is negative or over the memory budget.";
    0x0641 ListLen list_len "list.len" [def dst: i64, use list: list] pure "Number of items.";
    0x0642 ListGet list_get "list.get" [def dst: item, use list: list, use i: i64] loads "The item at `i`; traps out of range.";
    0x0643 ListSet list_set "list.set" [use list: list, use i: i64, use value: item] stores "Sets the item at `i`; an object of an inner region is stored as a copy. Traps out of range.";
    } };
}
