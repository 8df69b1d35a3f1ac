// streams_opencl XCLBIN: reader and writer on an out-of-order queue.
#define CL_HPP_TARGET_OPENCL_VERSION 120
#define CL_HPP_MINIMUM_OPENCL_VERSION 120
#define CL_HPP_ENABLE_PROGRAM_CONSTRUCTION_FROM_ARRAY_COMPATIBILITY 1
#define CL_HPP_ENABLE_EXCEPTIONS
#include <CL/opencl.hpp>

#include <fstream>
#include <iostream>
#include <iterator>
#include <vector>

int main(int, char **argv) {
  constexpr unsigned kNumbers = 1000;
  std::ifstream file(argv[1], std::ios::binary);
  const std::vector<unsigned char> xclbin((std::istreambuf_iterator<char>(file)), {});
  std::vector<cl::Platform> platforms;
  cl::Platform::get(&platforms);
  for (const cl::Platform &platform : platforms) {
    if (platform.getInfo<CL_PLATFORM_NAME>() != "Xilinx") continue;
    std::vector<cl::Device> devices;
    platform.getDevices(CL_DEVICE_TYPE_ACCELERATOR, &devices);
    cl::Context context(devices[0]);
    cl::CommandQueue queue(context, devices[0], CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE);
    cl::Program program(context, {devices[0]},
                        cl::Program::Binaries{{xclbin.data(), xclbin.size()}});
    cl::Kernel reader(program, "reader"), writer(program, "writer");
    std::vector<int> in(kNumbers), out(kNumbers);
    for (unsigned i = 0; i < kNumbers; ++i) in[i] = int(i);
    cl::Buffer from(context, CL_MEM_READ_ONLY, 4 * kNumbers), to(context, CL_MEM_WRITE_ONLY, 4 * kNumbers);
    reader.setArg(0, from), reader.setArg(2, kNumbers);
    writer.setArg(1, to), writer.setArg(2, cl_uchar(1)), writer.setArg(3, cl_short(-3));
    writer.setArg(4, 1);
    queue.enqueueWriteBuffer(from, CL_TRUE, 0, 4 * kNumbers, in.data());
    queue.enqueueTask(writer), queue.enqueueTask(reader);
    queue.finish();
    queue.enqueueReadBuffer(to, CL_TRUE, 0, 4 * kNumbers, out.data());
    unsigned right = 0;
    for (unsigned i = 0; i < kNumbers; ++i) right += out[i] == int(2 * (i + 10 - 3));
    std::cout << "right " << right << std::endl;
  }
}
