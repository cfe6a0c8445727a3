// Streams: queues. What is in them runs at once (eager), or when something waits for it (lazy), or now and then.
#include "state.h"
#include <algorithm>

Stream *stream_of(void *handle) { return handle ? (Stream *)handle : &current->null; }

static void step(Stream *stream) {
  Task task = std::move(stream->waiting.front());
  stream->waiting.pop_front();
  if (lost) return;
  if (int code = task.run()) lost = code;
}

void drain(Stream *stream) {
  while (!stream->waiting.empty()) step(stream);
}

// Streams are independent of each other: their tasks come in any order between them.
void drain_all(Context *context) {
  auto all = context->streams;
  all.push_back(&context->null);
  for (bool more = true; more;) {
    more = false;
    std::shuffle(all.begin(), all.end(), random_numbers);
    for (Stream *stream : all)
      if (!stream->waiting.empty()) {
        step(stream);
        more = true;
      }
  }
}

void enqueue(Stream *stream, std::function<int()> run) {
  stream->waiting.push_back({stream->next++, std::move(run)});
  if (settings.streams == "eager") drain(stream);
  if (settings.streams == "random")
    for (int n = random_numbers() % 3; n-- && !stream->waiting.empty();) step(stream);
}
