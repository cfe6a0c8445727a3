// Modules: shared objects that the simulated NVRTC has made. Real PTX is refused.
#include "state.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

// A copy of its own for each load, so that each has variables of its own, as on a device.
static void *open_copy(const std::string &path) {
  static int serial;
  std::string copy = path + "." + std::to_string(getpid()) + "." + std::to_string(serial++);
  int from = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (from < 0) return nullptr;
  int to = open(copy.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0700);
  struct stat about;
  fstat(from, &about);
  off_t at = 0;
  while (at < about.st_size && sendfile(to, from, &at, about.st_size - at) > 0) {}
  close(from);
  close(to);
  void *handle = dlopen(copy.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) fprintf(stderr, "cudasim: %s\n", dlerror());
  unlink(copy.c_str());
  return handle;
}

int load_module(const char *image, Module **to) {
  if (strncmp(image, "// cudasim:", 11)) return strstr(image, ".version") ? NO_BINARY_FOR_GPU : INVALID_IMAGE;
  // Machine code is of one architecture, and of one CUDA; PTX is of any later one, but of no later CUDA.
  const char *target = strstr(image, ".target "), *path = strstr(image, "//@object "), *by = strstr(image, "//@nvrtc ");
  if (!target || !path || !by) return INVALID_IMAGE;
  bool is_machine_code = !strncmp(target, ".target sm_", 11);
  int architecture = atoi(strchr(target, '_') + 1), nvrtc = atoi(by + strlen("//@nvrtc "));
  if (is_machine_code ? architecture != settings.capability || nvrtc / 1000 > settings.cuda / 1000 : architecture > settings.capability)
    return NO_BINARY_FOR_GPU;
  if (!is_machine_code && nvrtc > settings.cuda) return UNSUPPORTED_PTX_VERSION;
  path += strlen("//@object ");
  void *handle = open_copy(std::string(path, strcspn(path, "\n")));
  auto get = handle ? (const cudasim_module *(*)())dlsym(handle, "cudasim_get") : nullptr;
  if (!get || get()->version != CUDASIM_CONTRACT) return INVALID_IMAGE;
  Module *module = new Module{current, handle, get(), {}};
  for (int n = 0; n < module->object->count; n++)
    module->functions.emplace_back(new Function{module, &module->object->kernels[n]});
  *to = module;
  return OK;
}

void unload_module(Module *module) {
  drain_all(module->context);
  dlclose(module->handle);
  delete module;
}
