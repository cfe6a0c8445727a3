"""Hash tables: Python's own sets and dictionaries."""
from collections import Counter

from .shared import Random, fold, noise, out_of_range


class open_addressing:
    def counts(n, room, seed):
        count = Counter(noise(n, seed, 300))
        return len(count), max(count.values(), default=0)

    def with_deletes(n, room, seed):
        random, there, hits = Random(seed), set(), 0
        for _ in range(n):
            r = random.next()
            x = r % 150
            hits += x in there
            if r >> 20 & 3:
                there.add(x)
            else:
                there.discard(x)
        return len(there), hits

    def growing(n, seed):
        value = Counter()
        for k, x in enumerate(noise(n, seed, 2000)):
            value[x] += k * k
        return len(value), fold(value[x] for x in sorted(value))

    def masked(n, room, mask):
        table, steps = {}, 0
        for x in range(1, n + 1):
            at = x * 7 & mask
            while at in table:
                at, steps = (at + 1) & mask, steps + 1
            if at >= room:
                raise out_of_range("beyond the table")
            table[at] = x
        return steps


class chained_hash:
    def sets(n, buckets, seed):
        keys = noise(n, seed, 997)
        return len(set(keys)), n - len(set(keys))

    def words(s, buckets):
        words = bytes(s).split()
        return len(set(words)), len(words)

    def removed(n, buckets, seed, room):
        there, hits = set(), 0
        for x in noise(n, seed, 200):
            hits += x in there
            there ^= {x}
            if len(there) > room:
                raise out_of_range("no free place")
        return len(there), hits


class robin_hood:
    def insert(n, room, seed):
        keys = {x + 1 for x in noise(n, seed, 3000)}
        return len(keys), fold(sorted(keys))

    def remove(n, room, seed):
        keys = {x + 1 for x in noise(n, seed, 900)}
        gone = {x for x in keys if x % 3 == 1}
        return len(gone), fold(sorted(keys - gone))

    def spread(n, room, seed):
        return 0
