#include "events.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <set>
#include <thread>

#include "call.hpp"

namespace card {
namespace {

thread_local const Call *current_call = nullptr;
thread_local uintptr_t lowest_of_stack = 0;
std::mutex listing;
std::set<const Call *> running_calls;
pid_t host = 0;
volatile sig_atomic_t ending = 0;

// Text in a fixed place, for use inside signal handlers: no memory is asked for.
class Line {
public:
  void add(const char *format, ...) __attribute__((format(printf, 2, 3))) {
    va_list arguments;
    va_start(arguments, format);
    const int written = vsnprintf(text_ + size_, sizeof text_ - size_, format, arguments);
    va_end(arguments);
    if (written > 0) size_ = std::min(size_ + size_t(written), sizeof text_ - 1);
  }
  void add_json(const char *text) {
    add("\"");
    for (; *text; ++text) {
      const auto character = static_cast<unsigned char>(*text);
      if (character == '"' || character == '\\') add("\\%c", character);
      else if (character < 0x20) add("\\u%04x", character);
      else add("%c", character);
    }
    add("\"");
  }
  void write_to(int file) const {
    for (size_t done = 0; done < size_;) {
      const ssize_t written = write(file, text_ + done, size_ - done);
      if (written <= 0) return;
      done += size_t(written);
    }
  }

private:
  char text_[8192];
  size_t size_ = 0;
};

void print(const Line &words, const Line &json) {
  words.write_to(STDERR_FILENO);
  json.write_to(STDERR_FILENO);
}

// Only failures go to the file: whoever watches it need not wait for the host's end.
void publish(const Line &words, const Line &json) {
  print(words, json);
  const char *path = getenv("FPGAC_CARD_EVENTS");
  if (!path) return;
  const int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return;
  json.write_to(file);
  close(file);
}

// Every line of JSON begins alike, so that it can be found in a log.
void open_event(Line &json, const char *kind) {
  const char *device = getenv("EMULATION_SOCKETID");
  json.add("{\"fpgac_card\": ");
  json.add_json(device ? device : "");
  json.add(", \"event\": ");
  json.add_json(kind);
}

[[noreturn]] void end_by(int signal) {
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  sigaction(signal, &standard, nullptr);
  sigset_t only;
  sigemptyset(&only);
  sigaddset(&only, signal);
  pthread_sigmask(SIG_UNBLOCK, &only, nullptr);
  raise(signal);  // to this very thread: kill() would race with the exit below
  _exit(128 + signal);
}

const char *signal_name(int signal) {
  switch (signal) {
    case SIGSEGV: return "SIGSEGV";
    case SIGBUS: return "SIGBUS";
    case SIGFPE: return "SIGFPE";
    case SIGILL: return "SIGILL";
    case SIGABRT: return "SIGABRT";
    case SIGTERM: return "SIGTERM";
    default: return "signal";
  }
}

// The memory argument whose buffer or guards hold the pointer, or null.
const ArgumentValue *owner(const Call &call, const void *pointer) {
  for (const ArgumentValue &value : call.values)
    if (value.buffer && value.buffer->guards(pointer)) return &value;
  return nullptr;
}

void add_arguments(Line &words, Line &json, const Call &call) {
  const char *separator = "";
  json.add(", \"arguments\": [");
  for (const ArgumentValue &value : call.values) {
    const Argument &argument = *value.argument;
    words.add("  %s = 0x%" PRIx64, argument.name.c_str(), value.word);
    json.add("%s{\"name\": ", separator);
    json.add_json(argument.name.c_str());
    json.add(", \"value\": %" PRIu64, value.word);
    if (value.buffer) {
      const uint64_t left = value.buffer->end() - value.word;
      words.add(" (%" PRIu64 " bytes to the end of its buffer)", left);
      json.add(", \"bytes\": %" PRIu64, left);
    } else {
      words.add(" (%" PRIu64 ")", value.word);
    }
    words.add("\n");
    json.add("}");
    separator = ", ";
  }
  json.add("]");
}

void add_place(Line &words, Line &json, const Call &call, const void *pointer) {
  const ArgumentValue *value = owner(call, pointer);
  if (!value) return;
  const uint8_t *start = value->buffer->data() + (value->word - value->buffer->address());
  const auto offset = int64_t(static_cast<const uint8_t *>(pointer) - start);
  const char *name = value->argument->name.c_str();
  words.add(", outside the buffer of argument %s, at byte %" PRId64, name, offset);
  json.add(", \"outside\": ");
  json.add_json(name);
  json.add(", \"offset\": %" PRId64, offset);
}

// Whether a pointer lies where a stack that is used up would grow to.
bool is_behind_stack(const void *pointer) {
  constexpr uintptr_t kNear = 1 << 20;
  const auto at = uintptr_t(pointer);
  return lowest_of_stack && at + kNear > lowest_of_stack && at < lowest_of_stack + kNear;
}

// The fault of a kernel if a call is given, else of this program; at an address if one is given.
void report_fault(const Call *call, const char *cause, const siginfo_t *fault) {
  static Line words, json;
  open_event(json, call ? "kernel_crash" : "card_defect");
  json.add(", \"cause\": ");
  json.add_json(cause);
  if (!call) {
    words.add("fpgac card: the device process itself crashed: %s\n", cause);
  } else {
    words.add("fpgac card: kernel %s crashed in compute unit %s: %s", call->kernel->name.c_str(),
              call->instance->name.c_str(), cause);
    json.add(", \"kernel\": ");
    json.add_json(call->kernel->name.c_str());
    json.add(", \"compute_unit\": ");
    json.add_json(call->instance->name.c_str());
    if (fault) {
      const void *pointer = fault->si_addr;
      add_place(words, json, *call, pointer);
      json.add(", \"address\": %" PRIuPTR, uintptr_t(pointer));
      if (is_behind_stack(pointer)) {
        words.add(", its stack is used up");
        json.add(", \"stack\": true");
      }
    }
    words.add("\n");
    add_arguments(words, json, *call);
  }
  json.add("}\n");
  publish(words, json);
}

void describe(Line &words, Line &json, const char *kind, const std::string &sentence,
              const Facts &facts) {
  words.add("fpgac card: %s\n", sentence.c_str());
  open_event(json, kind);
  json.add(", \"cause\": ");
  json.add_json(sentence.c_str());
  for (const auto &[name, value] : facts) {
    json.add(", ");
    json.add_json(name.c_str());
    json.add(": ");
    json.add_json(value.c_str());
  }
  json.add("}\n");
}

// The shim signals the card when its host has crashed; others may want to end the card.
[[noreturn]] void end_by_signal_of(int signal, pid_t sender) {
  static Line words, json;
  const bool by_host = sender == host;
  words.add("fpgac card: %s: %s\n",
            by_host ? "the host program crashed" : "the device process was ended from outside",
            signal_name(signal));
  open_event(json, by_host ? "host_crash" : "card_killed");
  json.add(", \"cause\": \"%s\"}\n", signal_name(signal));
  publish(words, json);
  _exit(1);
}

void on_fault(int signal, siginfo_t *info, void *) {
  if (ending) _exit(1);
  ending = 1;
  const bool sent = info->si_code <= 0 && info->si_pid != getpid();
  if (sent) end_by_signal_of(signal, info->si_pid);
  const bool address = info->si_code > 0 && (signal == SIGSEGV || signal == SIGBUS);
  report_fault(current_call, signal_name(signal), address ? info : nullptr);
  end_by(signal);
}

// A host that hangs is ended from outside, and the card with it: whoever reads what they said last
// learns which kernels were not done.
void await_the_end() {
  sigset_t only;
  sigemptyset(&only);
  sigaddset(&only, SIGTERM);
  int signal = 0;
  sigwait(&only, &signal);
  Line words;
  {
    const std::lock_guard<std::mutex> lock(listing);
    for (const Call *call : running_calls)
      if (!call->kernel->free_running)
        words.add("fpgac card: kernel %s was still running in compute unit %s\n",
                  call->kernel->name.c_str(), call->instance->name.c_str());
  }
  words.write_to(STDERR_FILENO);
  end_by(SIGTERM);
}

void on_exit_of_kernel() {
  report_fault(current_call, "it called exit()", nullptr);
  end_by(SIGABRT);
}

}  // namespace

void report(const char *kind, const std::string &sentence) {
  Line words, json;
  describe(words, json, kind, sentence, {});
  print(words, json);
}

void fail(const char *kind, const std::string &sentence, const Facts &facts) {
  ending = 1;
  Line words, json;
  describe(words, json, kind, sentence, facts);
  publish(words, json);
  end_by(SIGKILL);
}

void watch_faults() {
  host = getppid();
  struct sigaction action {};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigfillset(&action.sa_mask);
  for (int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) sigaction(signal, &action, nullptr);
  signal(SIGINT, SIG_IGN);
  sigset_t end;
  sigemptyset(&end);
  sigaddset(&end, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &end, nullptr);  // in all threads, but for the one that waits for it
  std::thread(await_the_end).detach();
  atexit(on_exit_of_kernel);
}

void enter_call(const Call *call) {
  const std::lock_guard<std::mutex> lock(listing);
  if (call) running_calls.insert(call);
  else running_calls.erase(current_call);
  current_call = call;
}

void use_signal_stack() {
  constexpr size_t kStack = 64 << 10;
  thread_local std::unique_ptr<char[]> memory(new char[kStack]);
  stack_t stack{};
  stack.ss_sp = memory.get();
  stack.ss_size = kStack;
  sigaltstack(&stack, nullptr);
  pthread_attr_t attributes;
  void *lowest = nullptr;
  size_t size = 0;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return;
  pthread_attr_getstack(&attributes, &lowest, &size);
  pthread_attr_destroy(&attributes);
  lowest_of_stack = uintptr_t(lowest);
}

}  // namespace card
