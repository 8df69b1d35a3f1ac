#include "wire.hpp"

#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

namespace card {
namespace {

// The shim sends at most 8 MB of data at once; the rest is room for the fields around it.
constexpr uint64_t kLargestMessage = 64u << 20;
constexpr auto kConnectTime = std::chrono::seconds(60);

enum WireType : uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

class Reader {
public:
  explicit Reader(Bytes bytes) : at_(bytes.data), end_(bytes.data + bytes.size) {}

  bool done() const { return at_ == end_; }

  uint64_t varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const uint8_t byte = *take(1);
      value |= uint64_t(byte & 0x7f) << shift;
      if (!(byte & 0x80)) return value;
    }
    throw BadMessage("a number is longer than 64 bits");
  }

  template <typename T> T fixed() {
    T value;
    memcpy(&value, take(sizeof value), sizeof value);
    return value;
  }

  Bytes bytes() {
    const uint64_t size = varint();
    return {take(size), size_t(size)};
  }

private:
  const uint8_t *take(uint64_t size) {
    if (uint64_t(end_ - at_) < size) throw BadMessage("a field ends beyond its message");
    const uint8_t *start = at_;
    at_ += size;
    return start;
  }

  const uint8_t *at_;
  const uint8_t *end_;
};

void put_varint(std::string &out, uint64_t value) {
  for (; value > 0x7f; value >>= 7) out += char(value | 0x80);
  out += char(value);
}

}  // namespace

Message Message::parse(Bytes bytes) {
  Message message;
  Reader reader(bytes);
  while (!reader.done()) {
    const uint64_t key = reader.varint();
    Field field{uint32_t(key >> 3), 0, {}};
    switch (key & 7) {
      case kVarint: field.value = reader.varint(); break;
      case kFixed64: field.value = reader.fixed<uint64_t>(); break;
      case kFixed32: field.value = reader.fixed<uint32_t>(); break;
      case kBytes: field.bytes = reader.bytes(); break;
      default: throw BadMessage("a field has the unknown wire type " + std::to_string(key & 7));
    }
    message.fields_.push_back(field);
  }
  return message;
}

uint64_t Message::number(uint32_t number) const {
  for (const Field &field : fields_)
    if (field.number == number) return field.value;
  return 0;
}

Bytes Message::bytes(uint32_t number) const {
  for (const Field &field : fields_)
    if (field.number == number) return field.bytes;
  return {};
}

std::string Message::text(uint32_t number) const {
  const Bytes found = bytes(number);
  return {reinterpret_cast<const char *>(found.data), found.size};
}

void Reply::add(uint32_t field, uint64_t value) {
  put_varint(head_, field << 3 | kVarint);
  put_varint(head_, value);
}

void Reply::add_payload(uint32_t field, Bytes payload) {
  put_varint(head_, field << 3 | kBytes);
  put_varint(head_, payload.size);
  payload_ = payload;
}

Connection::Connection(const std::string &path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    throw std::runtime_error("the socket's path is too long: " + path);
  memcpy(address.sun_path, path.c_str(), path.size() + 1);

  const pid_t host = getppid();
  const auto deadline = std::chrono::steady_clock::now() + kConnectTime;
  for (;;) {
    socket_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (socket_ < 0) throw std::runtime_error(std::string("socket: ") + strerror(errno));
    if (connect(socket_, reinterpret_cast<sockaddr *>(&address), sizeof address) == 0) return;
    close(socket_);
    socket_ = -1;
    if (getppid() != host || std::chrono::steady_clock::now() > deadline)
      throw std::runtime_error("no host listens at " + path);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

Connection::~Connection() {
  if (socket_ >= 0) close(socket_);
}

bool Connection::read_all(void *data, size_t size) {
  auto *at = static_cast<uint8_t *>(data);
  while (size > 0) {
    const ssize_t got = read(socket_, at, size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += got;
    size -= size_t(got);
  }
  return true;
}

bool Connection::receive(Request &request) {
  // Field 1, fixed64: the body's size. Field 2, fixed32: the call.
  uint8_t header[14];
  if (!read_all(header, sizeof header)) return false;
  if (header[0] != 0x09 || header[9] != 0x15) throw BadMessage("a frame does not begin as it must");
  uint64_t size;
  memcpy(&size, header + 1, sizeof size);
  memcpy(&request.call, header + 10, sizeof request.call);
  if (size > kLargestMessage)
    throw BadMessage("a message of " + std::to_string(size) + " bytes is too long");
  if (buffer_.size() < size) buffer_.resize(size);
  if (!read_all(buffer_.data(), size)) return false;
  request.body = {buffer_.data(), size_t(size)};
  return true;
}

bool Connection::send(const Reply &reply) {
  const Bytes payload = reply.payload();
  uint8_t header[9] = {0x09};
  const uint64_t size = reply.head().size() + payload.size;
  memcpy(header + 1, &size, sizeof size);

  iovec parts[3] = {{header, sizeof header},
                    {const_cast<char *>(reply.head().data()), reply.head().size()},
                    {const_cast<uint8_t *>(payload.data), payload.size}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 3;
  while (message.msg_iovlen > 0) {
    ssize_t sent = sendmsg(socket_, &message, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return false;
    while (message.msg_iovlen > 0 && size_t(sent) >= message.msg_iov->iov_len) {
      sent -= ssize_t(message.msg_iov->iov_len);
      ++message.msg_iov;
      --message.msg_iovlen;
    }
    if (message.msg_iovlen > 0) {
      message.msg_iov->iov_base = static_cast<uint8_t *>(message.msg_iov->iov_base) + sent;
      message.msg_iov->iov_len -= size_t(sent);
    }
  }
  return true;
}

}  // namespace card
