"""RSA with padding, with published answers: NIST's for PSS, and those for OAEP that pyca/cryptography has made and checked
against Bouncy Castle. Both are in the package `cryptography_vectors`; without it this writes nothing."""
import hashlib
import os
import re
import runpy

try:
    import cryptography_vectors
    VECTORS = os.path.join(os.path.dirname(cryptography_vectors.__file__), "asymmetric", "RSA")
except ImportError:
    VECTORS = None

HERE = os.path.dirname(os.path.abspath(__file__))


def mgf(seed, length, hash):
    out = b"".join(hashlib.new(hash, seed + n.to_bytes(4, "big")).digest() for n in range(length // 20 + 1))
    return out[:length]


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def seed_of(n, d, ciphertext, hash):
    """The seed that a ciphertext was made with."""
    size, length = hashlib.new(hash).digest_size, (n.bit_length() + 7) // 8
    em = pow(int.from_bytes(ciphertext, "big"), d, n).to_bytes(length, "big")
    return xor(em[1:size + 1], mgf(em[size + 1:], size, hash))


def oaep(hash):
    """Keys with messages and their ciphertexts."""
    with open(os.path.join(VECTORS, "oaep-custom", f"oaep-{hash}-{hash}.txt")) as f:
        text = f.read()
    for part in text.split("# ====")[1:]:
        fields = re.findall(r"^# (.*?):?\n([0-9a-f]+)$", part, re.M)
        numbers = [int(value, 16) for name, value in fields if name not in ("Message", "Encryption")]
        n, e, _, _, d, p, q = numbers[:7]
        texts = [bytes.fromhex(value) for name, value in fields if name in ("Message", "Encryption")]
        yield (n, e, d, p, q), list(zip(texts[::2], texts[1::2]))


def pss():
    """Keys, hashes, messages, signatures, salts, and whether each is valid."""
    n = p = q = None
    with open(os.path.join(VECTORS, "FIPS_186-2", "SigVerPSS_186-3.rsp")) as f:
        lines = f.read().split("\n")
    found = {}
    for line in lines:
        name, _, value = (part.strip() for part in line.partition("="))
        if name in ("n", "p", "q"):
            found[name] = int(value, 16)
        elif name in ("e", "d"):
            found[name] = int(value, 16)
        elif name in ("SHAAlg", "Msg", "S", "SaltVal"):
            found[name] = value
        elif name == "Result":
            key = tuple(found[x] for x in "nedpq")
            yield key, found["SHAAlg"], *(bytes.fromhex(found[x]) for x in ("Msg", "S", "SaltVal")), value[0] == "P"


def write():
    tools = runpy.run_path(os.path.join(HERE, "bigint.py"), run_name="tools")
    p = tools["Program"]("rsa", "RSA with padding.")
    B, I, T = "bigint", "i64", "tensor<u8>"
    p.declare("rsa.oaep_encrypt", [B, B, I, T, T, T], [T])
    p.declare("rsa.oaep_decrypt", [B] * 5 + [I, T, T], [T])
    p.declare("rsa.pss_sign", [B] * 5 + [I, T, T], [T])
    p.declare("rsa.pss_verify", [B, B, I, T, T, I], ["bool"])
    keys = []
    for bits in (256, 384, 512):
        for key, texts in list(oaep(f"sha{bits}"))[:2]:
            n, e, d, *_ = key
            keys.append(key)
            for message, ciphertext in texts[:2]:
                seed = seed_of(n, d, ciphertext, f"sha{bits}")
                p.run("rsa.oaep_encrypt", [n, e, bits, message, b"", seed], ciphertext)
                p.run("rsa.oaep_decrypt", [*key, bits, ciphertext, b""], message)
    # Any label, from there and back; and what no longer decrypts.
    message, ciphertext = texts[0]
    label = b"what it is for"
    size, length = 64, (n.bit_length() + 7) // 8
    db = hashlib.sha512(label).digest() + bytes(length - len(message) - 2 * size - 2) + b"\1" + message
    seed = bytes(range(size))
    masked = xor(db, mgf(seed, len(db), "sha512"))
    em = b"\0" + xor(seed, mgf(masked, size, "sha512")) + masked
    labelled = pow(int.from_bytes(em, "big"), e, n).to_bytes(length, "big")
    p.run("rsa.oaep_encrypt", [n, e, 512, message, label, seed], labelled)
    p.run("rsa.oaep_decrypt", [*key, 512, labelled, label], message)
    other = keys[0]
    refused = "invalid_argument"
    for args in [
        [*key, 512, labelled, b""], [*key, 512, ciphertext, label], [*key, 256, ciphertext, b""],
        [*key, 512, ciphertext[:-1] + bytes([ciphertext[-1] ^ 1]), b""], [*key, 512, ciphertext[:-1], b""],
        [*key, 512, ciphertext + b"\0", b""], [*key, 512, b"\xff" * length, b""], [*key, 512, b"", b""],
        [*other, 512, ciphertext[:(other[0].bit_length() + 7) // 8], b""],
        # No keys.
        [n, e, d + 2, *key[3:], 512, ciphertext, b""], [n, e, d, key[4], key[4], 512, ciphertext, b""],
        [n + 2, e, d, *key[3:], 512, ciphertext, b""], [n, e, d, 1, n, 512, ciphertext, b""], [0, 0, 0, 0, 0, 512, b"", b""],
        [-n, e, d, *key[3:], 512, ciphertext, b""], [n + 1, e, d, *key[3:], 512, ciphertext, b""],
    ]:
        p.trap("rsa.oaep_decrypt", args, refused)
    for args in [
        [n, e, 512, b"\0" * (length - 2 * size - 1), b"", seed], [n, e, 512, message, b"", seed[1:]], [n, e, 1, message, b"", seed],
        [n, 1, 512, message, b"", seed], [n, 4, 512, message, b"", seed], [n, 2**40 + 1, 512, message, b"", seed],
        [2**1022 + 1, e, 512, message, b"", seed], [2**8192 + 1, e, 512, message, b"", seed], [15, 3, 256, b"", b"", bytes(32)],
    ]:
        p.trap("rsa.oaep_encrypt", args, refused)

    # Of each size and hash the first valid signature, and one that is invalid for each reason.
    seen, signed = set(), {}
    for key, name, message, signature, salt, valid in pss():
        bits = int(name[3:])
        n = key[0]
        if bits < 256 or (n.bit_length(), bits, valid) in seen and (valid or len(signed) > 20):
            continue
        seen.add((n.bit_length(), bits, valid))
        signed[message, signature] = True
        signature = signature.rjust((n.bit_length() + 7) // 8, b"\0")
        p.run("rsa.pss_verify", [n, key[1], bits, message, signature, len(salt)], valid)
        if valid:
            p.run("rsa.pss_sign", [*key, bits, message, salt], signature)
            p.run("rsa.pss_verify", [n, key[1], bits, message + b"\0", signature, len(salt)], False)
            p.run("rsa.pss_verify", [n, key[1], bits, message, signature, len(salt) + 1], False)
            p.run("rsa.pss_verify", [n, key[1], bits, message, signature[1:], len(salt)], False)
            last = (key, bits, message, salt)
    key, bits, message, salt = last
    p.run("rsa.pss_verify", [key[0], key[1], bits, message, b"", 2**62], False)
    p.trap("rsa.pss_verify", [key[0], key[1], bits, message, b"", -1], refused)
    p.trap("rsa.pss_verify", [key[0], key[1], 160, message, b"", 10], refused)
    p.trap("rsa.pss_sign", [*key, bits, message, bytes(key[0].bit_length() // 8)], refused)
    p.trap("rsa.pss_sign", [*key[:3], key[3] + 2, key[4], bits, message, salt], refused)
    p.write()


if VECTORS is None:
    print("skipped rsa: there is no package cryptography_vectors")
else:
    write()
