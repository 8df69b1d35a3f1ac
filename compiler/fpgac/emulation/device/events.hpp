// What went wrong on the card, said twice: in words on stderr, and as one line of JSON that is
// also appended to the file named by FPGAC_CARD_EVENTS.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace card {

struct Call;

// One event: its kind ("kernel_crash", "bad_transfer", ...), a sentence, and named facts.
void report(const char *kind, const std::string &sentence,
            const std::vector<std::pair<std::string, std::string>> &facts = {});

// Reports, then ends the process by a signal: the shim takes its host down on nothing less.
[[noreturn]] void fail(const char *kind, const std::string &sentence,
                       const std::vector<std::pair<std::string, std::string>> &facts = {});

// From here on, faults are reported with the call that the faulting thread works on.
void watch_faults();
// Names the call that this thread is about to make (null: none), and gives it a signal stack.
void enter_call(const Call *call);
void use_signal_stack();

}  // namespace card
