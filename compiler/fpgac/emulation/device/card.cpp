#include "card.hpp"

#include <cstdlib>
#include <cstring>
#include <new>
#include <sstream>

#include "events.hpp"

namespace card {
namespace {

// The calls of the shim's protocol that a card without streams and graphs is asked for.
enum : uint32_t {
  kClose = 1,
  kLoadBitstream = 3,
  kAllocate = 4,
  kRelease = 5,
  kCopyIn = 6,
  kCopyOut = 7,
  kWriteRegisters = 9,
  kReadRegisters = 11,
  kSetEnvironment = 20,
  kImport = 27,
  kSetupInstance = 28,
  kWriteRegister = 51,
  kReadRegister = 52,
};

std::string range(uint64_t address, uint64_t size) {
  std::ostringstream text;
  text << size << " bytes at 0x" << std::hex << address;
  return text.str();
}

}  // namespace

// XRT says of every buffer that it is shared, unless what stands in front of it tells the truth.
Card::Card() : shares_(getenv("FPGAC_CARD_SHARES")) {}

bool Card::answer(const Request &request, Reply &reply) {
  const Message message = Message::parse(request.body);
  switch (request.call) {
    case kClose:
      reply.add(1, 1);
      if (message.number(3)) return false;
      program_.reset();
      break;
    case kLoadBitstream: load(message, reply); break;
    case kAllocate: allocate(message, reply); break;
    case kRelease: release(message, reply); break;
    case kImport: import(message, reply); break;
    case kCopyIn: copy_in(message, reply); break;
    case kCopyOut: copy_out(message, reply); break;
    case kWriteRegisters: write_registers(message.number(2), message.bytes(4), reply); break;
    case kReadRegisters: read_registers(message.number(2), message.number(3), reply); break;
    case kWriteRegister:
      write_registers(message.number(1) + message.number(2), message.bytes(3), reply);
      break;
    case kReadRegister:
      read_registers(message.number(1) + message.number(2), 4, reply);
      break;
    case kSetEnvironment:
    case kSetupInstance: reply.add(1, 1); break;
    default:
      report("unknown_call", "the shim asked for call " + std::to_string(request.call) +
                                 ", which this card does not offer");
      reply.add(1, 0);
  }
  return true;
}

void Card::load(const Message &message, Reply &reply) {
  const std::string metadata = message.text(1), library = message.text(2);
  program_.reset();
  // A host that opens the card before it has an xclbin names no files.
  if (!library.empty()) {
    try {
      program_ = std::make_unique<Program>(metadata, library);
    } catch (const std::runtime_error &error) {
      fail("refused_program", std::string("the xclbin is refused: ") + error.what());
    }
  }
  reply.add(1, 1);
}

void Card::allocate(const Message &message, Reply &reply) {
  const uint64_t address = message.number(1), size = message.number(2);
  bool done = false;
  try {
    done = memory_.allocate(address, size, shares_ && message.number(3));
  } catch (const std::bad_alloc &) {
  }
  if (!done)
    fail("bad_allocation", "the host asked for " + range(address, size) + ", which cannot be had");
  reply.add(1, 1);
  file_ = memory_.find(address, 1)->file();
  if (!file_.empty())
    reply.add_payload(2, {reinterpret_cast<const uint8_t *>(file_.data()), file_.size()});
}

void Card::import(const Message &message, Reply &reply) {
  const uint64_t address = message.number(2);
  const auto buffer = memory_.find(address, 1);
  if (!buffer || !buffer->attach(message.text(1)))
    fail("bad_allocation", "the buffer that the host imports at " + range(address, message.number(3)) +
                               " cannot be had");
  reply.add(1, 1);
}

void Card::release(const Message &message, Reply &reply) {
  const uint64_t address = message.number(1);
  if (!memory_.release(address))
    report("bad_release", "the host released a buffer that is not there: " + range(address, 0));
  reply.add(1, 1);
}

void Card::copy_in(const Message &message, Reply &reply) {
  const uint64_t address = message.number(3), size = message.number(5);
  const Bytes data = message.bytes(4);
  if (data.size < size) throw BadMessage("a transfer carries fewer bytes than it says");
  const auto buffer = memory_.find(address, size);
  if (!buffer)
    fail("bad_transfer", "the host wrote " + range(address, size) + ", where it has no buffer");
  memcpy(buffer->data() + (address - buffer->address()), data.data, size);
  reply.add(1, size);
}

void Card::copy_out(const Message &message, Reply &reply) {
  const uint64_t address = message.number(4), size = message.number(5);
  buffer_read_ = memory_.find(address, size);
  if (!buffer_read_)
    fail("bad_transfer", "the host read " + range(address, size) + ", where it has no buffer");
  reply.add(1, size);
  reply.add_payload(2, {buffer_read_->data() + (address - buffer_read_->address()), size_t(size)});
}

ComputeUnit &Card::unit_at(uint64_t address, uint64_t size, const char *doing) const {
  ComputeUnit *unit = program_ ? program_->find(address, size) : nullptr;
  if (!unit)
    fail("bad_register", std::string("the host ") + doing +
                             " registers where no compute unit is: " + range(address, size));
  return *unit;
}

void Card::write_registers(uint64_t address, Bytes data, Reply &reply) {
  ComputeUnit &unit = unit_at(address, data.size, "wrote");
  unit.write(address - unit.instance().base, data, memory_);
  reply.add(1, 1);
}

void Card::read_registers(uint64_t address, uint64_t size, Reply &reply) {
  ComputeUnit &unit = unit_at(address, size, "read");
  registers_read_ = unit.read(address - unit.instance().base, size);
  reply.add(1, 1);
  reply.add_payload(2, {registers_read_.data(), registers_read_.size()});
}

}  // namespace card
