"""Ciphers, hashes, codes and keys, with the answers of OpenSSL (by `cryptography`) and of hashlib.

    pip install cryptography
"""
import hashlib
import hmac

import numpy as np
from cryptography.hazmat.primitives import hashes, padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from program import Program

rng = np.random.default_rng(180)


def u8(data):
    return np.frombuffer(bytes(data), dtype=np.uint8)


def noise(n):
    return u8(rng.bytes(n))


def numbers(dtype, shape):
    """Elements of any type, of which some are NaN, and zeros of both signs."""
    x = rng.integers(-5, 6, shape).astype("f8") * 0.5
    if dtype[0] in "fc":
        x.flat[0] = np.nan
        x.flat[1] = -0.0
    x = x.astype(dtype)
    return x + 1j * np.asarray(numbers("f8", shape), dtype=x.real.dtype) if dtype[0] == "c" else x


def of(x):
    """The bytes of elements, with the canonical NaN for every NaN."""
    x = np.array(x, order="C")
    if x.dtype.kind in "fc":
        parts = x.reshape(-1).view(x.real.dtype)
        parts[np.isnan(parts)] = np.nan
    return x.tobytes()


TYPES = {"u1": "u8", "i4": "i32", "i8": "i64", "f4": "f32", "f8": "f64", "c8": "c64", "c16": "c128", "?": "bool"}
key, nonce, iv, with_it = noise(16), noise(12), noise(16), noise(21)
key24, key32, empty = noise(24), noise(32), u8(b"")


def ctr(k, counter, data):
    c = Cipher(algorithms.AES(k.tobytes()), modes.CTR(counter.tobytes())).encryptor()
    return u8(c.update(data) + c.finalize())


def cbc(k, first, data):
    pad = padding.PKCS7(128).padder()
    c = Cipher(algorithms.AES(k.tobytes()), modes.CBC(first.tobytes())).encryptor()
    return u8(c.update(pad.update(data) + pad.finalize()) + c.finalize())


def gcm(k, n, data, associated):
    return u8(AESGCM(k.tobytes()).encrypt(n.tobytes(), data, associated.tobytes()))


def chacha(k, n, data, associated):
    return u8(ChaCha20Poly1305(k.tobytes()).encrypt(n.tobytes(), data, associated.tobytes()))


p = Program("crypto", "Ciphers, hashes, codes and keys.", "OpenSSL and hashlib")
for dtype, elem in TYPES.items():
    x = numbers(dtype, (3, 5))
    p.run(f"to_bytes_{elem}", "tensor.to_bytes", [x], u8(of(x)))
    p.run(f"of_bytes_{elem}", "tensor.of_bytes", [u8(of(x)), [5, 3]], x.reshape(5, 3), kinds=[elem])
    p.run(f"ctr_{elem}", "crypto.aes_ctr", [x, key, iv], ctr(key, iv, of(x)))
    p.run(f"cbc_{elem}", "crypto.aes_cbc_encrypt", [x, key, iv], cbc(key, iv, of(x)))
    p.run(f"gcm_{elem}", "crypto.aes_gcm_encrypt", [x, key, nonce, with_it], gcm(key, nonce, of(x), with_it))
    p.run(f"chacha_{elem}", "crypto.chacha20_poly1305_encrypt", [x, key32, nonce, empty],
          chacha(key32, nonce, of(x), empty))
    p.run(f"sha256_{elem}", "crypto.sha256", [x], u8(hashlib.sha256(of(x)).digest()))
    rows = np.stack([u8(hashlib.sha3_256(of(row)).digest()) for row in x])
    p.run(f"sha3_256_rows_{elem}", "crypto.sha3_256_rows", [x], rows)
    p.run(f"hmac_{elem}", "crypto.hmac_sha256", [x, key24], u8(hmac.digest(key24.tobytes(), of(x), "sha256")))
for n in [0, 1, 15, 16, 17, 32, 100]:
    for k in [key, key24, key32]:
        x, name = noise(n), f"{n}_{8 * len(k)}"
        data = x.tobytes()
        p.run(f"ctr_{name}", "crypto.aes_ctr", [x, k, iv], ctr(k, iv, data))
        p.run(f"cbc_encrypt_{name}", "crypto.aes_cbc_encrypt", [x, k, iv], cbc(k, iv, data))
        p.run(f"cbc_decrypt_{name}", "crypto.aes_cbc_decrypt", [cbc(k, iv, data), k, iv], x)
        e = gcm(k, nonce, data, with_it)
        p.run(f"gcm_encrypt_{name}", "crypto.aes_gcm_encrypt", [x, k, nonce, with_it], e)
        p.run(f"gcm_decrypt_{name}", "crypto.aes_gcm_decrypt", [e, k, nonce, with_it], x)
    e = chacha(key32, nonce, data, with_it)
    p.run(f"chacha_encrypt_{n}", "crypto.chacha20_poly1305_encrypt", [x, key32, nonce, with_it], e)
    p.run(f"chacha_decrypt_{n}", "crypto.chacha20_poly1305_decrypt", [e, key32, nonce, with_it], x)
    for hash in ["sha224", "sha256", "sha384", "sha512", "sha3_256", "sha3_512"]:
        p.run(f"{hash}_{n}", f"crypto.{hash}", [x], u8(hashlib.new(hash, data).digest()))
    for size in ["256", "512"]:
        p.run(f"hmac_{size}_{n}", f"crypto.hmac_sha{size}", [with_it, x],
              u8(hmac.digest(data, with_it.tobytes(), f"sha{size}")))
for hash in ["sha224", "sha256", "sha384", "sha512", "sha3_256", "sha3_512"]:
    x = noise(60).reshape(3, 4, 5)
    size = hashlib.new(hash).digest_size
    of_rows = [u8(hashlib.new(hash, of(row)).digest()) for row in x]
    p.run(f"{hash}_rows", f"crypto.{hash}_rows", [x], np.stack(of_rows))
    p.run(f"{hash}_no_rows", f"crypto.{hash}_rows", [x[:0]], np.zeros((0, size), dtype=np.uint8))
    nothing = u8(hashlib.new(hash).digest())
    p.run(f"{hash}_empty_rows", f"crypto.{hash}_rows", [x[:2, :0]], np.stack([nothing, nothing]))
    p.run(f"{hash}_number", f"crypto.{hash}_rows", [x[0, 0, :2]],
          np.stack([u8(hashlib.new(hash, bytes([v])).digest()) for v in x[0, 0, :2]]))
# From the table of the BLAKE3 paper's test vectors: nothing, and the bytes 0, 1, 2.
BLAKE3 = {0: "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
          3: "e1be4d7a8ab5560aa4199eea339849ba8e293d55ca0a81006726d184519e647f"}
for n, digest in BLAKE3.items():
    p.run(f"blake3_{n}", "crypto.blake3", [u8(range(n))], u8(bytes.fromhex(digest)))
p.run("blake3_rows", "crypto.blake3_rows", [u8(range(3)).reshape(1, 3)],
      u8(bytes.fromhex(BLAKE3[3])).reshape(1, 32))
for size in [256, 512]:
    hash = hashes.SHA256() if size == 256 else hashes.SHA512()
    for n, salt, info, length in [(22, nonce, with_it, 42), (80, empty, empty, 1), (1, key32, with_it, 200)]:
        x = noise(n)
        made = HKDF(algorithm=hash, length=length, salt=salt.tobytes(), info=info.tobytes()).derive(x.tobytes())
        p.run(f"hkdf_{size}_{n}", f"crypto.hkdf_sha{size}", [x, salt, info, length], u8(made))
    for n, salt, times, length in [(8, iv, 1, 20), (200, nonce, 3, 100), (0, empty, 100, 64)]:
        x = noise(n)
        made = hashlib.pbkdf2_hmac(f"sha{size}", x.tobytes(), salt.tobytes(), times, length)
        p.run(f"pbkdf2_{size}_{n}", f"crypto.pbkdf2_sha{size}", [x, salt, times, length], u8(made))
other = key.copy()
other[15] ^= 1
p.run("equal", "crypto.equal", [key, key], True)
p.run("equal_not", "crypto.equal", [key, other], False)
p.run("equal_dims", "crypto.equal", [key, key.reshape(4, 4)], False)
p.run("equal_lengths", "crypto.equal", [key, key24], False)
p.run("equal_numbers", "crypto.equal", [numbers("i8", (2, 3)), numbers("i8", (2, 3))], False)
p.run("equal_nothing", "crypto.equal", [empty, empty], True)

text = u8(b"sixteen letters!")
short = u8(b"short")
for operation in ["aes_ctr", "aes_cbc_encrypt", "aes_cbc_decrypt"]:
    p.trap(f"{operation}_key", f"crypto.{operation}", [text, short, iv], "invalid_argument")
    p.trap(f"{operation}_vector", f"crypto.{operation}", [text, key, nonce], "invalid_argument")
for operation in ["aes_gcm_encrypt", "aes_gcm_decrypt"]:
    p.trap(f"{operation}_key", f"crypto.{operation}", [text, short, nonce, empty], "invalid_argument")
    p.trap(f"{operation}_nonce", f"crypto.{operation}", [text, key, empty, empty], "invalid_argument")
for operation in ["chacha20_poly1305_encrypt", "chacha20_poly1305_decrypt"]:
    p.trap(f"{operation}_key", f"crypto.{operation}", [text, key, nonce, empty], "invalid_argument")
    p.trap(f"{operation}_nonce", f"crypto.{operation}", [text, key32, iv, empty], "invalid_argument")
for operation, k in [("aes_gcm_decrypt", key), ("chacha20_poly1305_decrypt", key32)]:
    right = (gcm if k is key else chacha)(k, nonce, text.tobytes(), with_it)
    for at in [0, len(text) - 1, len(text), len(right) - 1]:
        wrong = right.copy()
        wrong[at] ^= 0x40
        p.trap(f"{operation}_{at}", f"crypto.{operation}", [wrong, k, nonce, with_it], "not_authentic")
    p.trap(f"{operation}_short", f"crypto.{operation}", [right[:15], k, nonce, with_it], "invalid_argument")
    p.trap(f"{operation}_cut", f"crypto.{operation}", [right[1:], k, nonce, with_it], "not_authentic")
    p.trap(f"{operation}_other", f"crypto.{operation}", [right, k, nonce, empty], "not_authentic")
right = cbc(key, iv, text.tobytes())
p.trap("cbc_padding", "crypto.aes_cbc_decrypt", [right[:16], key, iv], "invalid_padding")
p.trap("cbc_cut", "crypto.aes_cbc_decrypt", [right[:31], key, iv], "invalid_argument")
p.trap("cbc_nothing", "crypto.aes_cbc_decrypt", [empty, key, iv], "invalid_argument")
for hash in ["sha256", "sha512"]:
    most = 255 * hashlib.new(hash).digest_size
    for n in [0, -1, most + 1]:
        p.trap(f"hkdf_{hash}_{n}".replace("-", "less_"), f"crypto.hkdf_{hash}", [key, iv, empty, n], "invalid_argument")
    p.trap(f"pbkdf2_{hash}_0", f"crypto.pbkdf2_{hash}", [key, iv, 1, 0], "invalid_argument")
    p.trap(f"pbkdf2_{hash}_times", f"crypto.pbkdf2_{hash}", [key, iv, 0, 16], "invalid_argument")
    p.trap(f"pbkdf2_{hash}_long", f"crypto.pbkdf2_{hash}", [key, iv, 1, 1 << 40], "invalid_argument")
    p.trap(f"{hash}_rows_number", f"crypto.{hash}_rows", [np.array(3, dtype=np.uint8)], "rank_mismatch")
p.trap("of_bytes_few", "tensor.of_bytes", [text, [3]], "shape_mismatch", kinds=["f64"])
p.trap("of_bytes_negative", "tensor.of_bytes", [text, [-2]], "invalid_argument", kinds=["f64"])
p.write()
