"""Queues and what is simulated with them: deques, heaps and lists of Python."""
from bisect import insort
from collections import deque as Deque

from .shared import Random, fold, noise, out_of_range


class ring_buffer:
    def flow(n, room, mask, seed):
        random, queue, out, put = Random(seed), Deque(), [], 0
        for k in range(n):
            for burst in range(random.next(60) + 1, 0, -1):
                if len(queue) < room:
                    if put & mask >= room:
                        raise out_of_range("wrong mask")
                    queue.append(k * 3 + burst)
                    put += 1
            for _ in range(random.next(60)):
                if queue:
                    out.append(queue.popleft())
        return fold(out + [len(queue)])

    def echo(n, room):
        sounds = []
        for i in range(n):
            sounds.append(i + (sounds[i - room] >> 1) if i >= room else i)
        return sum(sounds[:max(n - room, 0)])

    def overwrite(n, room):
        return fold(i * i for i in range(n - room, n))


class deque:
    def mixed(n, room, seed):
        random, queue, out = Random(seed), Deque(), []
        for k in range(n):
            what = random.next(61)
            if what == 0 and len(queue) < room:
                queue.appendleft(k)
            elif what == 1 and queue:
                out.append(queue.popleft())
            elif what == 2 and queue:
                out.append(queue.pop())
            elif what > 2 and len(queue) < room and what < 6:
                queue.append(k)
            elif what > 2 and len(queue) > 1:
                queue.popleft()
                queue.popleft()
        return len(queue), fold(out)

    def josephus(n, step):
        left = 0
        for k in range(2, n + 1):
            left = (left + step) % k
        return left

    def palindrome(a):
        return a == a[::-1]

    def taken(n, k):
        if k > n:
            raise out_of_range("nothing left")
        return fold(range(n, n - k, -1), 10)


class sliding_window:
    def windows(a, w):
        return [a[i:i + w] for i in range(len(a) - w + 1)]

    def greatest(a, w):
        return [max(x) for x in sliding_window.windows(a, w)]

    def folded(n, w, seed):
        return fold(sliding_window.greatest(noise(n, seed, 1000), w))

    def sums(n, most, seed):
        a = noise(n, seed, 1000)
        return fold([max(map(sum, sliding_window.windows(a, w))) for w in range(1, most + 1)], 3)

    def medians(n, w, seed):
        return fold([sorted(x)[w // 2] for x in sliding_window.windows(noise(n, seed, 100), w)])


class priority_queue:
    def drain(n, seed):
        return fold(sorted(noise(n, seed, 10000)))

    def hold(size, steps, seed):
        heap, more, seen = sorted(noise(size, seed, 100)), noise(steps, seed, 50), []
        for delay in more:
            seen.append(heap.pop(0))
            insort(heap, seen[-1] + delay)
        return fold(seen)

    def changes(n, steps, seed):
        priority = [p * 1024 + v for v, p in enumerate(noise(n, seed, 1000))]
        first = []
        for k, v in enumerate(noise(steps, seed, n), 1):
            priority[v] += k * 16384
            first.append(priority.index(min(priority)))
        return fold(first)


class bank_queue:
    def waiting(minutes, clerks, room, seed):
        random, line, free, total, served, longest, taken = Random(seed), Deque(), [0] * clerks, 0, 0, 0, 0
        for now in range(minutes):
            come = random.below(5)
            line.extend([now] * (come if come < 3 else 0))
            if taken + len(line) > room:
                raise out_of_range("line is full")
            longest = max(longest, len(line))
            for c in range(clerks):
                if free[c] <= now and line:
                    total += now - line.popleft()
                    served, taken = served + 1, taken + 1
                    free[c] = now + random.below(4) + 1
            if taken * 2 > room:
                taken = 0
        return total, served, longest


class elevator:
    def ride(floors, steps, seed):
        random = Random(seed)
        want, inside, floor, way, passed, opened, carried = [0] * floors, [0] * floors, 0, 1, 0, 0, 0
        for _ in range(steps):
            r = random.next()
            if r % 3 == 0:
                want[r // 3 % floors] += 1
            if want[floor] or inside[floor]:
                opened, carried = opened + 1, carried + inside[floor]
                inside[floor] = 0
                for _ in range(want[floor]):
                    others = [f for f in range(floors) if f != floor]
                    inside[others[random.below(floors - 1)]] += 1
                want[floor] = 0
            elif any(want[f] or inside[f] for f in range(floors) if (f - floor) * way > 0):
                floor, passed = floor + way, passed + 1
            else:
                way = -way
        return passed, opened, carried

    def closed(floors, to):
        if to > floors:
            raise out_of_range("no such floor")
        return to
