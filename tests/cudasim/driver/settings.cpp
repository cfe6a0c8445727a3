// Settings, faults and counters: what tests say to the driver and ask of it.
#include "state.h"

std::recursive_mutex big_lock;
Settings settings;
std::mt19937_64 random_numbers(1);
bool initialized;
int lost;
std::vector<Device> devices;
std::map<Address, Allocation> allocations;
thread_local Context *current;
static std::vector<Fault> faults;
static std::map<std::string, long> calls, hits;
static long all_calls;

static size_t bytes(const std::string &text) {
  char *end;
  double value = strtod(text.c_str(), &end);
  if (*end == 'K') value *= 1 << 10;
  if (*end == 'M') value *= 1 << 20;
  if (*end == 'G') value *= 1 << 30;
  return (size_t)value;
}

// "12.4": 12040, as the driver counts.
static int version(const std::string &text) {
  size_t dot = text.find('.');
  return atoi(text.c_str()) * 1000 + (dot == std::string::npos ? 0 : atoi(text.c_str() + dot + 1) * 10);
}

static void set(const std::string &key, const std::string &value) {
  size_t colon = value.find(':');
  if (key == "devices") settings.devices = atoi(value.c_str());
  else if (key == "cc") settings.capability = atoi(value.c_str());
  else if (key == "cuda") settings.cuda = version(value);
  else if (key == "nvrtc") settings.nvrtc = version(value);
  else if (key == "mem") settings.memory = bytes(value);
  else if (key == "streams") settings.streams = value;
  else if (key == "order") {
    settings.order = value.substr(0, colon);
    if (colon != std::string::npos) settings.seed = strtoull(value.c_str() + colon + 1, nullptr, 10);
    random_numbers.seed(settings.seed);
  } else fprintf(stderr, "cudasim: no setting is called %s\n", key.c_str());
}

static void read_settings(const std::string &text) {
  for (size_t at = 0; at < text.size();) {
    size_t end = text.find(' ', at);
    if (end == std::string::npos) end = text.size();
    std::string word = text.substr(at, end - at);
    size_t equals = word.find('=');
    if (equals != std::string::npos) set(word.substr(0, equals), word.substr(equals + 1));
    at = end + 1;
  }
}

// What a child process has called, a line for each function: name, calls, faults that were hit.
static void report() {
  if (FILE *file = fopen(getenv("CUDASIM_REPORT"), "w")) {
    for (auto &[function, count] : calls) fprintf(file, "%s %ld %ld\n", function.c_str(), count, hits[function]);
    fclose(file);
  }
}

// Settings of a child process come from its environment.
static void read_environment() {
  static bool is_read;
  if (is_read) return;
  is_read = true;
  if (const char *text = getenv("CUDASIM")) read_settings(text);
  if (getenv("CUDASIM_REPORT")) atexit(report);
}

// Counts a call; the code that it has to fail with, or 0.
int counted(const char *function) {
  read_environment();
  ++calls[function];
  ++all_calls;
  for (Fault &fault : faults) {
    if (fault.function != "*" && fault.function != function) continue;
    long n = ++fault.seen;
    if (n < fault.first || n >= fault.first + fault.count) continue;
    ++hits[function];
    if (fault.code >= 700 && fault.code < 720) lost = fault.code;
    return fault.code;
  }
  return 0;
}

// By this the device layer knows that it is no GPU.
EXPORT const char *nbc_cudasim_identity() { return "simulated CUDA driver of NBC's tests"; }

// "devices=2 cc=90 mem=256M order=random:7 streams=lazy"
EXPORT void cudasim_configure(const char *text) {
  std::lock_guard<std::recursive_mutex> guard(big_lock);
  read_environment();
  read_settings(text);
  if (initialized) devices.resize(std::max<size_t>(devices.size(), settings.devices));
}

// "cuMemAllocAsync@3x2=2": calls 3 and 4 fail with code 2; "*@7=719": the seventh call of any function does.
EXPORT void cudasim_fault(const char *text) {
  std::lock_guard<std::recursive_mutex> guard(big_lock);
  std::string all = text;
  size_t at = all.find('@'), equals = all.find('='), times = all.find('x', at);
  Fault fault{all.substr(0, at), atol(all.c_str() + at + 1), 1, atoi(all.c_str() + equals + 1), 0};
  if (times < equals) fault.count = atol(all.c_str() + times + 1);
  faults.push_back(fault);
}

// Forgets settings, faults, counts and a lost device, while nobody has one. What is allocated stays.
EXPORT void cudasim_reset() {
  std::lock_guard<std::recursive_mutex> guard(big_lock);
  settings = Settings();
  random_numbers.seed(1);
  faults.clear();
  calls.clear();
  hits.clear();
  all_calls = 0;
  lost = 0;
  // A context that could not be released is nobody's any more.
  for (Device &device : devices) device.retained = 0;
}

// Calls of a function; "*": of all.
EXPORT long cudasim_calls(const char *function) {
  std::lock_guard<std::recursive_mutex> guard(big_lock);
  return std::string(function) == "*" ? all_calls : calls[function];
}

// Calls of a function that a fault has hit.
EXPORT long cudasim_hits(const char *function) {
  std::lock_guard<std::recursive_mutex> guard(big_lock);
  return hits[function];
}

EXPORT size_t cudasim_live_bytes(int device) {
  std::lock_guard<std::recursive_mutex> guard(big_lock);
  return device < (int)devices.size() ? devices[device].used : 0;
}

// The version of CUDA that NVRTC, which is another library, has to be of.
EXPORT int cudasim_nvrtc_version() {
  std::lock_guard<std::recursive_mutex> guard(big_lock);
  read_environment();
  return settings.nvrtc ? settings.nvrtc : settings.cuda;
}

// For NVRTC too.
EXPORT int cudasim_counted(const char *function) {
  std::lock_guard<std::recursive_mutex> guard(big_lock);
  return counted(function);
}
