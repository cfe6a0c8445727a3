"""Bytes read and written: by Python's own reading, encoding and regular expressions."""
import base64 as own_base64
import json
import re
from itertools import groupby

from .shared import Random, Trap, fold, noise, out_of_range, wrap


class integer_lists:
    def sum(s):
        text = bytes(s).decode()
        if not text.strip(" "):
            return 0, 0
        items = text.split(",")
        if not items[-1].strip(" ") and len(items) > 1:
            items.pop()
        at, total = 0, 0
        for item in items:
            found = re.match(r" *[+-]?(\d*) *", item)
            if not found[1] or found.end() < len(item):
                return at + (found.end() if found[1] else found.end(1)), -1
            total += int(item)
            at += len(item) + 1
        return total, len(items)

    def numbers(n, seed):
        random = Random(seed)
        return [(wrap(random.next(0)) >> 40) >> k % 16 for k in range(n)]

    def round(n, seed):
        numbers = integer_lists.numbers(n, seed)
        return sum(numbers), n

    def cut(n, seed, room):
        text = ",".join(map(str, integer_lists.numbers(n, seed)))
        if len(text) > room:
            raise out_of_range("no room for a digit", "write a number", "write the list")
        return len(text)


class json_tokens:
    TOKEN = re.compile(r'[{}\[\],:]|"(?:[^"\\]|\\.)*"|[-\d][-+.eE\d]*|true|null|false')
    ROW = '{"id": 17, "tags": ["a\\\\n", "bc"], "on": true, "x": -1.25e+3, "none": null},'

    def scan(s):
        text, stack, deepest, tokens, at = bytes(s).decode(), [], 0, 0, 0
        while at < len(text):
            if text[at] in " \n":
                at += 1
                continue
            found = json_tokens.TOKEN.match(text, at)
            if not found:
                return -(len(text) if text[at] == '"' else at), deepest
            token = found[0]
            if token in "[{":
                stack.append("]" if token == "[" else "}")
                if len(stack) > 64:
                    raise out_of_range("nested too deep", "scan brackets")
                deepest = max(deepest, len(stack))
            elif token in "]}" and (not stack or stack.pop() != token):
                return -at, deepest
            tokens, at = tokens + 1, found.end()
        return (-at if stack else tokens), deepest

    def sample(rows):
        text = "[" + (json_tokens.ROW * rows)[:-1] + "]"
        json.loads(text)
        return json_tokens.scan(text.encode())

    def deep(n):
        return json_tokens.scan(b"[" * n + b"]" * n)


class brackets:
    def balanced(s):
        text = bytes(s).decode()
        while True:
            less = re.sub(r"\(\)|\[\]|\{\}", "", text)
            if less == text:
                return not text
            text = less

    def longest(s):
        text = bytes(s).decode()
        while "()" in text.replace("x", ""):
            text = re.sub(r"\((x*)\)", r"x\1x", text)
        return max(map(len, re.findall("x*", text)))

    def random(n, seed):
        return brackets.longest([40 + b for b in noise(n, seed, 2)])

    def nested(n, room):
        if n > room:
            raise out_of_range("stack is full")
        return fold(range(n)[::-1], 3)


def quotient(a, b):
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


class rpn_calculator:
    def run(s):
        stack = []
        for c in bytes(s).decode():
            if c.isdigit():
                stack.append(int(c))
                continue
            if len(stack) < 2:
                raise out_of_range("no second operand")
            b, a = stack.pop(), stack.pop()
            if c == "/" and b == 0:
                raise Trap("divide_by_zero", "by zero")
            stack.append({"+": a + b, "-": a - b, "*": a * b}[c] if c != "/" else quotient(a, b))
        if not stack:
            raise out_of_range("no result")
        return stack[-1]

    def numbers(s):
        stack = []
        for word in re.findall(r"\d+|[-+*~]", bytes(s).decode()):
            if word.isdigit():
                stack.append(word)
            elif word == "~":
                stack.append(f"(-{stack.pop()})")
            else:
                b, a = stack.pop(), stack.pop()
                stack.append(f"({a}{word}{b})")
        return eval(stack[0])

    def generated(n, seed):
        random, stack = Random(seed), []
        for _ in range(n):
            r = random.next()
            if len(stack) < 2 or len(stack) < 8 and r % 2:
                stack.append(r % 1000)
                continue
            b, a = stack.pop(), stack.pop()
            what = r // 2 % 4
            stack.append(wrap([a + b, a - b, a * b, quotient(a, b) if b else a][what]))
        return fold(stack[::-1])


class utf8:
    def decode(s):
        good, count = bytes(s), None
        try:
            good.decode()
        except UnicodeDecodeError as error:
            good, count = good[:error.start], -error.start - 1
        text = good.decode()
        return len(text) if count is None else count, fold(map(ord, text))

    def round(n, seed):
        random, text = Random(seed), ""
        for k in range(n):
            c = random.below(1114112) >> k % 4 * 5
            text += chr(63 if 0xD800 <= c < 0xE000 else c)
        return utf8.decode(text.encode().ljust(4 * n, b"\0"))

    def tight(n, room):
        length = len("".join(chr(228 + k) for k in range(n)).encode())
        if length > room:
            raise out_of_range("no room for the second", "write a character")
        return length


def runs(a, most):
    for value, group in groupby(a):
        length = len(list(group))
        while length:
            yield min(length, most), value
            length -= min(length, most)


class run_length:
    def encode(a):
        return [x for run in runs(a, 255) for x in run]

    def decode(a, room):
        out = [c for n, c in zip(a[::2], a[1::2]) for _ in range(n)]
        if len(out) > room:
            raise out_of_range("more than fits", "unpack")
        return out + [0] * (room - len(out))

    def round(n, seed, letters):
        a = noise(n, seed, letters)
        a = [a[i - i % 3] for i in range(n)]
        return len(run_length.encode(a)), n, True

    def packets(n, seed, letters):
        text = bytes(noise(n, seed, letters))
        size = 0
        for piece in re.findall(rb"(?s)(.)\1{2,129}|((?:(?!(.)\3\3).)+)", text):
            size += len(piece[1]) + -(-len(piece[1]) // 128) if piece[1] else 2
        return size


class base64:
    def encode(a):
        return list(own_base64.b64encode(bytes(a)))

    def decode(s):
        return list(own_base64.b64decode(bytes(s)))

    def round(n, seed):
        return fold(base64.encode(noise(n, seed, 256))), True


class hex:
    def encode(a):
        return list(bytes(a).hex().encode())

    def decode(s):
        if len(s) % 2:
            raise out_of_range("half a byte")
        try:
            return list(bytes.fromhex(bytes(s).decode()))
        except ValueError:
            raise Trap("unreachable", "no digit") from None

    def dump(n, seed):
        a, text = bytes(noise(n, seed, 256)), ""
        for row in range(0, n, 16):
            piece = a[row:row + 16]
            shown = "".join(chr(c) if 32 <= c < 127 else "." for c in piece)
            text += f"{row:08x}" + "".join(f" {c:02x}" for c in piece).ljust(48) + " " + shown
        return fold(text.encode())
