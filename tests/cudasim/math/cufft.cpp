// A simulated cuFFT: transforms by their definition, of lines along one axis after the other.
#include "library.h"
#include <complex>
#include <map>

// Codes of cufftResult.
enum { OK = 0, INVALID_PLAN = 1, ALLOC_FAILED = 2, INVALID_TYPE = 3, INVALID_VALUE = 4, INTERNAL_ERROR = 5, EXEC_FAILED = 6, INVALID_SIZE = 8, NO_WORKSPACE = 13 };
enum { C2C = 0x29, R2C = 0x2a, C2R = 0x2c, Z2Z = 0x69, D2Z = 0x6a, Z2D = 0x6c };
typedef std::complex<double> Number;

static int status(int code) {
  if (code == 0) return OK;
  if (code == OUT_OF_MEMORY) return ALLOC_FAILED;
  return code >= 700 && code < 720 ? EXEC_FAILED : INTERNAL_ERROR;
}

#define ENTER() if (int code = cudasim_counted(__func__)) return status(code)

// Where the elements of a side lie.
struct Layout {
  std::vector<int64_t> embedding;
  int64_t stride, distance;
  int64_t place(int64_t line, const std::vector<int64_t> &index) const {
    int64_t at = 0;
    for (size_t axis = 0; axis < index.size(); axis++) at = at * (axis ? embedding[axis] : 1) + index[axis];
    return line * distance + at * stride;
  }
};

struct Plan {
  bool allocates = true, is_made = false;
  std::vector<int64_t> n;
  Layout in, out;
  int type = 0;
  int64_t batch = 0;
  size_t size = 0;
  void *stream = nullptr, *work = nullptr;
};
static std::map<int, Plan> plans;
static int next_plan = 1;

static Plan *plan_of(int number) {
  auto found = plans.find(number);
  return found == plans.end() ? nullptr : &found->second;
}

EXPORT int cufftCreate(int *number) {
  ENTER();
  *number = next_plan++;
  plans[*number] = Plan();
  return OK;
}
EXPORT int cufftDestroy(int number) {
  ENTER();
  return plans.erase(number) ? OK : INVALID_PLAN;
}
EXPORT int cufftSetAutoAllocation(int number, int yes) {
  ENTER();
  Plan *plan = plan_of(number);
  if (!plan || plan->is_made) return INVALID_PLAN;
  plan->allocates = yes;
  return OK;
}
EXPORT int cufftSetStream(int number, void *stream) {
  ENTER();
  if (!plan_of(number)) return INVALID_PLAN;
  plan_of(number)->stream = stream;
  return OK;
}
EXPORT int cufftSetWorkArea(int number, void *work) {
  ENTER();
  if (!plan_of(number)) return INVALID_PLAN;
  plan_of(number)->work = work;
  return OK;
}
EXPORT int cufftMakePlanMany64(int number, int rank, long long *n, long long *in, long long in_stride, long long in_distance,
                               long long *out, long long out_stride, long long out_distance, int type, long long batch,
                               size_t *size) {
  ENTER();
  Plan *plan = plan_of(number);
  if (!plan || plan->is_made) return INVALID_PLAN;
  if (rank < 1 || rank > 3 || batch < 1) return INVALID_SIZE;
  // Without embeddings strides would not count: nobody here asks for that.
  if (!in || !out || in_stride < 1 || out_stride < 1) return INVALID_VALUE;
  if (type != C2C && type != R2C && type != C2R && type != Z2Z && type != D2Z && type != Z2D) return INVALID_TYPE;
  for (int axis = 0; axis < rank; axis++)
    if (n[axis] < 1) return INVALID_SIZE;
  plan->n.assign(n, n + rank);
  plan->in = {std::vector<int64_t>(in, in + rank), in_stride, in_distance};
  plan->out = {std::vector<int64_t>(out, out + rank), out_stride, out_distance};
  plan->type = type;
  plan->batch = batch;
  plan->size = 256 + 8 * (size_t)n[rank - 1];
  plan->is_made = true;
  *size = plan->size;
  return OK;
}

// Calls `visit` with each index below `dims`, the last fastest.
template <class Visit> static void each(const std::vector<int64_t> &dims, Visit visit) {
  std::vector<int64_t> index(dims.size(), 0);
  for (;;) {
    visit(index);
    size_t axis = dims.size();
    while (axis && ++index[axis - 1] == dims[axis - 1]) index[--axis] = 0;
    if (!axis) return;
  }
}

static void transform(std::vector<Number> &all, const std::vector<int64_t> &n, int direction) {
  int64_t inner = 1;
  for (size_t axis = n.size(); axis-- > 0; inner *= n[axis]) {
    int64_t length = n[axis], outer = (int64_t)all.size() / (length * inner);
    std::vector<Number> roots(length), line(length);
    for (int64_t k = 0; k < length; k++) roots[k] = std::polar(1.0, direction * 2 * M_PI * k / length);
    for (int64_t o = 0; o < outer; o++)
      for (int64_t i = 0; i < inner; i++) {
        Number *first = &all[o * length * inner + i];
        for (int64_t k = 0; k < length; k++) {
          Number sum = 0;
          for (int64_t j = 0; j < length; j++) sum += first[j * inner] * roots[j * k % length];
          line[k] = sum;
        }
        for (int64_t k = 0; k < length; k++) first[k * inner] = line[k];
      }
  }
}

static Number widened(float x) { return x; }
static Number widened(double x) { return x; }
static Number widened(std::complex<float> x) { return Number(x.real(), x.imag()); }
static Number widened(Number x) { return x; }
static void narrow(Number x, float &to) { to = (float)x.real(); }
static void narrow(Number x, double &to) { to = x.real(); }
static void narrow(Number x, std::complex<float> &to) { to = {(float)x.real(), (float)x.imag()}; }
static void narrow(Number x, Number &to) { to = x; }

// From elements `From` to `To`; of a real side the complex one has the first half along the last axis.
template <class From, class To> static int run(int number, int type, From *from, To *to, int direction) {
  Plan *found = plan_of(number);
  if (!found || !found->is_made) return INVALID_PLAN;
  if (found->type != type) return INVALID_TYPE;
  if (!found->allocates && !found->work) return NO_WORKSPACE;
  const Plan plan = *found;
  bool to_real = std::is_floating_point<To>::value, of_real = std::is_floating_point<From>::value;
  auto half = plan.n;
  half.back() = half.back() / 2 + 1;
  auto in = to_real ? half : plan.n, out = of_real ? half : plan.n;
  auto reach = [&](const Layout &layout, const std::vector<int64_t> &dims) {
    auto last = dims;
    for (auto &index : last) index--;
    return layout.place(plan.batch - 1, last) + 1;
  };
  bool fits = is_there(from, reach(plan.in, in)) && is_there(to, reach(plan.out, out)) &&
              (plan.allocates || is_there((char *)plan.work, plan.size));
  return status(queue(plan.stream, [=] {
    if (!fits) return (int)ILLEGAL_ADDRESS;
    if (!plan.allocates) memset(plan.work, 0xfb, plan.size);
    int64_t count = 1;
    for (int64_t n : plan.n) count *= n;
    for (int64_t line = 0; line < plan.batch; line++) {
      std::vector<Number> all(count);
      size_t at = 0;
      each(plan.n, [&](const std::vector<int64_t> &index) {
        auto where = index;
        bool is_mirrored = to_real && index.back() >= half.back();
        if (is_mirrored)
          for (size_t axis = 0; axis < where.size(); axis++) where[axis] = (plan.n[axis] - where[axis]) % plan.n[axis];
        Number x = widened(from[plan.in.place(line, where)]);
        // What has to be real and is not makes an answer that nobody promises.
        int64_t k = index.back();
        if (to_real && plan.n.size() == 1 && (k == 0 || 2 * k == plan.n.back()) && x.imag() != 0) x = NAN;
        all[at++] = is_mirrored ? std::conj(x) : x;
      });
      // A real one may use what it is given as room to work in.
      if (to_real && (void *)from != (void *)to)
        each(in, [&](const std::vector<int64_t> &index) { from[plan.in.place(line, index)] = NAN; });
      transform(all, plan.n, direction);
      each(out, [&](const std::vector<int64_t> &index) {
        int64_t place = 0;
        for (size_t axis = 0; axis < index.size(); axis++) place = place * plan.n[axis] + index[axis];
        narrow(all[place], to[plan.out.place(line, index)]);
      });
    }
    return 0;
  }));
}

EXPORT int cufftExecC2C(int plan, std::complex<float> *from, std::complex<float> *to, int direction) {
  ENTER();
  return run(plan, C2C, from, to, direction);
}
EXPORT int cufftExecZ2Z(int plan, Number *from, Number *to, int direction) {
  ENTER();
  return run(plan, Z2Z, from, to, direction);
}
EXPORT int cufftExecR2C(int plan, float *from, std::complex<float> *to) {
  ENTER();
  return run(plan, R2C, from, to, -1);
}
EXPORT int cufftExecD2Z(int plan, double *from, Number *to) {
  ENTER();
  return run(plan, D2Z, from, to, -1);
}
EXPORT int cufftExecC2R(int plan, std::complex<float> *from, float *to) {
  ENTER();
  return run(plan, C2R, from, to, 1);
}
EXPORT int cufftExecZ2D(int plan, Number *from, double *to) {
  ENTER();
  return run(plan, Z2D, from, to, 1);
}
