// native_host XCLBIN NAME: a call with a scalar behind its only buffer.
// native_host XCLBIN KERNEL COUNT [DEVICE] [ENDING]: c = a + b over 4096 numbers, COUNT of them
// asked for; ENDING is how the host ends after that: exit, fail, abort, segfault or hang.
#include <xrt/xrt_bo.h>
#include <xrt/xrt_device.h>
#include <xrt/xrt_kernel.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string>

template <class Scalar>
int call(xrt::device &device, xrt::kernel &kernel, Scalar last) {
  xrt::bo out(device, 4096, kernel.group_id(0));
  kernel(out, last).wait();
  out.sync(XCL_BO_SYNC_BO_FROM_DEVICE);
  std::cout << "out " << *out.map<int *>() << std::endl;
  return 0;
}

int main(int argc, char **argv) {
  constexpr unsigned kNumbers = 4096;
  const std::string ending = argc > 5 ? argv[5] : "exit";
  xrt::device device(argc > 4 ? unsigned(atoi(argv[4])) : 0u);
  const auto uuid = device.load_xclbin(std::string(argv[1]));
  xrt::kernel kernel(device, uuid, argv[2]);
  const std::string name(argv[2]);
  if (name == "last_char") return call<signed char>(device, kernel, -7);
  if (name != "last_short" && name.find('{') == std::string::npos) return call<int>(device, kernel, 7);
  if (name == "last_short") return call<unsigned short>(device, kernel, 60000);
  xrt::bo a(device, 4 * kNumbers, kernel.group_id(0)), b(device, 4 * kNumbers, kernel.group_id(1)),
      c(device, 4 * kNumbers, kernel.group_id(2));
  int *in_a = a.map<int *>(), *in_b = b.map<int *>(), *out = c.map<int *>();
  for (unsigned i = 0; i < kNumbers; ++i) {
    in_a[i] = int(i);
    in_b[i] = int(i * i);
    out[i] = -1;
  }
  a.sync(XCL_BO_SYNC_BO_TO_DEVICE);
  b.sync(XCL_BO_SYNC_BO_TO_DEVICE);
  kernel(a, b, c, unsigned(atoi(argv[3]))).wait();
  std::cout << "address " << a.address() << "\nbefore sync " << out[5] << std::endl;
  c.sync(XCL_BO_SYNC_BO_FROM_DEVICE);
  int wrong = 0;
  for (unsigned i = 0; i < kNumbers; ++i) wrong += out[i] != int(i + i * i);
  std::cout << "after sync " << out[5] << "\nwrong " << wrong << std::endl;
  if (ending == "fail") return 3;
  if (ending == "abort") {
    std::signal(SIGABRT, SIG_DFL);  // XRT's own handler exits through destructors that race
    abort();
  }
  if (ending == "segfault") *static_cast<volatile int *>(nullptr) = 1;
  while (ending == "hang") {
  }
  return wrong != 0;
}
