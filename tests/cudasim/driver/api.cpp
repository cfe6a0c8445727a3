// The driver's functions, by the names that programs look up: as many as NBC uses.
#include "state.h"
#include <algorithm>

// ---- devices and contexts
EXPORT int cuInit(unsigned) {
  ENTER();
  if (settings.devices <= 0) return NO_DEVICE;
  devices.resize(std::max<size_t>(devices.size(), settings.devices));
  initialized = true;
  return OK;
}
EXPORT int cuDriverGetVersion(int *version) {
  ENTER();
  *version = settings.cuda;
  return OK;
}
EXPORT int cuDeviceGetCount(int *count) {
  ENTER();
  NEEDS_INIT();
  *count = settings.devices;
  return OK;
}
EXPORT int cuDeviceGet(int *device, int ordinal) {
  ENTER();
  NEEDS_INIT();
  if (ordinal < 0 || ordinal >= settings.devices) return INVALID_DEVICE;
  *device = ordinal;
  return OK;
}
EXPORT int cuDeviceGetName(char *name, int size, int device) {
  ENTER();
  NEEDS_INIT();
  snprintf(name, size, "CUDASIM (no GPU) %d", device);
  return OK;
}
EXPORT int cuDeviceTotalMem_v2(size_t *bytes, int) {
  ENTER();
  NEEDS_INIT();
  *bytes = settings.memory;
  return OK;
}
EXPORT int cuDeviceGetAttribute(int *value, int attribute, int) {
  ENTER();
  NEEDS_INIT();
  switch (attribute) {
    case 1: *value = 1024; break;                          // threads of a block
    case 10: *value = 32; break;                           // of a warp
    case 16: *value = 4; break;                            // multiprocessors
    case 75: *value = settings.capability / 10; break;
    case 76: *value = settings.capability % 10; break;
    case 115: *value = 1; break;                           // memory pools
    default: *value = 0;
  }
  return OK;
}
EXPORT int cuDevicePrimaryCtxRetain(void **context, int device) {
  ENTER();
  NEEDS_INIT();
  if (lost) return lost;
  if (device < 0 || device >= (int)devices.size()) return INVALID_DEVICE;
  Device &it = devices[device];
  if (!it.primary) {
    it.primary = new Context{device, {}, {}};
    it.primary->null.context = it.primary;
  }
  it.retained++;
  *context = it.primary;
  return OK;
}
// Everything of the context goes with its last user.
EXPORT int cuDevicePrimaryCtxRelease_v2(int device) {
  ENTER();
  NEEDS_INIT();
  Device &it = devices[device];
  if (!it.retained) return INVALID_CONTEXT;
  if (--it.retained) return OK;
  drain_all(it.primary);
  if (lost) {
    // After such an error nothing could be given back: the driver does it now.
    std::vector<Address> left;
    for (auto &[at, allocation] : allocations)
      if (allocation.device == device) left.push_back(at);
    for (Address at : left) give_back(at);
  }
  return OK;
}
EXPORT int cuCtxGetCurrent(void **context) {
  ENTER();
  *context = current;
  return OK;
}
EXPORT int cuCtxSetCurrent(void *context) {
  ENTER();
  current = (Context *)context;
  return OK;
}
EXPORT int cuCtxSynchronize() {
  ENTER();
  NEEDS_CONTEXT();
  drain_all(current);
  return lost;
}

// ---- memory
EXPORT int cuMemGetInfo_v2(size_t *free, size_t *total) {
  ENTER();
  NEEDS_CONTEXT();
  *total = settings.memory;
  *free = settings.memory - devices[current->device].used;
  return OK;
}
EXPORT int cuMemAllocAsync(Address *at, size_t size, void *stream) {
  ENTER();
  NEEDS_CONTEXT();
  int code = allocate(current->device, size, at);
  if (code != OUT_OF_MEMORY) return code;
  // What is still to be given back in the stream may make room.
  drain(stream_of(stream));
  return lost ? lost : allocate(current->device, size, at);
}
EXPORT int cuMemFreeAsync(Address at, void *stream) {
  ENTER();
  NEEDS_CONTEXT();
  if (!lies_in_device(at, 0)) return INVALID_VALUE;
  enqueue(stream_of(stream), [=] { return give_back(at); });
  return OK;
}
// Pageable memory of the host: it is read before the call returns.
EXPORT int cuMemcpyHtoDAsync_v2(Address to, const void *from, size_t size, void *stream) {
  ENTER();
  NEEDS_CONTEXT();
  if (!lies_in_device(to, size)) return INVALID_VALUE;
  auto staged = std::make_shared<std::vector<char>>((const char *)from, (const char *)from + size);
  enqueue(stream_of(stream), [=] {
    memcpy((void *)to, staged->data(), size);
    return OK;
  });
  return OK;
}
// The same: it is written before the call returns.
EXPORT int cuMemcpyDtoHAsync_v2(void *to, Address from, size_t size, void *stream) {
  ENTER();
  NEEDS_CONTEXT();
  if (!lies_in_device(from, size)) return INVALID_VALUE;
  enqueue(stream_of(stream), [=] {
    memcpy(to, (void *)from, size);
    return OK;
  });
  drain(stream_of(stream));
  return lost;
}
EXPORT int cuMemcpyDtoDAsync_v2(Address to, Address from, size_t size, void *stream) {
  ENTER();
  NEEDS_CONTEXT();
  if (!lies_in_device(to, size) || !lies_in_device(from, size)) return INVALID_VALUE;
  enqueue(stream_of(stream), [=] {
    memmove((void *)to, (void *)from, size);
    return OK;
  });
  return OK;
}
EXPORT int cuDeviceGetDefaultMemPool(void **pool, int device) {
  ENTER();
  NEEDS_INIT();
  *pool = (void *)(uintptr_t)(device + 1);
  return OK;
}
EXPORT int cuMemPoolSetAttribute(void *, int, void *) {
  ENTER();
  NEEDS_INIT();
  return OK;
}

// ---- streams
EXPORT int cuStreamCreate(void **stream, unsigned) {
  ENTER();
  NEEDS_CONTEXT();
  Stream *made = new Stream{current};
  current->streams.push_back(made);
  *stream = made;
  return OK;
}
EXPORT int cuStreamDestroy_v2(void *stream) {
  ENTER();
  NEEDS_INIT();
  auto it = (Stream *)stream;
  drain(it);
  auto &all = it->context->streams;
  all.erase(std::remove(all.begin(), all.end(), it), all.end());
  delete it;
  return lost;
}
EXPORT int cuStreamSynchronize(void *stream) {
  ENTER();
  NEEDS_CONTEXT();
  drain(stream_of(stream));
  return lost;
}
// Whether all is done. A stream that is asked goes on, as one of a GPU would.
EXPORT int cuStreamQuery(void *stream) {
  ENTER();
  NEEDS_CONTEXT();
  drain(stream_of(stream));
  return lost;
}

// ---- code
EXPORT int cuModuleLoadData(void **module, const void *image) {
  ENTER();
  NEEDS_CONTEXT();
  return load_module((const char *)image, (Module **)module);
}
EXPORT int cuModuleUnload(void *module) {
  ENTER();
  NEEDS_INIT();
  unload_module((Module *)module);
  return OK;
}
EXPORT int cuModuleGetFunction(void **function, void *module, const char *name) {
  ENTER();
  NEEDS_CONTEXT();
  for (auto &it : ((Module *)module)->functions)
    if (!strcmp(it->kernel->name, name)) {
      *function = it.get();
      return OK;
    }
  return NOT_FOUND;
}
EXPORT int cuLaunchKernel(void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                          unsigned shared, void *stream, void **arguments, void **extra) {
  ENTER();
  NEEDS_CONTEXT();
  auto it = (Function *)function;
  bool fits = gx && gy && gz && gy <= 65535 && gz <= 65535 && gx <= 2147483647u && bx && by && bz && bz <= 64 &&
              (uint64_t)bx * by * bz <= 1024;
  if (!fits) return INVALID_VALUE;
  if (shared || extra) return NOT_SUPPORTED;
  if (it->module->context != current) return INVALID_HANDLE;
  std::vector<char> parameters(it->kernel->total + 16);
  for (int n = 0; n < it->kernel->count; n++)
    memcpy(parameters.data() + it->kernel->offset[n], arguments[n], it->kernel->size[n]);
  enqueue(stream_of(stream), [=] { return run_kernel(it, {gx, gy, gz}, {bx, by, bz}, parameters); });
  return OK;
}

// ---- errors; they cannot fail themselves
EXPORT int cuGetErrorName(int code, const char **name) {
  switch (code) {
    case OK: *name = "CUDA_SUCCESS"; break;
    case INVALID_VALUE: *name = "CUDA_ERROR_INVALID_VALUE"; break;
    case OUT_OF_MEMORY: *name = "CUDA_ERROR_OUT_OF_MEMORY"; break;
    case NO_DEVICE: *name = "CUDA_ERROR_NO_DEVICE"; break;
    case ILLEGAL_ADDRESS: *name = "CUDA_ERROR_ILLEGAL_ADDRESS"; break;
    case LAUNCH_FAILED: *name = "CUDA_ERROR_LAUNCH_FAILED"; break;
    default: *name = "CUDA_ERROR_UNKNOWN";
  }
  return OK;
}
EXPORT int cuGetErrorString(int code, const char **text) { return cuGetErrorName(code, text); }
