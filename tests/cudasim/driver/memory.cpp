// Device memory: host memory that ends at a page nobody may touch, filled with what is no zero.
#include "state.h"
#include <sys/mman.h>

static const size_t PAGE = 4096, ALIGNMENT = 256;
// Elements that nobody has written are NaN, and large numbers.
static const int UNWRITTEN = 0xfb;

size_t left_behind;

static size_t rounded(size_t size) { return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT; }

int allocate(int device, size_t size, Address *to) {
  size_t body = rounded(size), pages = (body + PAGE - 1) / PAGE * PAGE, mapped = pages + 2 * PAGE;
  if (!size) return INVALID_VALUE;
  if (body < size || devices[device].used + body > settings.memory) return OUT_OF_MEMORY;
  void *base = mmap(nullptr, mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) return OUT_OF_MEMORY;
  char *first = (char *)base + PAGE;
  mprotect(first, pages, PROT_READ | PROT_WRITE);
  memset(first, UNWRITTEN, pages);
  *to = (Address)(first + pages - body);
  allocations[*to] = {size, (char *)base, mapped, device};
  devices[device].used += body;
  return OK;
}

int give_back(Address at) {
  auto found = allocations.find(at);
  if (found == allocations.end()) return INVALID_VALUE;
  Allocation it = found->second;
  int code = OK;
  // What lies between the last element and the page behind it is still as it was.
  for (size_t n = it.size; n < rounded(it.size); n++)
    if (((unsigned char *)at)[n] != UNWRITTEN) {
      fprintf(stderr, "cudasim: something has written behind an allocation of %zu bytes\n", it.size);
      code = lost = ILLEGAL_ADDRESS;
      break;
    }
  for (size_t n = 0; n < it.size; n++) left_behind += ((unsigned char *)at)[n] != 0;
  devices[it.device].used -= rounded(it.size);
  munmap(it.base, it.mapped);
  allocations.erase(found);
  return code;
}

bool lies_in_device(Address at, size_t size) {
  auto next = allocations.upper_bound(at);
  if (next == allocations.begin()) return false;
  auto &found = *std::prev(next);
  return size <= found.second.size && at - found.first <= found.second.size - size;
}
