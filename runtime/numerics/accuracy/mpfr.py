"""Errors in units in the last place, against MPFR with 160 bits: `python3 mpfr.py FOLDER NAME...`, after
`accuracy dump FOLDER NAME...`. Needs gmpy2.
"""

import array
import math
import sys

import gmpy2

gmpy2.get_context().precision = 160
gmpy2.get_context().emax = 10**8
gmpy2.get_context().emin = -(10**8)

ONE = {
    "exp": gmpy2.exp, "exp2": gmpy2.exp2, "expm1": gmpy2.expm1, "ln": gmpy2.log, "log2": gmpy2.log2,
    "log10": gmpy2.log10, "log1p": gmpy2.log1p, "sin": gmpy2.sin, "cos": gmpy2.cos, "tan": gmpy2.tan,
    "asin": gmpy2.asin, "acos": gmpy2.acos, "atan": gmpy2.atan, "sinh": gmpy2.sinh, "cosh": gmpy2.cosh,
    "tanh": gmpy2.tanh, "cbrt": gmpy2.cbrt, "erf": gmpy2.erf, "erfc": gmpy2.erfc,
    "lgamma": lambda x: gmpy2.lgamma(x)[0], "tgamma": gmpy2.gamma,
}
TWO = {"pow": lambda x, y: x**y, "atan2": gmpy2.atan2, "hypot": gmpy2.hypot}

folder, names = sys.argv[1], sys.argv[2:]
for name in names:
    data = array.array("d")
    with open(f"{folder}/{name}.bin", "rb") as file:
        data.frombytes(file.read())
    worst, at, tried, near = 0.0, None, 0, 0.0
    for i in range(0, len(data), 3):
        x, y, got = data[i], data[i + 1], data[i + 2]
        if not math.isfinite(got) or got == 0.0 or not math.isfinite(x) or not math.isfinite(y):
            continue
        exact = ONE[name](gmpy2.mpfr(x)) if name in ONE else TWO[name](gmpy2.mpfr(x), gmpy2.mpfr(y))
        tried += 1
        difference = abs(exact - got)
        if name == "lgamma" and abs(got) < 0.5 and difference < 2.0**-52:
            near = max(near, float(difference))
            continue
        error = float(difference / math.ulp(got))
        if error > worst:
            worst, at = error, (x, y, got)
    absolute = f", near zeros {near:.3g} absolute" if near else ""
    print(f"{name:8} {tried} arguments, largest error {worst:.3f} ulp at {at}{absolute}", flush=True)
