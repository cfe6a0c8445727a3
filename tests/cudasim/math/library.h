// What the simulated libraries share: they count calls, and queue work on the stream of the simulated driver.
#pragma once
#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <vector>

#define EXPORT extern "C" __attribute__((visibility("default")))
extern "C" {
int cudasim_counted(const char *function);
int cudasim_enqueue(void *stream, int (*run)(void *), void *argument);
int cudasim_lies_in_device(unsigned long long at, size_t size);
}

// By this the device layer knows that the library belongs to the simulated driver.
EXPORT const char *nbc_cudasim_identity() { return "simulated CUDA library of NBC's tests"; }

enum { OUT_OF_MEMORY = 2, ILLEGAL_ADDRESS = 700 };

// Queues `work`, which gives a code of the driver; 0: it went well.
static inline int queue(void *stream, std::function<int()> work) {
  auto kept = new std::function<int()>(std::move(work));
  int code = cudasim_enqueue(stream, [](void *argument) {
    auto work = (std::function<int()> *)argument;
    int code = (*work)();
    delete work;
    return code;
  }, kept);
  if (code) delete kept;
  return code;
}

// Whether `count` elements from `at` on are memory of a device: a library that is given other memory loses it.
template <class T> static bool is_there(const T *at, int64_t count) {
  return count <= 0 || cudasim_lies_in_device((unsigned long long)at, (size_t)count * sizeof(T));
}

template <class T> struct Part { typedef T type; };
template <class T> struct Part<std::complex<T>> { typedef T type; };

template <class T> static T conjugate(T x) { return x; }
template <class T> static std::complex<T> conjugate(std::complex<T> x) { return std::conj(x); }
