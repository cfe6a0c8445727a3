// Decompositions of matrices by columns, as textbooks have them: what the simulated cuSOLVER runs.
#pragma once
#include "library.h"

// A matrix by columns, in memory that is somebody else's.
template <class T> struct Columns {
  T *start;
  int64_t leading;
  T &operator()(int64_t row, int64_t column) const { return start[row + column * leading]; }
};

template <class T> static typename Part<T>::type square(T x) { return std::norm(x); }

// LU with the largest of each column as its pivot; the first column without one, from 1 on, or 0.
template <class T> int lu(Columns<T> a, int64_t m, int64_t n, int64_t *pivots) {
  int first = 0;
  for (int64_t k = 0; k < std::min(m, n); k++) {
    int64_t best = k;
    for (int64_t i = k + 1; i < m; i++)
      if (std::abs(a(i, k)) > std::abs(a(best, k))) best = i;
    pivots[k] = best + 1;
    if (a(best, k) == T(0)) {
      if (!first) first = (int)k + 1;
      continue;
    }
    for (int64_t j = 0; best != k && j < n; j++) std::swap(a(k, j), a(best, j));
    for (int64_t i = k + 1; i < m; i++) a(i, k) /= a(k, k);
    for (int64_t j = k + 1; j < n; j++)
      for (int64_t i = k + 1; i < m; i++) a(i, j) -= a(i, k) * a(k, j);
  }
  return first;
}

template <class T> void lu_solve(Columns<T> a, int64_t n, const int64_t *pivots, Columns<T> b, int64_t columns) {
  for (int64_t r = 0; r < columns; r++) {
    for (int64_t k = 0; k < n; k++) std::swap(b(k, r), b(pivots[k] - 1, r));
    for (int64_t i = 0; i < n; i++)
      for (int64_t j = 0; j < i; j++) b(i, r) -= a(i, j) * b(j, r);
    for (int64_t i = n; i-- > 0;) {
      for (int64_t j = i + 1; j < n; j++) b(i, r) -= a(i, j) * b(j, r);
      b(i, r) /= a(i, i);
    }
  }
}

// The upper factor of uᴴ·u in the upper triangle; the first leading block that is not positive, from 1 on, or 0.
template <class T> int cholesky(Columns<T> a, int64_t n) {
  for (int64_t j = 0; j < n; j++) {
    auto pivot = std::real(a(j, j));
    for (int64_t k = 0; k < j; k++) pivot -= square(a(k, j));
    if (!(pivot > 0)) return (int)j + 1;
    a(j, j) = std::sqrt(pivot);
    for (int64_t i = j + 1; i < n; i++) {
      T sum = a(j, i);
      for (int64_t k = 0; k < j; k++) sum -= conjugate(a(k, j)) * a(k, i);
      a(j, i) = sum / a(j, j);
    }
  }
  return 0;
}

template <class T> void cholesky_solve(Columns<T> a, int64_t n, Columns<T> b, int64_t columns) {
  for (int64_t r = 0; r < columns; r++) {
    for (int64_t i = 0; i < n; i++) {
      for (int64_t j = 0; j < i; j++) b(i, r) -= conjugate(a(j, i)) * b(j, r);
      b(i, r) /= a(i, i);
    }
    for (int64_t i = n; i-- > 0;) {
      for (int64_t j = i + 1; j < n; j++) b(i, r) -= a(i, j) * b(j, r);
      b(i, r) /= a(i, i);
    }
  }
}

// Applies 1 - tau·v·vᴴ to columns from `first` on; v is 1 in row k and below it what column k has.
template <class T>
static void reflect(Columns<T> a, T tau, int64_t k, int64_t m, Columns<T> to, int64_t first, int64_t end) {
  for (int64_t j = first; j < end; j++) {
    T sum = to(k, j);
    for (int64_t i = k + 1; i < m; i++) sum += conjugate(a(i, k)) * to(i, j);
    sum *= tau;
    to(k, j) -= sum;
    for (int64_t i = k + 1; i < m; i++) to(i, j) -= a(i, k) * sum;
  }
}

// Householder's QR, as LAPACK leaves it.
template <class T> void qr(Columns<T> a, int64_t m, int64_t n, T *tau) {
  typedef typename Part<T>::type Real;
  for (int64_t k = 0; k < std::min(m, n); k++) {
    Real below = 0;
    for (int64_t i = k + 1; i < m; i++) below += square(a(i, k));
    T first = a(k, k);
    if (below == 0 && std::imag(first) == 0) {
      tau[k] = 0;
      continue;
    }
    Real length = std::sqrt(below + square(first)), beta = std::real(first) > 0 ? -length : length;
    tau[k] = (T(beta) - first) / beta;
    for (int64_t i = k + 1; i < m; i++) a(i, k) /= first - T(beta);
    a(k, k) = beta;
    // LAPACK applies the conjugate transpose, so that r is what is left.
    reflect(a, conjugate(tau[k]), k, m, a, k + 1, n);
  }
}

// The first columns of q, in place of the reflections.
template <class T> void qr_q(Columns<T> a, int64_t m, int64_t columns, int64_t k, const T *tau) {
  std::vector<T> room(m * columns);
  Columns<T> q{room.data(), m};
  for (int64_t j = 0; j < columns; j++) q(j, j) = 1;
  for (int64_t at = k; at-- > 0;) reflect(a, tau[at], at, m, q, at, columns);
  for (int64_t j = 0; j < columns; j++)
    for (int64_t i = 0; i < m; i++) a(i, j) = q(i, j);
}

// Turns columns p and q of `a` so that they are orthogonal, and those of `v` likewise; false: they were.
template <class T>
static bool rotate(Columns<T> a, int64_t m, Columns<T> v, int64_t n, int64_t p, int64_t q) {
  typedef typename Part<T>::type Real;
  Real of_p = 0, of_q = 0;
  T between = 0;
  for (int64_t i = 0; i < m; i++) of_p += square(a(i, p)), of_q += square(a(i, q)), between += conjugate(a(i, p)) * a(i, q);
  Real size = std::abs(between);
  if (size == 0 || size <= std::numeric_limits<Real>::epsilon() * std::sqrt(of_p * of_q)) return false;
  T phase = between / size;
  Real zeta = (of_q - of_p) / (2 * size);
  Real t = (zeta >= 0 ? 1 : -1) / (std::abs(zeta) + std::sqrt(1 + zeta * zeta));
  Real c = 1 / std::sqrt(1 + t * t), s = c * t;
  auto turn = [&](Columns<T> x, int64_t rows) {
    for (int64_t i = 0; i < rows; i++) {
      T left = x(i, p), right = x(i, q) * conjugate(phase);
      x(i, p) = c * left - s * right;
      x(i, q) = s * left + c * right;
    }
  };
  turn(a, m);
  turn(v, n);
  return true;
}

// a = u·diag(s)·vᴴ of at least as many rows as columns, by Jacobi's rotations: u takes the place of a. False: no end.
template <class T> bool svd(Columns<T> a, int64_t m, int64_t n, typename Part<T>::type *s, Columns<T> v) {
  typedef typename Part<T>::type Real;
  for (int64_t j = 0; j < n; j++)
    for (int64_t i = 0; i < n; i++) v(i, j) = i == j;
  bool more = true;
  for (int sweep = 0; more; sweep++) {
    if (sweep == 60) return false;
    more = false;
    for (int64_t p = 0; p < n; p++)
      for (int64_t q = p + 1; q < n; q++) more |= rotate(a, m, v, n, p, q);
  }
  Real most = 0;
  for (int64_t j = 0; j < n; j++) {
    Real length = 0;
    for (int64_t i = 0; i < m; i++) length += square(a(i, j));
    most = std::max(most, s[j] = std::sqrt(length));
  }
  for (int64_t j = 0; j < n; j++) {
    int64_t best = std::max_element(s + j, s + n) - s;
    std::swap(s[j], s[best]);
    for (int64_t i = 0; best != j && i < m; i++) std::swap(a(i, j), a(i, best));
    for (int64_t i = 0; best != j && i < n; i++) std::swap(v(i, j), v(i, best));
    bool is_there = s[j] > most * std::numeric_limits<Real>::epsilon();
    for (int64_t i = 0; is_there && i < m; i++) a(i, j) /= s[j];
    // Where there is no length there is any direction that is orthogonal to the others.
    for (int64_t unit = 0; !is_there && unit < m; unit++) {
      for (int64_t i = 0; i < m; i++) a(i, j) = i == unit;
      for (int again = 0; again < 2; again++)
        for (int64_t other = 0; other < j; other++) {
          T along = 0;
          for (int64_t i = 0; i < m; i++) along += conjugate(a(i, other)) * a(i, j);
          for (int64_t i = 0; i < m; i++) a(i, j) -= along * a(i, other);
        }
      Real length = 0;
      for (int64_t i = 0; i < m; i++) length += square(a(i, j));
      is_there = length > Real(0.5) / m;
      for (int64_t i = 0; is_there && i < m; i++) a(i, j) /= std::sqrt(length);
    }
  }
  return true;
}

// Eigenvalues of a Hermitian matrix, the least first, whose vectors take the place of it: Jacobi's method. False: no end.
template <class T> bool eigen(Columns<T> a, int64_t n, typename Part<T>::type *w) {
  typedef typename Part<T>::type Real;
  std::vector<T> room(n * n);
  Columns<T> v{room.data(), n};
  for (int64_t j = 0; j < n; j++) v(j, j) = 1;
  Real all = 0;
  for (int64_t j = 0; j < n; j++)
    for (int64_t i = 0; i < n; i++) all += square(a(i, j));
  for (int sweep = 0;; sweep++) {
    Real off = 0;
    for (int64_t j = 0; j < n; j++)
      for (int64_t i = 0; i < j; i++) off += square(a(i, j));
    Real unit = std::numeric_limits<Real>::epsilon();
    if (off <= all * unit * unit) break;
    if (sweep == 60) return false;
    for (int64_t p = 0; p < n; p++)
      for (int64_t q = p + 1; q < n; q++) {
        Real size = std::abs(a(p, q));
        if (size == 0) continue;
        T phase = a(p, q) / size;
        Real zeta = (std::real(a(q, q)) - std::real(a(p, p))) / (2 * size);
        Real t = (zeta >= 0 ? 1 : -1) / (std::abs(zeta) + std::sqrt(1 + zeta * zeta));
        Real c = 1 / std::sqrt(1 + t * t), s = c * t;
        for (int64_t i = 0; i < n; i++) {
          T left = a(i, p), right = a(i, q) * conjugate(phase);
          a(i, p) = c * left - s * right;
          a(i, q) = s * left + c * right;
          left = v(i, p), right = v(i, q) * conjugate(phase);
          v(i, p) = c * left - s * right;
          v(i, q) = s * left + c * right;
        }
        for (int64_t j = 0; j < n; j++) {
          T left = a(p, j), right = a(q, j) * phase;
          a(p, j) = c * left - s * right;
          a(q, j) = s * left + c * right;
        }
      }
  }
  std::vector<int64_t> order(n);
  for (int64_t j = 0; j < n; j++) order[j] = j;
  std::sort(order.begin(), order.end(), [&](int64_t i, int64_t j) { return std::real(a(i, i)) < std::real(a(j, j)); });
  for (int64_t j = 0; j < n; j++) w[j] = std::real(a(order[j], order[j]));
  for (int64_t j = 0; j < n; j++)
    for (int64_t i = 0; i < n; i++) a(i, j) = v(i, order[j]);
  return true;
}
