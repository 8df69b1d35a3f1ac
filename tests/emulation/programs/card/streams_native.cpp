// streams_native XCLBIN: reader and writer at once, the adder between them runs by itself.
#include <xrt/xrt_bo.h>
#include <xrt/xrt_device.h>
#include <xrt/xrt_kernel.h>

#include <iostream>

int main(int, char **argv) {
  constexpr unsigned kNumbers = 1000;
  xrt::device device(0u);
  const auto uuid = device.load_xclbin(std::string(argv[1]));
  xrt::kernel reader(device, uuid, "reader"), writer(device, uuid, "writer");
  xrt::bo in(device, 4 * kNumbers, reader.group_id(0)), out(device, 4 * kNumbers, writer.group_id(1));
  for (unsigned i = 0; i < kNumbers; ++i) in.map<int *>()[i] = int(i);
  in.sync(XCL_BO_SYNC_BO_TO_DEVICE);
  for (int round = 0; round < 3; ++round) {
    xrt::run writing(writer), reading(reader);
    writing.set_arg(1, out), writing.set_arg(2, 1u), writing.set_arg(3, -3);
    writing.set_arg(4, 1);
    reading.set_arg(0, in), reading.set_arg(2, kNumbers);
    writing.start(), reading.start();
    reading.wait(), writing.wait();
    out.sync(XCL_BO_SYNC_BO_FROM_DEVICE);
    unsigned right = 0;
    for (unsigned i = 0; i < kNumbers; ++i) right += out.map<int *>()[i] == int(2 * (i + 10 - 3));
    std::cout << "right " << right << std::endl;
  }
}
