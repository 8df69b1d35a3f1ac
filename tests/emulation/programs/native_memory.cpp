// native_memory XCLBIN: buffers of all kinds under native XRT. One line for each that is right.
#include <xrt/xrt_bo.h>
#include <xrt/xrt_device.h>
#include <xrt/xrt_kernel.h>

#include <cstring>
#include <iostream>
#include <numeric>
#include <vector>

constexpr unsigned kNumbers = 4096;
constexpr size_t kBytes = kNumbers * sizeof(int);

// c = a + b, where a is of another kind; says what the host sees of it without a sync.
void add(xrt::device &device, xrt::kernel &kernel, xrt::bo::flags kind, const char *name) {
  xrt::bo a(device, kBytes, kind, kernel.group_id(0)), b(device, kBytes, kernel.group_id(1)),
      c(device, kBytes, kind, kernel.group_id(2));
  int *in_a = a.map<int *>(), *in_b = b.map<int *>(), *out = c.map<int *>();
  for (unsigned i = 0; i < kNumbers; ++i) in_a[i] = int(i), in_b[i] = 3, out[i] = -1;
  b.sync(XCL_BO_SYNC_BO_TO_DEVICE);
  kernel(a, b, c, kNumbers).wait();
  int right = 0;
  for (unsigned i = 0; i < kNumbers; ++i) right += out[i] == int(i) + 3;
  std::cout << name << " without sync " << right << std::endl;
}

std::vector<int> counted(size_t count) {
  std::vector<int> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 1);
  return numbers;
}

void copy(xrt::device &device, int bank, size_t bytes, size_t size, size_t from, size_t to) {
  const std::vector<int> numbers = counted(bytes / sizeof(int));
  xrt::bo source(device, bytes, bank), target(device, bytes, bank);
  source.write(numbers.data());
  source.sync(XCL_BO_SYNC_BO_TO_DEVICE);
  target.copy(source, size, from, to);
  target.sync(XCL_BO_SYNC_BO_FROM_DEVICE);
  const char *seen = target.map<const char *>();
  const char *sent = reinterpret_cast<const char *>(numbers.data());
  const bool same = memcmp(seen + to, sent + from, size) == 0;
  const bool alone = to == 0 || (seen[0] == 0 && memcmp(seen, seen + 1, to - 1) == 0);
  std::cout << "copy of " << size << " from " << from << " to " << to << " right "
            << (same && alone) << std::endl;
}

// A P2P buffer of one card is read by the kernel of another.
void between_cards(const char *xclbin) {
  xrt::device first(0), second(1);
  const auto uuid = first.load_xclbin(std::string(xclbin));
  second.load_xclbin(std::string(xclbin));
  xrt::kernel one(first, uuid, "vadd:{vadd_1}"), other(second, uuid, "vadd:{vadd_1}");
  xrt::bo shared(first, kBytes, xrt::bo::flags::p2p, one.group_id(0));
  int *numbers = shared.map<int *>();
  for (unsigned i = 0; i < kNumbers; ++i) numbers[i] = int(i);
  xrt::bo imported(second, shared.export_buffer()), local(second, kBytes, other.group_id(0));
  local.copy(imported, kBytes);
  xrt::bo out(second, kBytes, other.group_id(2));
  other(local, local, out, kNumbers).wait();
  out.sync(XCL_BO_SYNC_BO_FROM_DEVICE);
  int right = 0;
  for (unsigned i = 0; i < kNumbers; ++i) right += out.map<int *>()[i] == int(2 * i);
  std::cout << "between cards " << right << std::endl;
}

int main(int argc, char **argv) {
  if (argc > 2) return between_cards(argv[1]), 0;
  xrt::device device(0u);
  const auto uuid = device.load_xclbin(std::string(argv[1]));
  xrt::kernel kernel(device, uuid, "vadd:{vadd_1}");
  add(device, kernel, xrt::bo::flags::p2p, "p2p");
  add(device, kernel, xrt::bo::flags::host_only, "host_only");
  add(device, kernel, xrt::bo::flags::normal, "normal");
  xrt::kernel of_host(device, uuid, "vadd:{vadd_4}");
  add(device, of_host, xrt::bo::flags::host_only, "HOST[0]");
  copy(device, kernel.group_id(0), 16384, 4096, 0, 8192);
  copy(device, kernel.group_id(0), 16384, 4096, 8192, 0);
  copy(device, kernel.group_id(0), 32 << 20, 17 << 20, 4096, 12288);
}
