// What a compiled kernel object and the simulated driver know of each other.
#pragma once
extern "C" {
struct cudasim_dim { unsigned x, y, z; };
// One thread of a block.
struct cudasim_thread { cudasim_dim index; };
// The block that runs; one at a time.
struct cudasim_block { cudasim_dim index, size, grid; };
// What a kernel asks of the driver.
struct cudasim_services { void (*barrier)(); };
// A kernel: how it is called with parameters that lie in one buffer, at which offsets, how large.
struct cudasim_kernel {
  const char *name;
  void (*call)(char *parameters);
  int count;
  const unsigned *offset, *size;
  unsigned total;
};
// All that an object holds. The pointers lead to its own variables, which the driver sets.
struct cudasim_module {
  int version;
  const cudasim_kernel *kernels;
  int count;
  cudasim_thread **thread;
  cudasim_block *block;
  const cudasim_services **services;
  char *shared_begin, *shared_end;
};
}
enum { CUDASIM_CONTRACT = 3 };
