// What the simulated libraries of mathematics ask of the driver: their work is queued like any other.
#include "state.h"

// Queues `run(argument)`; a code that it returns loses the device.
EXPORT int cudasim_enqueue(void *stream, int (*run)(void *), void *argument) {
  std::lock_guard<std::recursive_mutex> guard(big_lock);
  NEEDS_CONTEXT();
  enqueue(stream_of(stream), [=] { return run(argument); });
  return OK;
}

// Whether so many bytes from there on are memory of a device.
EXPORT int cudasim_lies_in_device(Address at, size_t size) {
  std::lock_guard<std::recursive_mutex> guard(big_lock);
  return lies_in_device(at, size);
}
