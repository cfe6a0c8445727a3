"""What the references share: the random numbers that the programs make, the number
that tells a list's elements, and the ways a call may end other than in a value."""

BITS = (1 << 64) - 1


class Trap(Exception):
    """The call traps; the marks name its line and those of the calls around it."""

    def __init__(self, code, *marks):
        super().__init__(code)
        self.code, self.marks = code, marks


def out_of_range(*marks):
    return Trap("index_out_of_range", *marks)


class Approx:
    """A result that may differ by the tolerance: of functions such as sine."""

    def __init__(self, value, tolerance=1e-9):
        self.value, self.tolerance = value, tolerance


def wrap(value, bits=64):
    """The value as a signed number of that many bits."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> bits - 1 else value


class Random:
    """Knuth's linear congruential generator, of which the high bits are used."""

    def __init__(self, seed):
        self.state = seed & BITS

    def next(self, shift=33):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) & BITS
        return self.state >> shift

    def below(self, bound):
        return self.next() % bound


def noise(n, seed, bound):
    """That many numbers below the bound."""
    random = Random(seed)
    return [random.below(bound) for _ in range(n)]


def fold(values, factor=31):
    """A number that tells the values and their order."""
    h = 0
    for v in values:
        h = h * factor + v & BITS
    return wrap(h)
