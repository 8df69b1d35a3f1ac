// The card behind the wire: answers one request at a time.
#pragma once

#include "memory.hpp"
#include "program.hpp"
#include "wire.hpp"

namespace card {

class Card {
public:
  Card();

  // False when the host has said farewell: the reply is to be sent first. Throws BadMessage.
  bool answer(const Request &request, Reply &reply);

private:
  void load(const Message &message, Reply &reply);
  void allocate(const Message &message, Reply &reply);
  void release(const Message &message, Reply &reply);
  void import(const Message &message, Reply &reply);
  void copy_in(const Message &message, Reply &reply);
  void copy_out(const Message &message, Reply &reply);
  void write_registers(uint64_t address, Bytes data, Reply &reply);
  void read_registers(uint64_t address, uint64_t size, Reply &reply);

  ComputeUnit &unit_at(uint64_t address, uint64_t size, const char *doing) const;

  Memory memory_;
  std::unique_ptr<Program> program_;  // null until an xclbin is loaded
  bool shares_;  // whether requests tell which buffers are shared with the host
  std::vector<uint8_t> registers_read_;
  std::string file_;  // of the buffer allocated last, kept until it is sent
  std::shared_ptr<const Buffer> buffer_read_;  // kept until its bytes are sent
};

}  // namespace card
