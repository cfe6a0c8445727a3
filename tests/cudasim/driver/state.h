// What the files of the simulated driver share: its state, all of it under one lock.
#pragma once
#include "../include/contract.h"
#include <cstdint>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

typedef unsigned long long Address;

// Codes of CUresult.
enum Code {
  OK = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NOT_INITIALIZED = 3, NO_DEVICE = 100, INVALID_DEVICE = 101,
  INVALID_IMAGE = 200, INVALID_CONTEXT = 201, NO_BINARY_FOR_GPU = 209, UNSUPPORTED_PTX_VERSION = 222, INVALID_HANDLE = 400, NOT_FOUND = 500,
  ILLEGAL_ADDRESS = 700, LAUNCH_TIMEOUT = 702, CONTEXT_IS_DESTROYED = 709, LAUNCH_FAILED = 719, NOT_SUPPORTED = 801
};

// How it behaves: see `cudasim_configure`.
struct Settings {
  int devices = 1;
  int capability = 90;
  // Versions as the driver counts them; NVRTC's is the driver's where it is not said.
  int cuda = 13000, nvrtc = 0;
  size_t memory = size_t(1) << 30;
  std::string order = "forward", streams = "eager";
  uint64_t seed = 1;
};

// Calls number `first` to `first + count - 1` of `function` ("*": of any) return `code`.
struct Fault { std::string function; long first, count; int code; long seen; };

struct Allocation { size_t size; char *base; size_t mapped; int device; };
struct Context;
struct Task { uint64_t number; std::function<int()> run; };
struct Stream { Context *context; uint64_t next = 1; std::deque<Task> waiting; };
struct Context { int device; Stream null{}; std::vector<Stream *> streams; };
struct Device { Context *primary = nullptr; int retained = 0; size_t used = 0; };
struct Module;
struct Function { Module *module; const cudasim_kernel *kernel; };
struct Module { Context *context; void *handle; const cudasim_module *object; std::vector<std::unique_ptr<Function>> functions; };

extern std::recursive_mutex big_lock;
extern Settings settings;
extern std::mt19937_64 random_numbers;
extern bool initialized;
// The error after which nothing works any more until the process ends (here: until `cudasim_reset`).
extern int lost;
extern std::vector<Device> devices;
extern std::map<Address, Allocation> allocations;
extern thread_local Context *current;

// settings.cpp
int counted(const char *function);
// memory.cpp
int allocate(int device, size_t size, Address *to);
int give_back(Address at);
bool lies_in_device(Address at, size_t size);
// streams.cpp
Stream *stream_of(void *handle);
void enqueue(Stream *stream, std::function<int()> run);
void drain(Stream *stream);
void drain_all(Context *context);
// kernels.cpp
int run_kernel(Function *function, cudasim_dim grid, cudasim_dim block, std::vector<char> parameters);
// modules.cpp
int load_module(const char *image, Module **to);
void unload_module(Module *module);

#define EXPORT extern "C" __attribute__((visibility("default")))
#define ENTER() \
  std::lock_guard<std::recursive_mutex> guard(big_lock); \
  if (int code = counted(__func__)) return code
#define NEEDS_INIT() if (!initialized) return NOT_INITIALIZED
#define NEEDS_CONTEXT() \
  NEEDS_INIT(); \
  if (!current) return INVALID_CONTEXT; \
  if (lost) return lost
