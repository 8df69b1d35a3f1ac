// The messages between XRT's sw_emu shim and the card: proto2 fields over a unix socket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace card {

// A message that does not follow the protocol; the text says why.
struct BadMessage : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Bytes {
  const uint8_t *data = nullptr;
  size_t size = 0;
};

// The fields of one message. Views into the bytes that it was parsed from.
class Message {
public:
  // Throws BadMessage on truncated or unknown encodings.
  static Message parse(Bytes bytes);

  // The first field of that number, or zero / empty if the sender left it out.
  uint64_t number(uint32_t field) const;
  Bytes bytes(uint32_t field) const;
  std::string text(uint32_t field) const;

private:
  struct Field {
    uint32_t number;
    uint64_t value;
    Bytes bytes;
  };
  std::vector<Field> fields_;
};

// A reply under construction. The payload is sent after all other fields and is not copied.
class Reply {
public:
  void add(uint32_t field, uint64_t value);
  void add_payload(uint32_t field, Bytes payload);

  const std::string &head() const { return head_; }
  Bytes payload() const { return payload_; }

private:
  std::string head_;
  Bytes payload_;
};

struct Request {
  uint32_t call = 0;
  Bytes body;  // valid until the next receive()
};

// The card's end of the socket. The host's end listens; the card connects.
class Connection {
public:
  // Throws std::runtime_error if nobody listens before the host is gone or the time is over.
  explicit Connection(const std::string &path);
  ~Connection();
  Connection(const Connection &) = delete;
  Connection &operator=(const Connection &) = delete;

  // False at the end of the stream; throws BadMessage on a malformed frame.
  bool receive(Request &request);
  // False if the host has gone.
  bool send(const Reply &reply);

private:
  bool read_all(void *data, size_t size);

  int socket_ = -1;
  std::vector<uint8_t> buffer_;
};

}  // namespace card
