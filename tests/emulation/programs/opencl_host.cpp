// opencl_host XCLBIN: both compute units of vadd at once, on every device there is.
#define CL_HPP_TARGET_OPENCL_VERSION 120
#define CL_HPP_MINIMUM_OPENCL_VERSION 120
#define CL_HPP_ENABLE_PROGRAM_CONSTRUCTION_FROM_ARRAY_COMPATIBILITY 1
#define CL_HPP_ENABLE_EXCEPTIONS
#include <CL/opencl.hpp>

#include <fstream>
#include <iostream>
#include <iterator>
#include <vector>

int run(const cl::Device &device, const std::vector<unsigned char> &xclbin) {
  constexpr unsigned kNumbers = 100000;
  cl::Context context(device);
  cl::CommandQueue queue(context, device, CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE);
  cl::Program program(context, {device}, cl::Program::Binaries{{xclbin.data(), xclbin.size()}});
  const size_t bytes = kNumbers * sizeof(int);
  std::vector<int> a(kNumbers), b(kNumbers), results[2];
  for (unsigned i = 0; i < kNumbers; ++i) a[i] = int(i), b[i] = 7 - int(2 * i);
  std::vector<cl::Kernel> kernels;
  std::vector<cl::Buffer> keep;
  for (int unit = 0; unit < 2; ++unit) {
    cl::Kernel kernel(program, unit == 0 ? "vadd:{vadd_1}" : "vadd:{vadd_2}");
    cl::Buffer in_a(context, CL_MEM_READ_ONLY, bytes), in_b(context, CL_MEM_READ_ONLY, bytes),
        out(context, CL_MEM_WRITE_ONLY, bytes);
    kernel.setArg(0, in_a), kernel.setArg(1, in_b), kernel.setArg(2, out);
    kernel.setArg(3, kNumbers);
    queue.enqueueWriteBuffer(in_a, CL_TRUE, 0, bytes, unit == 0 ? a.data() : b.data());
    queue.enqueueWriteBuffer(in_b, CL_TRUE, 0, bytes, b.data());
    kernels.push_back(kernel);
    keep.insert(keep.end(), {in_a, in_b, out});
  }
  for (const cl::Kernel &kernel : kernels) queue.enqueueTask(kernel);
  queue.finish();
  int wrong = 0;
  for (int unit = 0; unit < 2; ++unit) {
    results[unit].resize(kNumbers);
    queue.enqueueReadBuffer(keep[size_t(3 * unit + 2)], CL_TRUE, 0, bytes, results[unit].data());
    for (unsigned i = 0; i < kNumbers; ++i)
      wrong += results[unit][i] != (unit == 0 ? a[i] : b[i]) + b[i];
  }
  std::cout << device.getInfo<CL_DEVICE_NAME>() << " wrong " << wrong << std::endl;
  return wrong;
}

int main(int, char **argv) {
  std::ifstream file(argv[1], std::ios::binary);
  const std::vector<unsigned char> xclbin((std::istreambuf_iterator<char>(file)), {});
  std::vector<cl::Platform> platforms;
  cl::Platform::get(&platforms);
  int wrong = 0, devices = 0;
  for (const cl::Platform &platform : platforms) {
    if (platform.getInfo<CL_PLATFORM_NAME>() != "Xilinx") continue;
    std::vector<cl::Device> found;
    platform.getDevices(CL_DEVICE_TYPE_ACCELERATOR, &found);
    for (const cl::Device &device : found) wrong += run(device, xclbin), ++devices;
  }
  std::cout << "devices " << devices << std::endl;
  return wrong != 0 || devices == 0;
}
