#!/usr/bin/env python3
"""Writes `crypto.txt`: published vectors of ciphers, hashes and keys, a line each.

Sources: Project Wycheproof (github.com/C2SP/wycheproof, Apache 2.0), NIST's CAVP as the package
`cryptography_vectors` has it, the vectors of BLAKE3, NIST SP 800-38A, and OpenSSL 3 where counters begin anew.

    pip install cryptography cryptography_vectors
    python3 tests/vectors/write.py WYCHEPROOF BLAKE3

Both arguments are checkouts. A line has words: what is computed, `valid` or what it traps with, and bytes in hexadecimal
digits (`-` for none), with numbers among them:

    gcm, chacha      key nonce associated text encrypted-with-tag
    cbc, ctr         key vector text encrypted
    cbc_blocks       the same, of whole blocks before any padding
    a hash           text digest
    hmac_*           key text code
    hkdf_*           key salt info length derived
    pbkdf2_*         password salt iterations length derived
"""
import json
import os
import random
import sys

import cryptography_vectors
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

WYCHEPROOF, BLAKE3 = sys.argv[1:]
NIST = os.path.dirname(cryptography_vectors.__file__)
HERE = os.path.dirname(os.path.abspath(__file__))
lines = []


def add(source, *words):
    lines.append((source, " ".join(str(w) if w != "" else "-" for w in words)))


def wycheproof(name):
    path = os.path.join(WYCHEPROOF, "testvectors_v1", f"{name}_test.json")
    for group in json.load(open(path))["testGroups"]:
        for test in group["tests"]:
            yield group, test


for name, file, nonce_sizes in [("gcm", "aes_gcm", None), ("chacha", "chacha20_poly1305", [96])]:
    for group, t in wycheproof(file):
        if group["tagSize"] != 128:
            continue
        wrong = "not_authentic"
        if group["ivSize"] == 0 or nonce_sizes and group["ivSize"] not in nonce_sizes:
            wrong = "invalid_argument"
        result = "valid" if t["result"] != "invalid" and wrong != "invalid_argument" else wrong
        add("Wycheproof " + file, name, result, t["key"], t["iv"], t["aad"], t["msg"], t["ct"] + t["tag"])
for group, t in wycheproof("aes_cbc_pkcs5"):
    whole = len(t["ct"]) % 32 == 0 and t["ct"]
    result = "valid" if t["result"] == "valid" else "invalid_padding" if whole else "invalid_argument"
    add("Wycheproof aes_cbc_pkcs5", "cbc", result, t["key"], t["iv"], t["msg"], t["ct"])
for hash in ["sha256", "sha512"]:
    for group, t in wycheproof(f"hmac_{hash}"):
        if t["result"] == "valid" and group["tagSize"] == 8 * len(t["tag"]) // 2 == int(hash[3:]):
            add(f"Wycheproof hmac_{hash}", f"hmac_{hash}", "valid", t["key"], t["msg"], t["tag"])
    for group, t in wycheproof(f"hkdf_{hash}"):
        result = "valid" if t["result"] == "valid" else "invalid_argument"
        add(f"Wycheproof hkdf_{hash}", f"hkdf_{hash}", result, t["ikm"], t["salt"], t["info"], t["size"], t["okm"])
    for group, t in wycheproof(f"pbkdf2_hmac{hash}"):
        if t["iterationCount"] > 5000 or t["result"] != "valid":
            continue
        add(f"Wycheproof pbkdf2_hmac{hash}", f"pbkdf2_{hash}", "valid", t["password"], t["salt"],
            t["iterationCount"], t["dkLen"], t["dk"])


def responses(path):
    """The records of a file of CAVP, each with the values in brackets before it."""
    around, record, is_head = {}, {}, False
    for line in open(os.path.join(NIST, path)):
        line = line.strip()
        if line.startswith("[") and line.endswith("]"):
            word = line[1:-1]
            if record:
                yield {**around, **record}
                record = {}
            key, _, value = word.partition("=")
            if not value:
                around = {}
            around[key.strip().upper()] = value.strip()
        elif not line or line.startswith("#"):
            if record:
                yield {**around, **record}
            record = {}
        else:
            key, _, value = line.partition("=")
            record[key.strip().upper()] = value.strip()
    if record:
        yield {**around, **record}


for size in [128, 192, 256]:
    seen = {}
    for r in responses(f"ciphers/AES/GCM/gcmEncryptExtIV{size}.rsp"):
        if r["TAGLEN"] != "128":
            continue
        group = (r["IVLEN"], r["PTLEN"], r["AADLEN"])
        seen[group] = seen.get(group, 0) + 1
        if seen[group] == 1:
            add("NIST CAVP gcmEncryptExtIV", "gcm", "valid", r["KEY"], r["IV"], r["AAD"], r["PT"], r["CT"] + r["TAG"])
    seen = {}
    for r in responses(f"ciphers/AES/GCM/gcmDecrypt{size}.rsp"):
        if r["TAGLEN"] != "128" or "FAIL" not in r:
            continue
        group = (r["IVLEN"], r["PTLEN"], r["AADLEN"])
        seen[group] = seen.get(group, 0) + 1
        if seen[group] == 1:
            add("NIST CAVP gcmDecrypt", "gcm", "not_authentic", r["KEY"], r["IV"], r["AAD"], "", r["CT"] + r["TAG"])
    for kind in ["MMT", "GFSbox", "KeySbox"]:
        for r in responses(f"ciphers/AES/CBC/CBC{kind}{size}.rsp"):
            add("NIST CAVP CBC", "cbc_blocks", "valid", r["KEY"], r["IV"], r["PLAINTEXT"], r["CIPHERTEXT"])
    for r in responses(f"ciphers/AES/CTR/aes-{size}-ctr.txt"):
        add("RFC 3686", "ctr", "valid", *(r[k].lower() for k in ["KEY", "IV", "PLAINTEXT", "CIPHERTEXT"]))

TEXT = ("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
        "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710")
SP_800_38A = {
    "2b7e151628aed2a6abf7158809cf4f3c":
        "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff"
        "5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee",
    "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b":
        "1abc932417521ca24f2b0459fe7e6e0b090339ec0aa6faefd5ccc2c6f4ce8e94"
        "1e36b26bd1ebc670d1bd1d665620abf74f78a7f6d29809585a97daec58c6b050",
    "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4":
        "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5"
        "2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6",
}


def ctr(key, counter, text):
    cipher = Cipher(algorithms.AES(key), modes.CTR(counter)).encryptor()
    return cipher.update(text) + cipher.finalize()


for key, encrypted in SP_800_38A.items():
    counter = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"
    assert ctr(bytes.fromhex(key), bytes.fromhex(counter), bytes.fromhex(TEXT)).hex() == encrypted
    add("NIST SP 800-38A, F.5", "ctr", "valid", key, counter, TEXT, encrypted)
rng = random.Random(38)
for size in [16, 24, 32]:
    for start in [(1 << 128) - 1, (1 << 128) - 3, (1 << 64) - 2, (1 << 32) - 2, (5 << 64) + (1 << 64) - 40]:
        for n in [1, 40, 777]:
            key, text = rng.randbytes(size), rng.randbytes(n)
            counter = start.to_bytes(16, "big")
            add("OpenSSL, counters that begin anew", "ctr", "valid", key.hex(), counter.hex(), text.hex(),
                ctr(key, counter, text).hex())

for folder, hashes in [("SHA2", ["SHA224", "SHA256", "SHA384", "SHA512"]), ("SHA3", ["SHA3_256", "SHA3_512"])]:
    for hash in hashes:
        short = list(responses(f"hashes/{folder}/{hash}ShortMsg.rsp"))
        long = list(responses(f"hashes/{folder}/{hash}LongMsg.rsp"))
        for r in short + long[:4]:
            if "LEN" in r and "MSG" in r:
                n = int(r["LEN"]) // 8
                add(f"NIST CAVP {hash}", hash.lower(), "valid", r["MSG"][:2 * n], r["MD"])
for case in json.load(open(os.path.join(BLAKE3, "test_vectors", "test_vectors.json")))["cases"]:
    n = case["input_len"]
    if n <= 9000:
        text = bytes(i % 251 for i in range(n))
        add("BLAKE3", "blake3", "valid", text.hex(), case["hash"][:64])

with open(os.path.join(HERE, "crypto.txt"), "w") as file:
    file.write("# Published vectors. Written by write.py, which says what the words are.\n")
    before = None
    for source, line in lines:
        if source != before:
            file.write(f"# {source}\n")
            before = source
        file.write(line + "\n")
print(len(lines), "vectors")
