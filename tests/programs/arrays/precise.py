"""Matrices and lines that are hard for doubles, with answers of mpmath at 60 digits."""
import mpmath
import numpy as np

from program import Program

mpmath.mp.dps = 60
p = Program("precise", "Ill-conditioned, nonnormal and long problems.", "mpmath at 60 digits")


def exact(x):
    """A NumPy array as mpmath has it: the same numbers."""
    return mpmath.matrix([[mpmath.mpmathify(v) for v in row] for row in x.tolist()])


def rounded(x, shape=None):
    """The nearest doubles."""
    numbers = np.array([float(mpmath.re(v)) for v in x])
    return numbers.reshape(shape) if shape else numbers


def tolerance(x):
    return repr(float(x))


def of_matrix(m):
    return rounded([m[i, j] for i in range(m.rows) for j in range(m.cols)], (m.rows, m.cols))


# The elements are the nearest doubles of 1/(i + j + 1), and so are no longer exactly Hilbert's.
hilbert = np.array([[1.0 / (i + j + 1) for j in range(6)] for i in range(6)])
inverse = of_matrix(exact(hilbert) ** -1)
# Its condition is 1.5e7: as many digits are lost.
p.run("hilbert_inverse", "linalg.inv", [hilbert], inverse, near=tolerance(1e-9 * np.abs(inverse).max()))
det = float(mpmath.det(exact(hilbert)))
p.run("hilbert_det", "linalg.det", [hilbert], np.array(det), near=tolerance(1e-8 * det))
values = mpmath.svd_r(exact(hilbert), compute_uv=False)
p.run("hilbert_values", "linalg.svd_values", [hilbert], rounded(values), near="4e-16")
ones = np.ones(6)
solved = mpmath.lu_solve(exact(hilbert), mpmath.matrix(ones.tolist()))
p.run("hilbert_solve", "linalg.solve", [hilbert, ones], rounded(solved), near=tolerance(1e-9 * max(abs(v) for v in rounded(solved))))

# Far from normal: powers grow before they decay.
steep = np.array([[-1.0, 50.0, 0.0, 7.0], [0.0, -1.5, 80.0, 0.0], [0.0, 0.0, -2.0, 60.0], [0.0, 0.0, 0.0, -2.5]])
exponential = of_matrix(mpmath.expm(exact(steep), method="taylor"))
p.run("steep_expm", "linalg.expm", [steep], exponential, near=tolerance(1e-13 * np.abs(exponential).max()))
shifted = np.array([[4.0, 1.0, 0.5], [0.25, 3.0, -1.0], [0.0, 0.75, 5.0]])
p.run("logm", "linalg.logm", [shifted], of_matrix(mpmath.logm(exact(shifted)).apply(mpmath.re)), near="4e-15")
p.run("sqrtm", "linalg.sqrtm", [shifted], of_matrix(mpmath.sqrtm(exact(shifted)).apply(mpmath.re)), near="4e-15")

# Wilkinson's: pairs of eigenvalues agree to 7 digits.
wilkinson = np.diag(np.abs(np.arange(-7.0, 8.0))) + np.eye(15, k=1) + np.eye(15, k=-1)
p.run("wilkinson", "linalg.eigh_values", [wilkinson], rounded(sorted(mpmath.eigsy(exact(wilkinson), eigvals_only=True))), near="1e-14")


def transform(x):
    n = len(x)
    return [sum(mpmath.mpf(v) * mpmath.expjpi(mpmath.mpf(-2 * j * k) / n) for j, v in enumerate(x)) for k in range(n // 2 + 1)]


for n in [13, 64, 97]:
    line = np.array([((7 * j * j + 3) % 101) / 16.0 - 3.0 for j in range(n)])
    made = np.array([complex(z) for z in transform(line.tolist())])
    p.run(f"real_{n}", "fft.real", [line, 0], made, near=tolerance(1e-15 * float(np.abs(made).max())))

p.write()
