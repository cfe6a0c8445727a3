// A simulated cuBLAS: products of matrices by their definition, column-major as the real one has them.
#include "library.h"

// Codes of cublasStatus_t.
enum { OK = 0, NOT_INITIALIZED = 1, ALLOC_FAILED = 3, INVALID_VALUE = 7, EXECUTION_FAILED = 13, INTERNAL_ERROR = 14, NOT_SUPPORTED = 15 };
// Of cudaDataType and cublasComputeType_t.
enum { R_32F = 0, R_64F = 1, R_16F = 2, C_32F = 4, C_64F = 5, R_16BF = 14 };
enum { COMPUTE_32F = 68, COMPUTE_64F = 70, FAST_16F = 74, FAST_16BF = 75, FAST_TF32 = 77 };

static int status(int code) {
  if (code == 0) return OK;
  if (code == OUT_OF_MEMORY) return ALLOC_FAILED;
  return code >= 700 && code < 720 ? EXECUTION_FAILED : INTERNAL_ERROR;
}

#define ENTER() if (int code = cudasim_counted(__func__)) return status(code)

struct Handle { void *stream = nullptr; };

EXPORT int cublasCreate_v2(void **handle) {
  ENTER();
  *handle = new Handle;
  return OK;
}
EXPORT int cublasDestroy_v2(void *handle) {
  ENTER();
  if (!handle) return NOT_INITIALIZED;
  delete (Handle *)handle;
  return OK;
}
EXPORT int cublasSetStream_v2(void *handle, void *stream) {
  ENTER();
  if (!handle) return NOT_INITIALIZED;
  ((Handle *)handle)->stream = stream;
  return OK;
}
EXPORT int cublasSetMathMode(void *handle, int) {
  ENTER();
  return handle ? OK : NOT_INITIALIZED;
}

// The nearest number with so many bits behind the point, and exponents from `least` to `most`.
static float rounded(float x, int bits, int least, int most) {
  if (x == 0 || !std::isfinite(x)) return x;
  int exponent = std::max(std::ilogb(x), least);
  float unit = std::ldexp(1.0f, exponent - bits), nearest = std::nearbyint(x / unit) * unit;
  return std::fabs(nearest) >= std::ldexp(1.0f, most) * 2 ? std::copysign(INFINITY, x) : nearest;
}
static float rounded(float x, int compute) {
  switch (compute) {
    case FAST_16F: return rounded(x, 10, -14, 15);
    case FAST_16BF: return rounded(x, 7, -126, 127);
    case FAST_TF32: return rounded(x, 10, -126, 127);
    default: return x;
  }
}
template <class T> static T rounded(T x, int) { return x; }

// Numbers of 16 bits, and what they are.
struct Half { uint16_t bits; };
struct Brain { uint16_t bits; };
static float number(Half x) {
  int exponent = x.bits >> 10 & 31, behind = x.bits & 1023;
  float size = exponent == 31 ? (behind ? NAN : INFINITY)
               : exponent     ? std::ldexp(1024.0f + behind, exponent - 25)
                              : std::ldexp((float)behind, -24);
  return x.bits >> 15 ? -size : size;
}
static float number(Brain x) {
  uint32_t bits = (uint32_t)x.bits << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}
static Half conjugate(Half x) { return x; }
static Brain conjugate(Brain x) { return x; }
template <class T> static T number(T x) { return x; }

// A matrix as a call says it: it may be transposed or conjugated, and is one of many.
template <class T> struct Matrix {
  const T *start;
  int64_t leading, step;
  int turned;
  T at(int64_t number, int64_t row, int64_t column) const {
    const T *of = start + number * step;
    if (turned == 0) return of[row + column * leading];
    T x = of[column + row * leading];
    return turned == 2 ? conjugate(x) : x;
  }
  // Elements from the first to behind the last, of so many rows and columns as they are meant.
  int64_t reach(int64_t rows, int64_t columns, int64_t count) const {
    if (turned) std::swap(rows, columns);
    return rows && columns && count ? (count - 1) * step + (columns - 1) * leading + rows : 0;
  }
};

template <class T, class F>
static int gemm(Handle *handle, int64_t m, int64_t n, int64_t k, const void *alpha, Matrix<F> a, Matrix<F> b,
                const void *beta, T *c, int64_t ldc, int64_t step, int64_t count, int compute) {
  T times = *(const T *)alpha, keep = *(const T *)beta;
  Matrix<T> to{c, ldc, step, 0};
  if (a.leading < std::max<int64_t>(1, a.turned ? k : m) || b.leading < std::max<int64_t>(1, b.turned ? n : k) ||
      ldc < std::max<int64_t>(1, m) || (count > 1 && step < ldc * (n - 1) + m))
    return INVALID_VALUE;
  bool fits = is_there(a.start, a.reach(m, k, count)) && is_there(b.start, b.reach(k, n, count)) &&
              is_there(c, to.reach(m, n, count));
  return status(queue(handle->stream, [=] {
    if (!fits) return (int)ILLEGAL_ADDRESS;
    for (int64_t at = 0; at < count; at++)
      for (int64_t j = 0; j < n; j++)
        for (int64_t i = 0; i < m; i++) {
          // Backwards: another order than the processor's, as a real one has.
          T sum = 0;
          for (int64_t p = k; p-- > 0;) sum += rounded(number(a.at(at, i, p)), compute) * rounded(number(b.at(at, p, j)), compute);
          T &place = c[at * step + i + j * ldc];
          place = keep == T(0) ? times * sum : times * sum + keep * place;
        }
    return 0;
  }));
}

EXPORT int cublasGemmStridedBatchedEx_64(void *handle, int turn_a, int turn_b, int64_t m, int64_t n, int64_t k,
                                         const void *alpha, const void *a, int type_a, int64_t lda, long long step_a,
                                         const void *b, int type_b, int64_t ldb, long long step_b, const void *beta,
                                         void *c, int type_c, int64_t ldc, long long step_c, int64_t count,
                                         int compute, int) {
  ENTER();
  if (!handle) return NOT_INITIALIZED;
  if (m < 0 || n < 0 || k < 0 || count < 0 || !alpha || !beta) return INVALID_VALUE;
  bool is_half = type_a == R_16F || type_a == R_16BF;
  if (type_a != type_b || type_c != (is_half ? R_32F : type_a)) return NOT_SUPPORTED;
  bool is_double = type_a == R_64F || type_a == C_64F;
  bool is_fast = compute == FAST_16F || compute == FAST_16BF || compute == FAST_TF32;
  if (is_double ? compute != COMPUTE_64F : compute != COMPUTE_32F && (is_half || !is_fast)) return NOT_SUPPORTED;
#define GEMM_OF(T, F)                                                                                             \
  return gemm<T, F>((Handle *)handle, m, n, k, alpha, {(const F *)a, lda, step_a, turn_a},                        \
                    {(const F *)b, ldb, step_b, turn_b}, beta, (T *)c, ldc, step_c, count, compute)
#define GEMM(T) GEMM_OF(T, T)
  switch (type_a) {
    case R_32F: GEMM(float);
    case R_16F: GEMM_OF(float, Half);
    case R_16BF: GEMM_OF(float, Brain);
    case R_64F: GEMM(double);
    case C_32F: GEMM(std::complex<float>);
    case C_64F: GEMM(std::complex<double>);
    default: return NOT_SUPPORTED;
  }
}
