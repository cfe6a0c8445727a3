"""What is timed: each piece of work for all sides, next to each other.

`x` and `y` hold numbers from 0.1 to 4, `m` is true about half the time. What a work makes is
`r`; its shape is that of `x`, or it is a number. In NBC's lines the type of elements is `f64`,
and is changed for singles.
"""
import math

SIZES = [10**2, 10**3, 10**4, 10**5, 10**6, 10**7]
FROM_THOUSAND = SIZES[1:]
CHAINS = [10**4, 10**6, 10**7]
FEW = [8, 32, 100]
TYPES = ["f64", "f32"]
# Sides beside NumPy.
OTHERS = ["numexpr", "numba", "scipy", "fftw", "gmpy2", "openssl"]


class Work:
    """One piece of work.

    `tolerance` is the allowed difference, relative to each value, in units of the type's last
    place; `terms` says that it is relative to the sum of what is summed. 0 is bit for bit.
    """

    def __init__(self, family, name, numpy, nbc, sizes, result="tensor<f64>", tolerance=0, **more):
        self.family = family
        self.name = name
        self.numpy = numpy
        self.nbc = [nbc] if isinstance(nbc, str) else nbc
        self.sizes = sizes
        self.result = result
        self.tolerance = tolerance
        self.terms = more.get("terms")
        self.largest = more.get("largest", False)
        # Modules besides NumPy.
        self.imports = more.get("imports", "")
        self.types = more.get("types", TYPES)
        # What is made once, before anything is timed: an expression for `s`, lines for `%s`, its type.
        self.before, self.nbc_before, self.made = more.get("before", ("None", [], None))
        # None where that side is not asked.
        for side in OTHERS:
            setattr(self, side, more.get(side))

    def peers(self):
        return ["numpy"] + [side for side in OTHERS if getattr(self, side)]


def elementwise():
    of = "elementwise"
    bools = "tensor<bool>"
    yield Work(of, "add", "x + y", "%r = tensor.add %x, %y", SIZES)
    yield Work(of, "mul", "x * y", "%r = tensor.mul %x, %y", SIZES)
    yield Work(of, "div", "x / y", "%r = tensor.div %x, %y", SIZES)
    yield Work(of, "sqrt", "np.sqrt(x)", "%r = tensor.sqrt %x", SIZES)
    yield Work(of, "less", "x < y", "%r = tensor.lt %x, %y", SIZES, bools)
    yield Work(of, "where", "np.where(m, x, y)", "%r = tensor.where %m, %x, %y", SIZES)


def functions():
    names = {"exp": "exp", "ln": "log", "sin": "sin", "cos": "cos", "tanh": "tanh"}
    for name, numpy in names.items():
        line = f"%r = tensor.{name} %x"
        yield Work("functions", name, f"np.{numpy}(x)", line, FROM_THOUSAND, tolerance=8)
    line = "%r = tensor.pow %x, %y"
    yield Work("functions", "pow", "np.power(x, y)", line, FROM_THOUSAND, tolerance=8)


def reductions():
    of = "reductions"
    # Sums differ in their order. The bound is that of pairwise sums, with some room.
    more = {"tolerance": 64, "result": "f64"}
    yield Work(of, "sum", "x.sum()", "%r = tensor.sum %x", SIZES, **more, terms="x.sum()")
    yield Work(of, "dot", "x @ y", "%r = tensor.dot %x, %y", SIZES, **more, terms="x @ y")
    yield Work(of, "max", "x.max()", "%r = tensor.max %x", SIZES, "f64")
    yield Work(of, "argmax", "x.argmax()", "%r = tensor.argmax %x", SIZES, "i64")
    line = "%r, %places = tensor.sort_with_places %x, 0"
    yield Work(of, "sort", "np.sort(x)", line, SIZES)


def chains():
    five = ["%r = tensor.mul %x, %y", "%r = tensor.add %r, %x", "%r = tensor.sqrt %r"]
    five += ["%r = tensor.mul %r, %y", "%r = tensor.sub %r, 0.5"]
    yield chain("chain of 5", "np.sqrt(x * y + x) * y - 0.5", five)
    # Horner's rule, eight times; then four more.
    text, lines, value = "x", [], "%x"
    for factor in ["0.5", "0.25", "0.75", "0.125", "0.375", "0.625", "0.875", "0.0625"]:
        text = f"({text} * y + {factor})"
        lines += [f"%r = tensor.mul {value}, %y", f"%r = tensor.add %r, {factor}"]
        value = "%r"
    lines += ["%r = tensor.sqrt %r", "%r = tensor.div %r, %y"]
    lines += ["%r = tensor.sub %r, %x", "%r = tensor.abs %r"]
    yield chain("chain of 20", f"np.abs(np.sqrt({text}) / y - x)", lines)


def chain(name, numpy, nbc):
    more = {"numexpr": numpy.replace("np.", ""), "numba": numpy}
    return Work("chains", name, numpy, nbc, CHAINS, **more)


def few():
    """Few elements, where what a call costs decides."""
    yield Work("few", "add", "x + y", "%r = tensor.add %x, %y", FEW)
    yield Work("few", "sqrt", "np.sqrt(x)", "%r = tensor.sqrt %x", FEW)
    yield Work("few", "exp", "np.exp(x)", "%r = tensor.exp %x", FEW, tolerance=8)
    more = {"tolerance": 64, "terms": "x.sum()"}
    yield Work("few", "sum", "x.sum()", "%r = tensor.sum %x", FEW, "f64", **more)
    yield Work("few", "max", "x.max()", "%r = tensor.max %x", FEW, "f64")


def linear():
    """Products and decompositions of square matrices, which have as many elements as the arrays."""
    of, square = "linear", [32**2, 100**2, 300**2, 1000**2]
    centred = ["%a = tensor.reshape %x, [SIDE, SIDE]", "%s = tensor.sub %a, 2.05"]
    general = {"before": ("x.reshape(SIDE, SIDE) - x.dtype.type(2.05)", centred, "tensor<f64>")}
    spread = [*centred, "%t = linalg.matmul_t %s, %s, 0, 1", "%i = sparse.identity<f64> [SIDE, SIDE]"]
    spread += ["%d = sparse.to_dense %i", "%s = tensor.add %t, %d"]
    positive = {"before": ("positive(x, SIDE)", spread, "tensor<f64>")}
    both = [*centred, "%t = tensor.transpose %s, [1, 0]", "%s = tensor.add %s, %t"]
    symmetric = {"before": ("(lambda a: a + a.T)(x.reshape(SIDE, SIDE) - x.dtype.type(2.05))", both, "tensor<f64>")}
    small = ["%b = tensor.div %s, 3000.0", "%r = linalg.expm %b"]
    near = {"largest": True, "imports": "import scipy.linalg\n"}

    def work(name, numpy, nbc, sizes, before, **more):
        # How far answers may be apart grows with the condition of the matrix.
        more = {"tolerance": 2**14} | before | more
        return Work(of, name, numpy, nbc, sizes, **more)

    products = [8**2, 64**2, 256**2, 1000**2, 2000**2, 4000**2]
    line = ["%b = tensor.reshape %y, [SIDE, SIDE]", "%r = linalg.matmul %s, %b"]
    yield work("product", "s @ y.reshape(SIDE, SIDE)", line, products, general, **near, tolerance=2000)
    line = ["%b = tensor.slice0 %y, 0, SIDE", "%r = linalg.matmul %s, %b"]
    yield work("times a vector", "s @ y[:SIDE]", line, square, general, **near, tolerance=2000)
    line = [line[0], "%r = linalg.solve %s, %b"]
    yield work("solve", "np.linalg.solve(s, y[:SIDE])", line, [3**2, *square], general, **near, tolerance=2**24)
    line = ["%p, %l, %r = linalg.lu %s"]
    yield work("LU", "scipy.linalg.lu(s, p_indices=True)[2]", line, square, general, **near)
    lines = ["%q, %t = linalg.qr %s", "%r = tensor.abs %t"]
    yield work("QR", "np.abs(np.linalg.qr(s)[1])", lines, square, general, **near)
    yield work("Cholesky", "np.linalg.cholesky(s)", "%r = linalg.cholesky %s", square, positive, **near)
    yield work("inverse", "np.linalg.inv(s)", "%r = linalg.inv %s", square, positive, **near)
    sides = [10**2, 100**2, 300**2]
    yield work("exponential", "scipy.linalg.expm(s / s.dtype.type(3000))", small, sides, symmetric, **near)
    some = [10**2, 100**2, 500**2]
    lines = "%u, %r, %vh = linalg.svd %s"
    yield work("SVD", "np.linalg.svd(s, full_matrices=False)[1]", lines, some, general, **near)
    lines = "%r = linalg.svd_values %s"
    yield work("singular values", "np.linalg.svd(s, compute_uv=False)", lines, some, general, **near)
    lines = "%r, %v = linalg.eigh %s"
    yield work("symmetric eigen", "np.linalg.eigh(s)[0]", lines, some, symmetric, **near)
    lines = ["%w, %v = linalg.eig %s", "%t = complex.abs %w", "%r, %places = tensor.sort_with_places %t, 0"]
    yield work("general eigen", "np.sort(np.abs(np.linalg.eig(s)[0]))", lines, some, general, **near)


def fourier():
    """Transforms: of NumPy, SciPy and FFTW."""
    made = ["%s = complex.of_parts %x, %y"]
    cube, box = "(64, 64, 64)", "(32, 32, 16, 16)"
    lines = [2**10, 2**16, 2**20]
    yield transform("complex", "fft(s{})", "fft.forward %s, 0", ("x + 1j * y", made, "tensor<c128>"), lines)
    yield transform("prime", "fft(s{})", "fft.forward %s, 0", ("x + 1j * y", made, "tensor<c128>"), [65_537])
    yield transform("real", "rfft(x{})", "fft.real %x, 0", ("None", [], None), [2**16, 2**20])
    for name, dims in [("3-D", cube), ("4-D", box)]:
        shaped = [*made, f"%s = tensor.reshape %s, [{dims[1:-1]}]"]
        before = (f"(x + 1j * y).reshape{dims}", shaped, "tensor<c128>")
        yield transform(name, "fftn(s{})", "fft.forward_axes %s, []", before, [2**18])


def transform(name, call, nbc, before, sizes):
    workers = ", workers=THREADS"
    more = {"scipy": "scipy.fft." + call.format(workers)}
    more |= {"fftw": "pyfftw.interfaces.scipy_fft." + call.format(workers)}
    more |= {"before": before, "largest": True}
    numpy = "np.fft." + call.format("")
    return Work("fourier", name, numpy, "%r = " + nbc, sizes, "tensor<c128>", 16, **more)


def grid(name, side):
    """Lines for the second difference along one side of a grid, and for the identity."""
    return [
        f"%ones_{name} = tensor.full<f64> [2, {side}], -1.0",
        f"%beside_{name} = sparse.of_diagonals %ones_{name}, %offsets, [{side}, {side}]",
        f"%one_{name} = sparse.identity<f64> [{side}, {side}]",
        f"%two_{name} = sparse.scale %one_{name}, 2.0",
        f"%line_{name} = sparse.add %beside_{name}, %two_{name}",
    ]


def sparse():
    """The five-point Laplacian of a grid of 100 by a hundredth of the elements."""
    lines = ["%len = tensor.len %x", "%side = i64.div %len, 100", "%offsets = tensor.arange<i64> -1, 2, 2"]
    lines += [*grid("a", "100"), *grid("b", "%side")]
    lines += ["%along = sparse.kron %one_a, %line_b", "%across = sparse.kron %line_a, %one_b"]
    lines += ["%s = sparse.add %along, %across"]
    of, sizes, more = "sparse", [10**4, 10**5, 10**6], {"before": ("laplacian(len(x), x.dtype)", lines, "sparse<f64>")}
    yield Work(of, "times a vector", "s @ x", "%r = sparse.matmul %s, %x", sizes, tolerance=8, **more)
    square = ["%p = sparse.product %s, %s", "%r = sparse.stored %p"]
    yield Work(of, "times itself", "(s @ s).nnz", square, sizes, "i64", **more)
    yield Work(of, "transposed to rows", "s.T.tocsr().nnz", ["%t = sparse.transpose %s", "%p = sparse.to_csr %t",
               "%r = sparse.stored %p"], sizes, "i64", **more)
    yield Work(of, "added", "(s + s).nnz", ["%p = sparse.add %s, %s", "%r = sparse.stored %p"], sizes, "i64", **more)
    # The seven-point Laplacian of a cube; SciPy has no Cholesky decomposition.
    lines = ["%offsets = tensor.arange<i64> -1, 2, 2", *grid("a", "CUBE")]
    lines += ["%one = sparse.kron %one_a, %one_a", "%x1 = sparse.kron %one, %line_a", "%y1 = sparse.kron %one_a, %line_a"]
    lines += ["%y1 = sparse.kron %y1, %one_a", "%z1 = sparse.kron %line_a, %one", "%s = sparse.add %x1, %y1"]
    lines += ["%s = sparse.add %s, %z1"]
    more = {"before": ("cube(CUBE, x.dtype)", lines, "sparse<f64>"), "tolerance": 2**20, "largest": True}
    more |= {"imports": "import scipy.sparse.linalg\n"}
    cubes = [10**3, 20**3, 30**3]
    yield Work(of, "solved", "scipy.sparse.linalg.splu(s).solve(x)", "%r = sparse.solve_posdef %s, %x", cubes, **more)


def modular():
    """Exact arithmetic modulo numbers of 63 and 31 bits, beside Python's integers."""
    of, modulus, small = "modular", 2**63 - 25, 2**31 - 1
    lines = ["%k = tensor.mul %x, 1125899906842624.0", "%s = tensor.cast<f64, i64> %k"]
    more = {"before": ("(x * 2.0**50).astype(np.int64)", lines, "tensor<i64>"), "result": "tensor<i64>", "types": ["f64"]}
    sizes = [10**3, 10**4, 10**5]
    yield Work(of, "products mod m", f"np.array([v * v % {modulus} for v in s.tolist()])", f"%r = modular.mul %s, %s, {modulus}", sizes, **more)
    for name, exponent in [("to 65537", 65537), ("to 63 bits", 2**62 + 12345)]:
        line = f"%r = modular.pow %s, {exponent}, {modulus}"
        yield Work(of, name, f"np.array([pow(v, {exponent}, {modulus}) for v in s.tolist()])", line, sizes, **more)
    line = f"%r = modular.inverse %s, {modulus}"
    yield Work(of, "inverses mod m", f"np.array([pow(v, -1, {modulus}) for v in s.tolist()])", line, sizes, **more)
    for name, m in [("matrices mod 31 bits", small), ("matrices mod 63 bits", modulus)]:
        square = ["%a = tensor.reshape %s, [SIDE, SIDE]", f"%r = modular.matmul %a, %a, {m}"]
        python = f"(s.reshape(SIDE, SIDE).astype(object) @ s.reshape(SIDE, SIDE).astype(object) % {m}).astype(np.int64)"
        yield Work(of, name, python, square, [64**2, 128**2], **more)


OPENSSL = """\
import hashlib
import hmac
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305


def u8(data):
    return np.frombuffer(data, dtype=np.uint8)


def s_rows(s):
    return (s[at : at + 128] for at in range(0, len(s), 128))


def ctr(s):
    return u8(Cipher(algorithms.AES(s[:16]), modes.CTR(s[16:32])).encryptor().update(s))


def cbc(s):
    c, pad = Cipher(algorithms.AES(s[:16]), modes.CBC(s[16:32])).encryptor(), padding.PKCS7(128).padder()
    return u8(c.update(s) + c.update(pad.update(b"") + pad.finalize()))


def gcm(s):
    return u8(AESGCM(s[:16]).encrypt(s[16:28], s, b""))


def ungcm(s):
    return u8(AESGCM(bytes(range(16))).decrypt(bytes(range(12)), s, b""))


def gcm256(s):
    return u8(AESGCM(s[:32]).encrypt(s[16:28], s, b""))


def chacha(s):
    return u8(ChaCha20Poly1305(s[:32]).encrypt(s[16:28], s, b""))
"""


def crypto():
    """Ciphers and hashes of the bytes of x; keys and nonces are the first of them. OpenSSL, by `cryptography` and hashlib."""
    sizes, made = [2**7, 2**11, 2**13, 2**17, 2**23], ("x.tobytes()", ["%s = tensor.to_bytes %x"], "tensor<u8>")
    more = {"before": made, "imports": OPENSSL, "types": ["f64"]}
    parts = ["%k = tensor.slice0 %s, 0, 16", "%v = tensor.slice0 %s, 16, 32", "%nonce = tensor.slice0 %s, 16, 28"]
    parts += ["%k2 = tensor.slice0 %s, 0, 32", "%w = tensor.zeros<u8> [0]"]
    calls = {
        "AES-128-CTR": ("ctr(s)", "aes_ctr %s, %k, %v"),
        "AES-128-CBC": ("cbc(s)", "aes_cbc_encrypt %s, %k, %v"),
        "AES-128-GCM": ("gcm(s)", "aes_gcm_encrypt %s, %k, %nonce, %w"),
        "AES-256-GCM": ("gcm256(s)", "aes_gcm_encrypt %s, %k2, %nonce, %w"),
        "ChaCha20-Poly1305": ("chacha(s)", "chacha20_poly1305_encrypt %s, %k2, %nonce, %w"),
        "SHA-256": ("u8(hashlib.sha256(s).digest())", "sha256 %s"),
        "SHA-512": ("u8(hashlib.sha512(s).digest())", "sha512 %s"),
        "SHA3-256": ("u8(hashlib.sha3_256(s).digest())", "sha3_256 %s"),
        "HMAC-SHA-256": ("u8(hmac.digest(s[:16], s, 'sha256'))", "hmac_sha256 %s, %k"),
    }
    for name, (python, nbc) in calls.items():
        yield Work("crypto", name, python, [*parts, f"%r = crypto.{nbc}"], sizes, "tensor<u8>", **more)
    rows = ["%rows = tensor.reshape %s, [SIXTEENTH, 128]", "%r = crypto.sha256_rows %rows"]
    hashed = "np.stack([u8(hashlib.sha256(row).digest()) for row in s_rows(s)])"
    yield Work("crypto", "SHA-256 of rows", hashed, rows, sizes[1:-1], "tensor<u8>", **more)
    keys = ["%k = tensor.arange<u8> 0, 16, 1", "%nonce = tensor.arange<u8> 0, 12, 1", "%w = tensor.zeros<u8> [0]"]
    lines = [*keys, "%s = tensor.to_bytes %x", "%s = crypto.aes_gcm_encrypt %s, %k, %nonce, %w"]
    more["before"] = ("AESGCM(bytes(range(16))).encrypt(bytes(range(12)), x.tobytes(), b'')", lines, "tensor<u8>")
    lines = [*keys, "%r = crypto.aes_gcm_decrypt %s, %k, %nonce, %w"]
    yield Work("crypto", "AES-128-GCM back", "ungcm(s)", lines, sizes, "tensor<u8>", **more)


def integers():
    """Integers of as many limbs as there are elements, or sixteen of a sixteenth; Python's own beside GMP's."""
    of = "integers"
    parts = ["%len = tensor.len %x", "%sixteenth = i64.div %len, 16"]
    for name in "xy":
        parts += [f"%{name}1 = tensor.mul %{name}, 576460752303423488.0", f"%{name}2 = tensor.cast<f64, i64> %{name}1"]
    two = [*parts]
    for n, name in enumerate("xy"):
        two += [f"%{name}3 = tensor.reshape %{name}2, [1, %len]", f"%{name}4 = limbs.to_bigints %{name}3"]
        two += [f"%{name}5 = list.get %{name}4, 0"]
    two += ["%s = list.new 2, %x5", "list.set %s, 1, %y5"]
    both = {"before": ("[integer(x), integer(y)]", two, "list<bigint>"), "imports": INTEGERS, "types": ["f64"]}
    got = ["%a = list.get %s, 0", "%b = list.get %s, 1"]
    sizes = [16, 128, 1024, 5200, 52000]

    def work(name, text, lines, sizes, **more):
        return Work(of, name, text, lines, sizes, "i64", gmpy2=text, **both, **more)

    lines = [*got, "%p = bigint.mul %a, %b", "%r = bigint.bit_length %p"]
    yield work("product", "(s[0] * s[1]).bit_length()", lines, sizes)
    lines = [*got, "%p = bigint.mul %a, %a", "%q, %t = bigint.divmod %p, %b", "%r = bigint.bit_length %t"]
    yield work("square and remainder", "(s[0] * s[0] % s[1]).bit_length()", lines, sizes[:-1])
    lines = [*got, "%t = bigint.to_str %a", "%r = str.len %t"]
    yield work("decimal digits", "len(str(s[0]))", lines, sizes[:-1])
    # Bases, exponents, and odd moduli.
    rows = [*parts, "%y3 = tensor.mul %y2, 4", "%m3 = tensor.add %y3, 1", "%s = tensor.reshape %m3, [16, %sixteenth]"]
    lines = ["%x1 = tensor.mul %x, 576460752303423488.0", "%x2 = tensor.cast<f64, i64> %x1"]
    lines += ["%a = tensor.reshape %x2, [16, SIXTEENTH]", "%y1 = tensor.mul %y, 576460752303423488.0"]
    lines += ["%y2 = tensor.cast<f64, i64> %y1", "%e = tensor.reshape %y2, [16, SIXTEENTH]", "%r = limbs.mod_pow %a, %e, %s"]
    text = "of_rows([POW(a, e, m) for a, e, m in zip(s[0], s[1], s[2])], len(x) // 16)"
    powers = {"before": ("powers(x, y)", rows, "tensor<i64>"), "imports": INTEGERS, "types": ["f64"]}
    more = {"gmpy2": text.replace("POW", "gmpy2.powmod"), "openssl": text.replace("POW", "power")}
    yield Work(of, "sixteen powers", text.replace("POW", "pow"), lines, [256, 512, 1024], "tensor<i64>", **more, **powers)
    lines = [*got, "%four = bigint.of_i64 4", "%one = bigint.of_i64 1", "%m1 = bigint.mul %b, %four", "%m2 = bigint.add %m1, %one"]
    lines += ["%p = bigint.mod_pow %a, %b, %m2", "%r = bigint.bit_length %p"]
    text = "POW(s[0], s[1], s[1] * 4 + 1).bit_length()"
    more = {"gmpy2": text.replace("POW", "gmpy2.powmod"), "openssl": text.replace("POW", "power")}
    yield Work(of, "one power", text.replace("POW", "pow"), lines, [16, 32, 64], "i64", **more, **both)


INTEGERS = """\
import sys

import gmpy2

sys.set_int_max_str_digits(0)
if LIBRARY == "openssl":
    import ctypes
    import ctypes.util

    crypto = ctypes.CDLL(ctypes.util.find_library("crypto"))
    for name in ("BN_new", "BN_CTX_new", "BN_bin2bn"):
        getattr(crypto, name).restype = ctypes.c_void_p
    context, made = ctypes.c_void_p(crypto.BN_CTX_new()), [ctypes.c_void_p(crypto.BN_new()) for _ in range(4)]


# OpenSSL's; there and back takes some microseconds.
def power(a, e, m):
    for into, number in zip(made, (a, e, m)):
        data = number.to_bytes(number.bit_length() // 8 + 1, "big")
        crypto.BN_bin2bn(data, len(data), into)
    crypto.BN_mod_exp(made[3], *made[:3], context)
    data = ctypes.create_string_buffer(crypto.BN_num_bits(made[3]) // 8 + 1)
    written = crypto.BN_bn2bin(made[3], data)
    return int.from_bytes(data.raw[:written], "big")


def limbs(x):
    return (x * x.dtype.type(2**59)).astype("<i8")


def integer(x):
    number = int.from_bytes(limbs(x).tobytes(), "little")
    return gmpy2.mpz(number) if LIBRARY == "gmpy2" else number


def rows(a):
    numbers = [int.from_bytes(row.tobytes(), "little") for row in a.reshape(16, -1)]
    return [gmpy2.mpz(n) for n in numbers] if LIBRARY == "gmpy2" else numbers


def powers(x, y):
    return rows(limbs(x)), rows(limbs(y)), rows(limbs(y) * 4 + 1)


def of_rows(numbers, n):
    data = b"".join(int(number).to_bytes(8 * n, "little") for number in numbers)
    return np.frombuffer(data, dtype="<i8").reshape(-1, n)
"""

WORKS = [*elementwise(), *functions(), *reductions(), *chains(), *few(), *linear(), *fourier(), *sparse(), *modular(), *integers(),
         *crypto()]
FAMILIES = list(dict.fromkeys(work.family for work in WORKS))

PROGRAM = """\
; {family}: {name}, once for its result and %n times for its time.
{before}
export func @once({arrays}) -> {result} {{
{lines}
  ret %r
}}

; What an iteration makes is gone at its end. Something of each result is looked at.
export func @repeat({arrays}, %n: i64) -> {last} {{
  %i = i64.const 0
  br again
again:
  region.begin
{lines}
  {look}
  region.end
  %i = i64.add %i, 1
  %more = i64.lt %i, %n
  br_if %more, again, done
done:
  ret %last
}}
"""

BEFORE = """
; What is made once.
export func @before({arrays}) -> {made} {{
{lines}
  ret %s
}}
"""


def indented(lines):
    return "\n".join("  " + line for line in lines)


def sided(text, size):
    """SIDE is that of a square of so many elements, CUBE that of a cube."""
    text = text.replace("SIXTEENTH", str(size // 16))
    return text.replace("SIDE", str(math.isqrt(size))).replace("CUBE", str(round(size ** (1 / 3))))


def program(work, elem, size):
    """The work in NBC."""
    last, look = work.result, "%last = copy %r"
    if work.result == "tensor<c128>":
        # There are no complex scalars.
        last, look = "i64", "%last = tensor.len %r"
    elif work.result.startswith("tensor"):
        loaded = work.result[len("tensor<"):-1]
        last, look = "i32" if loaded == "u8" else loaded, "%last = tensor.load %r, 0"
    arrays = "%x: tensor<f64>, %y: tensor<f64>, %m: tensor<bool>"
    before = BEFORE.format(arrays=arrays, made=work.made, lines=indented(work.nbc_before)) if work.made else ""
    text = PROGRAM.format(
        family=work.family,
        name=work.name,
        arrays=arrays + (f", %s: {work.made}" if work.made else ""),
        result=work.result,
        last=last,
        before=before,
        lines=indented(work.nbc),
        look=look,
    )
    text = sided(text, size).replace("f64", elem)
    return text.replace("c128", "c64") if elem == "f32" else text
