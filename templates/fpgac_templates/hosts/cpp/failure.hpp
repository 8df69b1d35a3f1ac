// What ends a host: one line for the user, and the exit code.

#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace fpga {

enum ExitCode { DONE = 0, BAD_COMMAND_LINE = 2, BAD_FILE = 3, BAD_CARD = 4, BAD_XCLBIN = 5, BAD_RUN = 6 };

// What ends the program: one line for the user, and the exit code.
struct Failure : std::runtime_error {
    Failure(ExitCode code, const std::string& text) : std::runtime_error(text), code(code) {}
    ExitCode code;
};

template <class... Parts> std::string text(const Parts&... parts) {
    std::ostringstream out;
    (out << ... << parts);
    return out.str();
}

} // namespace fpga
