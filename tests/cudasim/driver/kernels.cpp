// Kernels: one block after the other. Threads of a block are fibers, resumed in the order of the settings; a
// barrier opens when all that still run have come. A fault in a kernel jumps back and is the kernel's error.
#include "state.h"
#include <algorithm>
#include <csetjmp>
#include <csignal>
#include <sys/mman.h>

#if !defined(__x86_64__)
#error "the switch between fibers is written for x86-64"
#endif

// Saves the registers that a callee keeps, and goes on with another stack.
extern "C" void cudasim_switch(void **save, void *to);
asm(R"(
.text
.globl cudasim_switch
.hidden cudasim_switch
.type cudasim_switch,@function
cudasim_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp,(%rdi)
  movq %rsi,%rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size cudasim_switch,.-cudasim_switch
)");

enum State { READY, AT_BARRIER, ENDED };
struct Fiber { void *stack_pointer; char *stack; cudasim_thread thread; State state; };

static const size_t STACK = 128 << 10, PAGE = 4096;
static std::vector<Fiber> fibers;
static std::vector<char *> free_stacks;
static void *home;
static unsigned running;
static const cudasim_kernel *kernel;
static char *parameters_at;
static const cudasim_module *object;
static const char *why;
static int failure;
static bool is_in_kernel;
static sigjmp_buf way_out;

static char *new_stack() {
  if (!free_stacks.empty()) {
    char *stack = free_stacks.back();
    free_stacks.pop_back();
    return stack;
  }
  void *stack = mmap(nullptr, STACK + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED) abort();
  mprotect(stack, PAGE, PROT_NONE);
  return (char *)stack;
}

static void go_home() { cudasim_switch(&fibers[running].stack_pointer, home); }

static void fiber_main() {
  kernel->call(parameters_at);
  fibers[running].state = ENDED;
  go_home();
  abort();
}

static void barrier() {
  fibers[running].state = AT_BARRIER;
  go_home();
}

static const cudasim_services services = {barrier};

static void resume(unsigned n) {
  Fiber &fiber = fibers[n];
  running = n;
  *object->thread = &fiber.thread;
  if (!fiber.stack) {
    fiber.stack = new_stack();
    // Tops of neighbours do not share sets of the cache.
    char *top = fiber.stack + PAGE + STACK - (n % 61) * 320;
    void **sp = (void **)((uintptr_t)top & ~(uintptr_t)15);
    *--sp = nullptr;
    *--sp = (void *)fiber_main;
    for (int saved = 0; saved < 6; saved++) *--sp = nullptr;
    fiber.stack_pointer = sp;
  }
  cudasim_switch(&home, fiber.stack_pointer);
  if (fiber.state == ENDED) {
    free_stacks.push_back(fiber.stack);
    fiber.stack = nullptr;
  }
}

static void put_in_order(std::vector<unsigned> &order) {
  for (unsigned i = 0; i < order.size(); i++) order[i] = i;
  if (settings.order == "reverse") std::reverse(order.begin(), order.end());
  if (settings.order == "random") std::shuffle(order.begin(), order.end(), random_numbers);
}

static void run_block(cudasim_dim index, cudasim_dim size, unsigned threads, std::vector<unsigned> &order) {
  object->block->index = index;
  for (unsigned n = 0; n < threads; n++) {
    cudasim_dim at = {n % size.x, n / size.x % size.y, n / size.x / size.y};
    fibers[n] = {nullptr, nullptr, {at}, READY};
  }
  // What shared memory holds at first nobody knows.
  if (object->shared_begin) memset(object->shared_begin, 0xfb, object->shared_end - object->shared_begin);
  put_in_order(order);
  for (unsigned ended = 0; ended < threads;) {
    unsigned waiting = ended = 0;
    for (unsigned n : order) {
      if (fibers[n].state == READY) resume(n);
      ended += fibers[n].state == ENDED;
      waiting += fibers[n].state == AT_BARRIER;
    }
    // All have come to the barrier, or ended. On a GPU some that have ended is allowed, but no good sign.
    if (waiting && ended) {
      why = "threads end while others wait at a barrier";
      failure = LAUNCH_TIMEOUT;
      return;
    }
    for (unsigned n = 0; waiting && n < threads; n++) fibers[n].state = READY;
  }
}

static struct sigaction before[4];
static const int SIGNALS[4] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};

static void on_signal(int number, siginfo_t *info, void *context) {
  if (is_in_kernel) {
    why = number == SIGFPE ? "an integer division by zero" : "an illegal address";
    failure = number == SIGFPE ? LAUNCH_FAILED : ILLEGAL_ADDRESS;
    siglongjmp(way_out, 1);
  }
  for (int n = 0; n < 4; n++) {
    if (SIGNALS[n] != number) continue;
    struct sigaction &old = before[n];
    if (old.sa_flags & SA_SIGINFO) old.sa_sigaction(number, info, context);
    else if (old.sa_handler != SIG_DFL && old.sa_handler != SIG_IGN) old.sa_handler(number);
    else {
      signal(number, SIG_DFL);
      raise(number);
    }
  }
}

// While a kernel runs, no other handler is asked.
static void catch_signals(bool yes) {
  for (int n = 0; n < 4; n++) {
    struct sigaction action {};
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    if (yes) sigaction(SIGNALS[n], &action, &before[n]);
    else sigaction(SIGNALS[n], &before[n], nullptr);
  }
}

// Memory of other devices is out of reach meanwhile.
static void hide_others(int device, bool yes) {
  for (auto &[at, it] : allocations)
    if (it.device != device) mprotect(it.base + PAGE, it.mapped - 2 * PAGE, yes ? PROT_NONE : PROT_READ | PROT_WRITE);
}

int run_kernel(Function *function, cudasim_dim grid, cudasim_dim block, std::vector<char> parameters) {
  kernel = function->kernel;
  object = function->module->object;
  parameters_at = parameters.data();
  failure = OK;
  unsigned threads = block.x * block.y * block.z;
  if (fibers.size() < threads) fibers.resize(threads);
  object->block->size = block;
  object->block->grid = grid;
  *object->services = &services;
  int device = function->module->context->device;
  hide_others(device, true);
  catch_signals(true);
  static std::vector<unsigned> order;
  order.resize(threads);
  uint64_t blocks = (uint64_t)grid.x * grid.y * grid.z;
  is_in_kernel = true;
  if (sigsetjmp(way_out, 1) == 0)
    for (uint64_t n = 0; n < blocks && !failure; n++) {
      uint64_t b = settings.order == "reverse" ? blocks - 1 - n : n;
      run_block({unsigned(b % grid.x), unsigned(b / grid.x % grid.y), unsigned(b / grid.x / grid.y)}, block, threads, order);
    }
  is_in_kernel = false;
  catch_signals(false);
  hide_others(device, false);
  for (unsigned n = 0; n < threads; n++)
    if (fibers[n].stack) free_stacks.push_back(fibers[n].stack);
  if (failure) fprintf(stderr, "cudasim: kernel %s has failed: %s\n", kernel->name, why);
  return failure;
}
