// A simulated cuSOLVER: the calls, with what the real one checks of sizes, leading dimensions and rooms to work in.
#include "dense.h"
#include <limits>

// Codes of cusolverStatus_t.
enum { OK = 0, NOT_INITIALIZED = 1, ALLOC_FAILED = 2, INVALID_VALUE = 3, EXECUTION_FAILED = 6, INTERNAL_ERROR = 7, NOT_SUPPORTED = 9 };
// Of cudaDataType, cublasFillMode_t and cublasOperation_t.
enum { R_32F = 0, R_64F = 1, C_32F = 4, C_64F = 5 };
enum { LOWER = 0, UPPER = 1 };

static int status(int code) {
  if (code == 0) return OK;
  if (code == OUT_OF_MEMORY) return ALLOC_FAILED;
  return code >= 700 && code < 720 ? EXECUTION_FAILED : INTERNAL_ERROR;
}

#define ENTER() if (int code = cudasim_counted(__func__)) return status(code)

struct Handle { void *stream = nullptr; };
static void *stream_of(void *handle) { return ((Handle *)handle)->stream; }

EXPORT int cusolverDnCreate(void **handle) {
  ENTER();
  *handle = new Handle;
  return OK;
}
EXPORT int cusolverDnDestroy(void *handle) {
  ENTER();
  delete (Handle *)handle;
  return OK;
}
EXPORT int cusolverDnSetStream(void *handle, void *stream) {
  ENTER();
  ((Handle *)handle)->stream = stream;
  return OK;
}
EXPORT int cusolverDnCreateParams(void **parameters) {
  ENTER();
  *parameters = new char;
  return OK;
}
EXPORT int cusolverDnDestroyParams(void *parameters) {
  ENTER();
  delete (char *)parameters;
  return OK;
}

// Rooms to work in: how large they have to be for a matrix, and what becomes of them.
static size_t on_device(int64_t m, int64_t n) { return 512 + 16 * (size_t)(m + n); }
static size_t on_host(int64_t n) { return 8 * (size_t)n; }

struct Room {
  void *device, *host;
  size_t device_size, host_size;
  bool fits(int64_t m, int64_t n) const {
    return device_size >= on_device(m, n) && host_size >= on_host(n) && cudasim_lies_in_device((unsigned long long)device, device_size);
  }
  void use() const {
    memset(device, 0xfb, device_size);
    memset(host, 0xfb, host_size);
  }
};

static int sizes(int64_t m, int64_t n, int64_t lda, size_t *device, size_t *host) {
  if (m < 0 || n < 0 || lda < std::max<int64_t>(1, m)) return INVALID_VALUE;
  *device = on_device(m, n);
  *host = on_host(n);
  return OK;
}

// Calls `run` with a number of the type, which stands for it.
template <class Run> static int with_type(int type, Run run) {
  switch (type) {
    case R_32F: return run(float());
    case R_64F: return run(double());
    case C_32F: return run(std::complex<float>());
    case C_64F: return run(std::complex<double>());
    default: return NOT_SUPPORTED;
  }
}
static int part_of(int type) { return type == C_32F ? R_32F : type == C_64F ? R_64F : type; }

template <class T> static bool has(const void *start, int64_t leading, int64_t rows, int64_t columns) {
  return is_there((const T *)start, rows && columns ? (columns - 1) * leading + rows : 0);
}

// Queues `work` on matrices that lie where `fits` has found them.
template <class Work> static int submit(void *handle, bool fits, int *info, Work work) {
  fits = fits && is_there(info, 1);
  return status(queue(stream_of(handle), [=] {
    if (!fits) return (int)ILLEGAL_ADDRESS;
    *info = work();
    return 0;
  }));
}

EXPORT int cusolverDnXgetrf_bufferSize(void *, void *, int64_t m, int64_t n, int, const void *, int64_t lda, int,
                                       size_t *device, size_t *host) {
  ENTER();
  return sizes(m, n, lda, device, host);
}
EXPORT int cusolverDnXgetrf(void *handle, void *, int64_t m, int64_t n, int type, void *a, int64_t lda, int64_t *pivots,
                            int compute, void *device, size_t device_size, void *host, size_t host_size, int *info) {
  ENTER();
  Room room{device, host, device_size, host_size};
  if (m < 0 || n < 0 || lda < std::max<int64_t>(1, m) || type != compute || !room.fits(m, n)) return INVALID_VALUE;
  return with_type(type, [=](auto number) {
    typedef decltype(number) T;
    return submit(handle, has<T>(a, lda, m, n) && is_there(pivots, std::min(m, n)), info, [=] {
      room.use();
      return lu(Columns<T>{(T *)a, lda}, m, n, pivots);
    });
  });
}
EXPORT int cusolverDnXgetrs(void *handle, void *, int turned, int64_t n, int64_t columns, int type, const void *a, int64_t lda,
                            const int64_t *pivots, int type_b, void *b, int64_t ldb, int *info) {
  ENTER();
  if (n < 0 || columns < 0 || std::min(lda, ldb) < std::max<int64_t>(1, n) || type != type_b) return INVALID_VALUE;
  if (turned) return NOT_SUPPORTED;
  return with_type(type, [=](auto number) {
    typedef decltype(number) T;
    bool fits = has<T>(a, lda, n, n) && has<T>(b, ldb, n, columns) && is_there(pivots, n);
    return submit(handle, fits, info, [=] {
      lu_solve(Columns<T>{(T *)a, lda}, n, pivots, Columns<T>{(T *)b, ldb}, columns);
      return 0;
    });
  });
}

EXPORT int cusolverDnXpotrf_bufferSize(void *, void *, int, int64_t n, int, const void *, int64_t lda, int, size_t *device,
                                       size_t *host) {
  ENTER();
  return sizes(n, n, lda, device, host);
}
EXPORT int cusolverDnXpotrf(void *handle, void *, int triangle, int64_t n, int type, void *a, int64_t lda, int compute,
                            void *device, size_t device_size, void *host, size_t host_size, int *info) {
  ENTER();
  Room room{device, host, device_size, host_size};
  if (n < 0 || lda < std::max<int64_t>(1, n) || type != compute || !room.fits(n, n)) return INVALID_VALUE;
  if (triangle != UPPER) return NOT_SUPPORTED;
  return with_type(type, [=](auto number) {
    typedef decltype(number) T;
    return submit(handle, has<T>(a, lda, n, n), info, [=] {
      room.use();
      return cholesky(Columns<T>{(T *)a, lda}, n);
    });
  });
}
EXPORT int cusolverDnXpotrs(void *handle, void *, int triangle, int64_t n, int64_t columns, int type, const void *a,
                            int64_t lda, int type_b, void *b, int64_t ldb, int *info) {
  ENTER();
  if (n < 0 || columns < 0 || std::min(lda, ldb) < std::max<int64_t>(1, n) || type != type_b) return INVALID_VALUE;
  if (triangle != UPPER) return NOT_SUPPORTED;
  return with_type(type, [=](auto number) {
    typedef decltype(number) T;
    return submit(handle, has<T>(a, lda, n, n) && has<T>(b, ldb, n, columns), info, [=] {
      cholesky_solve(Columns<T>{(T *)a, lda}, n, Columns<T>{(T *)b, ldb}, columns);
      return 0;
    });
  });
}

EXPORT int cusolverDnXgeqrf_bufferSize(void *, void *, int64_t m, int64_t n, int, const void *, int64_t lda, int, const void *,
                                       int, size_t *device, size_t *host) {
  ENTER();
  return sizes(m, n, lda, device, host);
}
EXPORT int cusolverDnXgeqrf(void *handle, void *, int64_t m, int64_t n, int type, void *a, int64_t lda, int type_tau,
                            void *tau, int compute, void *device, size_t device_size, void *host, size_t host_size,
                            int *info) {
  ENTER();
  Room room{device, host, device_size, host_size};
  bool goes = type == compute && type == type_tau && room.fits(m, n);
  if (m < 0 || n < 0 || lda < std::max<int64_t>(1, m) || !goes) return INVALID_VALUE;
  return with_type(type, [=](auto number) {
    typedef decltype(number) T;
    return submit(handle, has<T>(a, lda, m, n) && is_there((T *)tau, std::min(m, n)), info, [=] {
      room.use();
      qr(Columns<T>{(T *)a, lda}, m, n, (T *)tau);
      return 0;
    });
  });
}

static int q_size(int m, int n, int k, int lda, int *size) {
  if (m < 0 || n < 0 || n > m || k < 0 || k > n || lda < std::max(1, m)) return INVALID_VALUE;
  *size = 64 + n;
  return OK;
}
template <class T>
static int q_of(void *handle, int m, int n, int k, T *a, int lda, const T *tau, T *room, int size, int *info) {
  int least = 0;
  if (int wrong = q_size(m, n, k, lda, &least)) return wrong;
  if (size < least) return INVALID_VALUE;
  bool fits = has<T>(a, lda, m, n) && is_there(tau, k) && is_there(room, size);
  return submit(handle, fits, info, [=] {
    memset((void *)room, 0xfb, size * sizeof(T));
    qr_q(Columns<T>{a, lda}, m, n, k, tau);
    return 0;
  });
}
#define Q(NAME, T)                                                                                                 \
  EXPORT int NAME##_bufferSize(void *, int m, int n, int k, const T *, int lda, const T *, int *size) {            \
    ENTER();                                                                                                       \
    return q_size(m, n, k, lda, size);                                                                             \
  }                                                                                                                \
  EXPORT int NAME(void *handle, int m, int n, int k, T *a, int lda, const T *tau, T *room, int size, int *info) { \
    ENTER();                                                                                                       \
    return q_of(handle, m, n, k, a, lda, tau, room, size, info);                                                   \
  }
Q(cusolverDnSorgqr, float)
Q(cusolverDnDorgqr, double)
Q(cusolverDnCungqr, std::complex<float>)
Q(cusolverDnZungqr, std::complex<double>)

EXPORT int cusolverDnXgesvd_bufferSize(void *, void *, signed char, signed char, int64_t m, int64_t n, int, const void *,
                                       int64_t lda, int, const void *, int, const void *, int64_t, int, const void *,
                                       int64_t, int, size_t *device, size_t *host) {
  ENTER();
  if (m < n) return INVALID_VALUE;
  return sizes(m, n, lda, device, host);
}
EXPORT int cusolverDnXgesvd(void *handle, void *, signed char job_u, signed char job_v, int64_t m, int64_t n, int type, void *a,
                            int64_t lda, int type_s, void *s, int type_u, void *u, int64_t ldu, int type_v, void *vh,
                            int64_t ldv, int compute, void *device, size_t device_size, void *host, size_t host_size,
                            int *info) {
  ENTER();
  Room room{device, host, device_size, host_size};
  bool goes = type == compute && type == type_u && type == type_v && part_of(type) == type_s && room.fits(m, n);
  if (m < n || n < 0 || lda < std::max<int64_t>(1, m) || !goes) return INVALID_VALUE;
  // As many columns of u as of a, and all rows of vh; or singular values alone.
  bool all = job_u == 'S' && job_v == 'S';
  if (!all && (job_u != 'N' || job_v != 'N')) return NOT_SUPPORTED;
  if (all && (ldu < std::max<int64_t>(1, m) || ldv < std::max<int64_t>(1, n))) return INVALID_VALUE;
  return with_type(type, [=](auto number) {
    typedef decltype(number) T;
    typedef typename Part<T>::type Real;
    bool fits = has<T>(a, lda, m, n) && is_there((Real *)s, n) && (!all || (has<T>(u, ldu, m, n) && has<T>(vh, ldv, n, n)));
    return submit(handle, fits, info, [=] {
      room.use();
      std::vector<T> of_v(n * n);
      Columns<T> from{(T *)a, lda}, v{of_v.data(), n}, to_u{(T *)u, ldu}, to_v{(T *)vh, ldv};
      if (!svd(from, m, n, (Real *)s, v)) return 1;
      for (int64_t j = 0; all && j < n; j++) {
        for (int64_t i = 0; i < m; i++) to_u(i, j) = from(i, j);
        for (int64_t i = 0; i < n; i++) to_v(j, i) = conjugate(v(i, j));
      }
      return 0;
    });
  });
}

EXPORT int cusolverDnXsyevd_bufferSize(void *, void *, int, int, int64_t n, int, const void *, int64_t lda, int, const void *,
                                       int, size_t *device, size_t *host) {
  ENTER();
  return sizes(n, n, lda, device, host);
}
EXPORT int cusolverDnXsyevd(void *handle, void *, int vectors, int triangle, int64_t n, int type, void *a, int64_t lda,
                            int type_w, void *w, int compute, void *device, size_t device_size, void *host,
                            size_t host_size, int *info) {
  ENTER();
  Room room{device, host, device_size, host_size};
  bool goes = type == compute && part_of(type) == type_w && room.fits(n, n);
  if (n < 0 || lda < std::max<int64_t>(1, n) || !goes) return INVALID_VALUE;
  if (triangle != UPPER) return NOT_SUPPORTED;
  return with_type(type, [=](auto number) {
    typedef decltype(number) T;
    typedef typename Part<T>::type Real;
    return submit(handle, has<T>(a, lda, n, n) && is_there((Real *)w, n), info, [=] {
      room.use();
      std::vector<T> of_a(n * n);
      Columns<T> from{(T *)a, lda}, whole{of_a.data(), n};
      for (int64_t j = 0; j < n; j++) {
        for (int64_t i = 0; i < j; i++) whole(j, i) = conjugate(whole(i, j) = from(i, j));
        whole(j, j) = std::real(from(j, j));
      }
      if (!eigen(whole, n, (Real *)w)) return 1;
      // Without vectors what is left of a is nothing that anybody promises.
      for (int64_t j = 0; j < n; j++)
        for (int64_t i = 0; i < n; i++) from(i, j) = vectors ? whole(i, j) : T(NAN);
      return 0;
    });
  });
}
