// What CUDA C predeclares, for the host's compiler: as much of it as the kernels of NBC use, and nothing that
// NVRTC has not. Warp operations, other atomics and dynamic shared memory are not here: a kernel with them does not compile.
#pragma once
#include "contract.h"
extern "C" {
__attribute__((visibility("hidden"))) cudasim_thread *cudasim_self;
__attribute__((visibility("hidden"))) cudasim_block cudasim_here;
__attribute__((visibility("hidden"))) const cudasim_services *cudasim_ask;
}
#define __CUDACC__ 1
#define __CUDACC_RTC__ 1
#define __CUDASIM__ 1
#define __device__
#define __global__
#define __constant__ __attribute__((used))
#define __shared__ static __attribute__((section("cudasim_shared")))
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
#define __restrict__ __restrict
typedef __SIZE_TYPE__ size_t;
#define threadIdx (cudasim_self->index)
#define blockIdx (cudasim_here.index)
#define blockDim (cudasim_here.size)
#define gridDim (cudasim_here.grid)
#define CUDASIM_INLINE static inline __attribute__((always_inline))
CUDASIM_INLINE void __syncthreads() { cudasim_ask->barrier(); }
CUDASIM_INLINE unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  return (unsigned long long)((unsigned __int128)a * b >> 64);
}
// Threads take turns at barriers alone, so that nothing comes between reading and writing.
#define CUDASIM_ATOMICS(T) \
  CUDASIM_INLINE T atomicAdd(T *at, T by) { T old = *at; *at = old + by; return old; } \
  CUDASIM_INLINE T atomicMax(T *at, T other) { T old = *at; if (other > old) *at = other; return old; }
CUDASIM_ATOMICS(unsigned)
CUDASIM_ATOMICS(unsigned long long)
template <class To, class From> CUDASIM_INLINE To cudasim_bits(From from) {
  static_assert(sizeof(To) == sizeof(From), "as many bits");
  To to;
  __builtin_memcpy(&to, &from, sizeof to);
  return to;
}
CUDASIM_INLINE long long __double_as_longlong(double x) { return cudasim_bits<long long>(x); }
CUDASIM_INLINE double __longlong_as_double(long long x) { return cudasim_bits<double>(x); }
CUDASIM_INLINE int __float_as_int(float x) { return cudasim_bits<int>(x); }
CUDASIM_INLINE float __int_as_float(int x) { return cudasim_bits<float>(x); }
extern "C" {
double fma(double, double, double);
float fmaf(float, float, float);
double sqrt(double);
float sqrtf(float);
double ceil(double);
double floor(double);
double trunc(double);
double rint(double);
double fabs(double);
double fmod(double, double);
double copysign(double, double);
float ceilf(float);
float floorf(float);
float truncf(float);
float rintf(float);
float fabsf(float);
float fmodf(float, float);
float copysignf(float, float);
}

// The table of kernels: where each parameter lies, from the function's type.
template <int... I> struct cudasim_numbers {};
#if defined(__clang__)
template <class T, T... I> struct cudasim_as_numbers { using type = cudasim_numbers<I...>; };
template <int N> using cudasim_up_to = typename __make_integer_seq<cudasim_as_numbers, int, N>::type;
#else
template <int N> using cudasim_up_to = cudasim_numbers<__integer_pack(N)...>;
#endif
template <class F> struct cudasim_signature;
template <class... A> struct cudasim_signature<void (*)(A...)> {
  static constexpr int count = sizeof...(A);
  struct Layout { unsigned offset[count + 1], size[count + 1], total; };
  static constexpr Layout lay_out() {
    Layout layout{};
    unsigned align[] = {(unsigned)alignof(A)..., 1u}, size[] = {(unsigned)sizeof(A)..., 0u}, at = 0;
    for (int i = 0; i < count; i++) {
      at = (at + align[i] - 1) / align[i] * align[i];
      layout.offset[i] = at;
      layout.size[i] = size[i];
      at += size[i];
    }
    layout.total = at;
    return layout;
  }
  static constexpr Layout layout = lay_out();
  template <void (*F)(A...), int... I> static void spread(char *from, cudasim_numbers<I...>) {
    (void)from;
    F(*(A *)(from + layout.offset[I])...);
  }
  template <void (*F)(A...)> static void call(char *from) { spread<F>(from, cudasim_up_to<count>{}); }
};
