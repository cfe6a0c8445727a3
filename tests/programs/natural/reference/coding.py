"""Checks, digests, generators and codes: by Python's library where it has them."""
import hashlib
import heapq
import random as own_random
import zlib
from collections import Counter

from .shared import BITS, fold, noise, out_of_range, wrap


class crc32:
    def bitwise(a):
        return zlib.crc32(bytes(a))

    table = bitwise

    def long(n, seed):
        return zlib.crc32(bytes(noise(n, seed, 256)))

    nibbles = long

    def pieces(n, size, seed):
        return crc32.long(n, seed), -(-n // size)

    def small_table(n, room):
        # All ones in the low byte ask for the last entry.
        if room < 256:
            raise out_of_range("table too small", "update")
        return zlib.crc32(bytes(n))


class adler32:
    def adler(s):
        return zlib.adler32(bytes(s))

    def blocks(n, seed):
        return zlib.adler32(bytes(noise(n, seed, 256)))

    def fletcher(s):
        return sum(x * (len(s) - i) for i, x in enumerate(s)) % 255 << 8 | sum(s) % 255

    def fnv(n, seed):
        h = 0xCBF29CE484222325
        for b in noise(n, seed, 256):
            h = (h ^ b) * 0x100000001B3 & BITS
        return h

    def djb(n, seed):
        return fold([5381] + noise(n, seed, 256), 33)

    def luhn(s):
        digits = [int(chr(c)) for c in reversed(s)]
        return (sum(digits[::2]) + sum(sum(divmod(2 * d, 10)) for d in digits[1::2])) % 10 == 0


def words(digest):
    return [int.from_bytes(digest[i:i + 4], "big") for i in range(0, 32, 4)]


class sha256:
    def digest(s):
        return words(hashlib.sha256(bytes(s)).digest())

    def long(n, seed):
        return sha256.digest(noise(n, seed, 256))

    def chain(times):
        s = bytes(32)
        for _ in range(times):
            s = hashlib.sha256(s).digest()
        return words(s)[0]


def shifted(x, bits, *shifts):
    """One step of xorshift; a shift below 0 goes to the right."""
    for s in shifts:
        x = (x ^ (x << s if s > 0 else x >> -s)) & (1 << bits) - 1
    return x


def rotated(x, by, bits=64):
    return (x << by | x >> bits - by) & (1 << bits) - 1


class xorshift:
    def shift64(x, n):
        for _ in range(n):
            x = shifted(x, 64, 13, -7, 17)
        return x

    def shift32(x, n):
        for _ in range(n):
            x = shifted(x, 32, 13, -17, 5)
        return x

    def splitmix(seed, n):
        h = 0
        for i in range(1, n + 1):
            z = seed + i * 0x9E3779B97F4A7C15 & BITS
            z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & BITS
            z = (z ^ z >> 27) * 0x94D049BB133111EB & BITS
            h ^= z ^ z >> 31
        return h

    def carry(x, n):
        # A step is a product modulo a * 2^32 - 1, so all of them are a power.
        a = 4294957665
        m = a * 2 ** 32 - 1
        return x * pow(2 ** 32, -n, m) % m & 0xFFFFFFFF

    def register(r, n):
        bits = [r >> i & 1 for i in range(16)]
        for i in range(n):
            bits.append(bits[i] ^ bits[i + 2] ^ bits[i + 3] ^ bits[i + 5])
        return sum(b << i for i, b in enumerate(bits[n:]))

    def period(_seed):
        return 2 ** 12 - 1

    def xoshiro(seed, n):
        s = [seed]
        while len(s) < 4:
            s.append(xorshift.shift64(s[-1], 1))
        total = 0
        for _ in range(n):
            total += rotated(s[1] * 5 & BITS, 7) * 9
            a, b, c, d = s
            s = [a ^ d ^ b, b ^ c ^ a, (c ^ a ^ b << 17) & BITS, rotated(d ^ b, 45)]
        return total

    def spread(n, room, seed):
        count, x = Counter(), seed
        for _ in range(n):
            x = xorshift.shift64(x, 1)
            count[x >> 60] += 1
        if max(count) >= room:
            raise out_of_range("no such counter")
        return fold(count[k] for k in range(room))


class twister:
    def drawn(seed, n):
        """Python's own twister, with the state that the old way of seeding gives."""
        state = [seed]
        for i in range(1, 624):
            state.append((1812433253 * (state[-1] ^ state[-1] >> 30) + i) & 0xFFFFFFFF)
        own = own_random.Random()
        own.setstate((3, tuple(state) + (624,), None))
        return [own.getrandbits(32) for _ in range(n)]

    def nth(seed, n):
        return twister.drawn(seed, n)[-1]

    def sum(seed, n):
        return sum(twister.drawn(seed, n))

    def small(seed, n):
        state = [seed]
        for i in range(1, 16):
            state.append((1812433253 * (state[-1] ^ state[-1] >> 30) + i) & 0xFFFFFFFF)
        for k in range(n):
            state.append(state[k] ^ rotated(state[k + 7], 9, 32) ^ state[k + 10] << 3 & 0xFFFFFFFF)
        return fold(wrap(x, 32) for x in state[16:])

    def shorter(seed, room, n):
        if room < 624:
            raise out_of_range("state too short", "twist")
        return twister.drawn(seed, n + 1)[n]


class huffman:
    def lengths(weights):
        """By a heap; of equal weights, leaves come first, then what was made first."""
        heap = [(w, i, [i]) for i, w in enumerate(weights)]
        depth, made = [0] * len(weights), len(weights)
        while len(heap) > 1:
            (a, _, left), (b, _, right) = heapq.heappop(heap), heapq.heappop(heap)
            for leaf in left + right:
                depth[leaf] += 1
            heapq.heappush(heap, (a + b, made, left + right))
            made += 1
        return depth

    def rising(n, seed):
        weights, total = [], -1
        for w in noise(n, seed, 50):
            total += w + 1
            weights.append(total)
        return weights

    def cost(n, seed):
        weights = huffman.rising(n, seed)
        return sum(w * d for w, d in zip(weights, huffman.lengths(weights)))

    heap_cost = cost

    def round(n, letters, seed):
        depth = huffman.lengths(range(1, letters + 1))
        return sum(depth[int(x ** 0.5)] for x in noise(n, seed, letters * letters)), True

    def truncated(n, room):
        bits = "".join(f"{i % 2 ** (i % 5 + 1):0{i % 5 + 1}b}" for i in range(n))
        if len(bits) // 8 > room:
            raise out_of_range("out of bytes")
        return fold(int(bits[i:i + 8], 2) for i in range(0, len(bits) - 7, 8))


class lz77:
    def pack(s, window):
        out, at = [], 0
        while at < len(s):
            best, far = 0, 0
            for start in range(max(at - window, 0), at):
                n = 0
                while at + n < len(s) - 1 and s[start + n] == s[at + n]:
                    n += 1
                if n > best:
                    best, far = n, at - start
            out.append((far, best, s[at + best]))
            at += best + 1
        return out

    def tokens(n, window, letters, seed):
        out = lz77.pack(noise(n, seed, letters), window)
        return len(out), fold(x for token in out for x in token)

    def unpack(t):
        out = []
        for far, length, byte in zip(t[::3], t[1::3], t[2::3]):
            if length and far > len(out):
                raise out_of_range("before the beginning", "expand")
            piece = (out[-far:] if far else []) * (length + 1)
            out += piece[:length] + [byte]
        return out

    def round(n, window, letters, seed):
        s = noise(n, seed, letters)
        return lz77.unpack([x for token in lz77.pack(s, window) for x in token]) == s

    def hashed(n, window, letters, seed):
        s, alone, matched, at = noise(n, seed, letters), 0, 0, 0

        def name(i):
            return fold(s[i:i + 4], 5) & 255 if i + 4 <= n else None

        names = [name(i) for i in range(n)]
        while at < n:
            tries = [i for i in range(max(0, at - window), at)[::-1] if names[i] == names[at] is not None]
            best = 0
            for i in tries[:8]:
                length = 0
                while at + length < n and s[i + length] == s[at + length]:
                    length += 1
                best = max(best, length)
            if best >= 4:
                matched, at = matched + best, at + best
            else:
                alone, at = alone + 1, at + 1
        return alone, matched


class lzw:
    def pack(s, room):
        codes, out, word = {(b,): b for b in range(256)}, [], ()
        for b in s:
            if word + (b,) in codes:
                word += (b,)
                continue
            out.append(codes[word])
            if len(codes) < room:
                codes[word + (b,)] = len(codes)
            word = (b,)
        return out + [codes[word]] if s else out

    def unpack(t, room):
        words, out, old = [(b,) for b in range(256)], [], None
        for code in t:
            if code > len(words) or code == len(words) and old is None:
                return -1, 0
            word = words[code] if code < len(words) else old + old[:1]
            if old is not None and len(words) < room:
                words.append(old + word[:1])
            out, old = out + list(word), word
        return len(out), fold(out)

    def round(n, letters, seed, room):
        s = noise(n, seed, letters)
        t = lzw.pack(s, room)
        return len(t), lzw.unpack(t, room) == (n, fold(s))
