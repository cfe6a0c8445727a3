// NVRTC, simulated: the host's C++ compiler makes a shared object of CUDA C text, and the "PTX" names it.
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <fstream>
#include <spawn.h>
#include <sstream>
#include <string>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

extern char **environ;
using std::string;

// Codes of nvrtcResult.
enum { OK = 0, INVALID_OPTION = 5, COMPILATION = 6, INTERNAL_ERROR = 11 };

// What was made of a text: PTX, and machine code if that was asked for.
struct Program { string source, log, ptx, machine_code; };

static string directory() {
  Dl_info about;
  dladdr((void *)&directory, &about);
  string path = about.dli_fname;
  return path.substr(0, path.rfind('/'));
}
static string contents(const string &path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}
static unsigned long long hash(const string &text) {
  unsigned long long h = 1469598103934665603ull;
  for (unsigned char c : text) h = (h ^ c) * 1099511628211ull;
  return h;
}

static int run(const std::vector<string> &command, const string &errors) {
  std::vector<char *> words;
  for (auto &word : command) words.push_back((char *)word.c_str());
  words.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 2, errors.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0644);
  pid_t child;
  int failed = posix_spawnp(&child, words[0], &files, nullptr, words.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  if (failed) return 127;
  int status;
  while (waitpid(child, &status, 0) < 0) {}
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

// Names of the functions that are declared `__global__`.
static std::vector<string> kernels(const string &source) {
  std::vector<string> names;
  const string word = "__global__";
  for (size_t at = source.find(word); at != string::npos; at = source.find(word, at)) {
    at += word.size();
    size_t name = source.find(" void ", at);
    if (name == string::npos) break;
    name += 6;
    // Bounds of the launch may stand on either side.
    size_t bounds = source.compare(name, 17, "__launch_bounds__") ? string::npos : source.find(')', name);
    if (bounds != string::npos) name = bounds + 1;
    while (isspace((unsigned char)source[name])) name++;
    size_t end = name;
    while (isalnum((unsigned char)source[end]) || source[end] == '_') end++;
    names.push_back(source.substr(name, end - name));
  }
  return names;
}

static string table(const std::vector<string> &names) {
  string rows;
  for (auto &name : names) {
    string type = "cudasim_signature<decltype(&" + name + ")>";
    rows += "  {\"" + name + "\", &" + type + "::call<&" + name + ">, " + type + "::count, " + type + "::layout.offset, " +
            type + "::layout.size, " + type + "::layout.total},\n";
  }
  return "\nextern \"C\" __attribute__((weak, visibility(\"hidden\"))) char __start_cudasim_shared[], __stop_cudasim_shared[];\n"
         "static const cudasim_kernel cudasim_kernels[] = {\n" + rows + "  {nullptr, nullptr, 0, nullptr, nullptr, 0}};\n"
         "static const cudasim_module cudasim_all = {CUDASIM_CONTRACT, cudasim_kernels, " + std::to_string(names.size()) +
         ", &cudasim_self, &cudasim_here, &cudasim_ask, __start_cudasim_shared, __stop_cudasim_shared};\n"
         "extern \"C\" __attribute__((visibility(\"default\"))) const cudasim_module *cudasim_get() { return &cudasim_all; }\n";
}

// Compiles, or finds what has been compiled; the path of the object, or nothing.
static string object(Program &program, bool fuses) {
  string home = directory(), include = home + "/include", cache = home + "/kernels";
  const char *named = getenv("CUDASIM_CXX");
  string compiler = named && *named ? named : "c++";
  string text = "#include \"prelude.h\"\n#line 1 \"kernel\"\n" + program.source + table(kernels(program.source));
  char key[32];
  snprintf(key, sizeof key, "%016llx", hash(compiler + (fuses ? "+" : "-") + contents(include + "/prelude.h") + text));
  mkdir(cache.c_str(), 0700);
  string path = cache + "/" + key + ".so";
  if (access(path.c_str(), R_OK) == 0) return path;
  static int serial;
  string own = cache + "/" + key + "." + std::to_string(getpid()) + "." + std::to_string(serial++);
  std::ofstream(own + ".cpp", std::ios::binary) << text;
  std::vector<string> command = {compiler, "-O1", "-std=gnu++17", "-w", "-fPIC", "-shared", "-fno-exceptions", "-fno-rtti",
    "-fno-strict-aliasing", "-fno-gnu-unique", "-fwrapv", "-Wl,-Bsymbolic", "-I" + include,
    fuses ? "-ffp-contract=fast" : "-ffp-contract=off", "-o", own + ".so", own + ".cpp", "-lm"};
  if (__builtin_cpu_supports("fma")) command.insert(command.begin() + 1, "-mfma");
  int code = run(command, own + ".log");
  program.log = contents(own + ".log");
  unlink((own + ".cpp").c_str());
  unlink((own + ".log").c_str());
  if (code) return "";
  rename((own + ".so").c_str(), path.c_str());
  return path;
}

// With CUDASIM_TEXTS every text that compiles is kept in that folder, once, below a line with its options. So other
// compilers can be asked what they say of it (scripts/check-kernels).
static void keep_text(const Program &program, const string &options) {
  const char *folder = getenv("CUDASIM_TEXTS");
  if (!folder || !*folder) return;
  string text = "// options:" + options + "\n" + program.source;
  char key[32];
  snprintf(key, sizeof key, "/%016llx", hash(text));
  string path = folder + string(key), own = path + "." + std::to_string(getpid());
  if (access((path + ".cu").c_str(), R_OK) == 0) return;
  mkdir(folder, 0755);
  std::ofstream(own, std::ios::binary) << text;
  if (rename(own.c_str(), (path + ".cu").c_str())) fprintf(stderr, "cudasim: %s cannot be written\n", path.c_str());
}

// A function of the simulated driver; nothing where another driver is loaded.
static void *of_driver(const char *function) {
  void *driver = dlopen("libcuda.so", RTLD_NOW | RTLD_NOLOAD);
  return driver ? dlsym(driver, function) : nullptr;
}

static int version() {
  auto own = (int (*)())of_driver("cudasim_nvrtc_version");
  return own ? own() : 13000;
}

// What NVRTC of that version makes code for.
static std::vector<int> architectures() {
  if (version() >= 13000) return {75, 80, 86, 87, 88, 89, 90, 100, 103, 110, 120, 121};
  std::vector<int> all = {50, 52, 53, 60, 61, 62, 70, 72, 75, 80, 86, 87, 89, 90};
  if (version() >= 12080) all.insert(all.end(), {100, 101, 120});
  return all;
}

// Counts the call, with those of the driver; its code of failure as one of NVRTC.
static int counted(const char *function) {
  auto count = (int (*)(const char *))of_driver("cudasim_counted");
  int code = count ? count(function) : 0;
  return code > INTERNAL_ERROR ? INTERNAL_ERROR : code;
}

#define EXPORT extern "C" __attribute__((visibility("default")))
#define ENTER() if (int code = counted(__func__)) return code

// By this the device layer knows that it is not NVIDIA's.
EXPORT const char *nbc_cudasim_identity() { return "simulated NVRTC of NBC's tests"; }

EXPORT int nvrtcVersion(int *major, int *minor) {
  ENTER();
  *major = version() / 1000;
  *minor = version() % 1000 / 10;
  return OK;
}
EXPORT int nvrtcGetNumSupportedArchs(int *count) {
  ENTER();
  *count = (int)architectures().size();
  return OK;
}
EXPORT int nvrtcGetSupportedArchs(int *to) {
  ENTER();
  for (int architecture : architectures()) *to++ = architecture;
  return OK;
}
EXPORT const char *nvrtcGetErrorString(int) { return "an error of the simulated NVRTC"; }
EXPORT int nvrtcCreateProgram(void **program, const char *source, const char *, int, const char *const *, const char *const *) {
  ENTER();
  *program = new Program{source, "", "", ""};
  return OK;
}
EXPORT int nvrtcDestroyProgram(void **program) {
  ENTER();
  delete (Program *)*program;
  *program = nullptr;
  return OK;
}
EXPORT int nvrtcCompileProgram(void *handle, int count, const char *const *options) {
  ENTER();
  Program &program = *(Program *)handle;
  string architecture = "compute_75", others;
  bool fuses = true;
  for (int n = 0; n < count; n++) {
    string option = options[n], value = option.substr(option.find('=') + 1);
    if (!option.rfind("--gpu-architecture=", 0)) {
      architecture = value;
      continue;
    }
    others += " " + option;
    if (!option.rfind("--fmad=", 0)) fuses = value == "true";
    else if (option.rfind("--std=", 0)) {
      program.log = "unknown option: " + option;
      return INVALID_OPTION;
    }
  }
  bool is_machine_code = !architecture.rfind("sm_", 0);
  bool is_known = false;
  for (int known : architectures()) is_known |= architecture == (is_machine_code ? "sm_" : "compute_") + std::to_string(known);
  if (!is_known) {
    program.log = "nvrtc: error: invalid value for --gpu-architecture (-arch)";
    return INVALID_OPTION;
  }
  string path = object(program, fuses);
  if (path.empty()) return COMPILATION;
  keep_text(program, others);
  string code = "// cudasim: code of the host, that no device can run\n.version 9.0\n.target ", made = "\n//@nvrtc " +
         std::to_string(version()) + "\n//@object " + path + "\n";
  program.ptx = code + "compute_" + architecture.substr(architecture.find('_') + 1) + made;
  // It ends with a NUL for who reads it as a text.
  program.machine_code = is_machine_code ? code + architecture + made + '\0' : "";
  return OK;
}
EXPORT int nvrtcGetCUBINSize(void *program, size_t *size) {
  ENTER();
  *size = ((Program *)program)->machine_code.size();
  return OK;
}
EXPORT int nvrtcGetCUBIN(void *program, char *to) {
  ENTER();
  const string &code = ((Program *)program)->machine_code;
  memcpy(to, code.data(), code.size());
  return OK;
}
EXPORT int nvrtcGetPTXSize(void *program, size_t *size) {
  ENTER();
  *size = ((Program *)program)->ptx.size() + 1;
  return OK;
}
EXPORT int nvrtcGetPTX(void *program, char *to) {
  ENTER();
  strcpy(to, ((Program *)program)->ptx.c_str());
  return OK;
}
EXPORT int nvrtcGetProgramLogSize(void *program, size_t *size) {
  ENTER();
  *size = ((Program *)program)->log.size() + 1;
  return OK;
}
EXPORT int nvrtcGetProgramLog(void *program, char *to) {
  ENTER();
  strcpy(to, ((Program *)program)->log.c_str());
  return OK;
}
