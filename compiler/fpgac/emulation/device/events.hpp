// What went wrong on the card, said twice: in words on stderr, and as one line of JSON. Failures
// are also appended, as JSON, to the file named by FPGAC_CARD_EVENTS.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace card {

struct Call;

// Named facts beside an event's sentence.
using Facts = std::vector<std::pair<std::string, std::string>>;

// An oddity that the card can live with: only printed.
void report(const char *kind, const std::string &sentence);

// A failure of that kind ("bad_transfer", ...): ends the process by a signal, because the shim
// takes its host down on nothing less.
[[noreturn]] void fail(const char *kind, const std::string &sentence, const Facts &facts = {});

// From here on, faults are reported with the call that the faulting thread works on.
void watch_faults();
// Names the call that this thread is about to make (null: none), and gives it a signal stack.
void enter_call(const Call *call);
void use_signal_stack();

}  // namespace card
