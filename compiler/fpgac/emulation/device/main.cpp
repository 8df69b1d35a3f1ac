// The device process that XRT's sw_emu shim starts: a card made of software. It lives as long as
// its host holds the socket open.
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include "card.hpp"
#include "events.hpp"
#include "wire.hpp"

namespace {

std::string variable(const char *name, const char *otherwise) {
  const char *value = getenv(name);
  return value && *value ? value : otherwise;
}

std::string socket_path() {
  const std::string user = variable("USER", "");
  return "/tmp/" + (user.empty() ? user : user + "/") + variable("EMULATION_SOCKETID", "xcl_sock");
}

void serve(card::Connection &host) {
  card::Card card;
  card::Request request;
  for (bool more = true; more && host.receive(request);) {
    card::Reply reply;
    more = card.answer(request, reply);
    if (!host.send(reply)) break;
  }
  // A kernel may still run: leave without waiting for it.
  _exit(0);
}

// Every buffer that is shared with the host is an open file.
void allow_many_files() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main() {
  // What kernels print is seen at once, and not lost where this process leaves or is ended.
  setvbuf(stdout, nullptr, _IOLBF, 0);
  allow_many_files();
  card::watch_faults();
  card::use_signal_stack();
  try {
    card::Connection host(socket_path());
    serve(host);
  } catch (const card::BadMessage &error) {
    card::fail("bad_message", std::string("a message cannot be understood: ") + error.what());
  } catch (const std::exception &error) {
    card::fail("card_defect", std::string("the device process fails: ") + error.what());
  }
}
