// opencl_memory XCLBIN: what OpenCL hosts do with the card's memories. One line for each.
#define CL_HPP_TARGET_OPENCL_VERSION 120
#define CL_HPP_MINIMUM_OPENCL_VERSION 120
#define CL_HPP_ENABLE_PROGRAM_CONSTRUCTION_FROM_ARRAY_COMPATIBILITY 1
#define CL_HPP_ENABLE_EXCEPTIONS
#include <CL/opencl.hpp>
#include <CL/cl_ext_xilinx.h>

#include <fstream>
#include <iostream>
#include <iterator>
#include <numeric>
#include <vector>

constexpr unsigned kNumbers = 4096;
constexpr size_t kBytes = kNumbers * sizeof(int);

struct Card {
  cl::Context context;
  cl::CommandQueue queue;
  cl::Program program;
  cl::Kernel kernel(const char *name) const { return {program, name}; }
};

cl::Buffer buffer(const Card &card, unsigned flags) {
  cl_mem_ext_ptr_t where{};
  where.flags = flags;
  return {card.context, CL_MEM_READ_WRITE | CL_MEM_EXT_PTR_XILINX, kBytes, &where};
}

// c = a + b with each buffer in the memory of that index.
void add(const Card &card, const char *unit, unsigned bank) {
  std::vector<int> a(kNumbers), b(kNumbers, 5), c(kNumbers, -1);
  std::iota(a.begin(), a.end(), 0);
  try {
    cl::Kernel kernel = card.kernel(unit);
    cl::Buffer in_a = buffer(card, XCL_MEM_TOPOLOGY | bank), in_b = buffer(card, XCL_MEM_TOPOLOGY | bank),
               out = buffer(card, XCL_MEM_TOPOLOGY | bank);
    kernel.setArg(0, in_a), kernel.setArg(1, in_b), kernel.setArg(2, out);
    kernel.setArg(3, kNumbers);
    card.queue.enqueueWriteBuffer(in_a, CL_TRUE, 0, kBytes, a.data());
    card.queue.enqueueWriteBuffer(in_b, CL_TRUE, 0, kBytes, b.data());
    card.queue.enqueueTask(kernel);
    card.queue.finish();
    card.queue.enqueueReadBuffer(out, CL_TRUE, 0, kBytes, c.data());
  } catch (const cl::Error &error) {
    std::cout << unit << " in memory " << bank << " fails with " << error.err() << std::endl;
    return;
  }
  int right = 0;
  for (unsigned i = 0; i < kNumbers; ++i) right += c[i] == a[i] + b[i];
  std::cout << unit << " in memory " << bank << " right " << right << std::endl;
}

// The kernel's output is seen through the mapping, without a transfer.
void mapped(const Card &card, unsigned flags, const char *name) {
  cl::Kernel kernel = card.kernel("vadd:{vadd_1}");
  cl::Buffer in = buffer(card, flags), out = buffer(card, flags);
  kernel.setArg(0, in), kernel.setArg(1, in), kernel.setArg(2, out);
  kernel.setArg(3, kNumbers);
  auto map = [&](const cl::Buffer &which) {
    return static_cast<int *>(card.queue.enqueueMapBuffer(
        which, CL_TRUE, CL_MAP_READ | CL_MAP_WRITE, 0, kBytes));
  };
  int *numbers = map(in), *results = map(out);
  std::iota(numbers, numbers + kNumbers, 0);
  card.queue.enqueueTask(kernel);
  card.queue.finish();
  int right = 0;
  for (unsigned i = 0; i < kNumbers; ++i) right += results[i] == int(2 * i);
  std::cout << name << " mapped right " << right << std::endl;
}

void copy(const Card &card, size_t bytes, size_t size, size_t from, size_t to) {
  std::vector<unsigned char> sent(bytes), seen(bytes);
  for (size_t i = 0; i < bytes; ++i) sent[i] = static_cast<unsigned char>(i * 7 + i / 256);
  cl::Buffer source(card.context, CL_MEM_READ_WRITE, bytes), target(card.context, CL_MEM_READ_WRITE, bytes);
  cl::Kernel kernel = card.kernel("vadd:{vadd_1}");
  kernel.setArg(0, source), kernel.setArg(1, target);
  card.queue.enqueueWriteBuffer(source, CL_TRUE, 0, bytes, sent.data());
  card.queue.enqueueWriteBuffer(target, CL_TRUE, 0, bytes, seen.data());
  card.queue.enqueueMigrateMemObjects({source, target}, 0);  // XRT writes to the card only then
  card.queue.enqueueCopyBuffer(source, target, from, to, size);
  card.queue.finish();
  card.queue.enqueueReadBuffer(target, CL_TRUE, 0, bytes, seen.data());
  size_t right = 0;
  for (size_t i = 0; i < bytes; ++i)
    right += seen[i] == (i >= to && i < to + size ? sent[i - to + from] : 0);
  std::cout << "copy of " << size << " right " << (right == bytes) << std::endl;
}

template <class Scalar> void narrow(const Card &card, const char *name, Scalar last) {
  cl::Kernel kernel = card.kernel(name);
  cl::Buffer out(card.context, CL_MEM_WRITE_ONLY, kBytes);
  kernel.setArg(0, out), kernel.setArg(1, last);
  card.queue.enqueueTask(kernel);
  int result = 0;
  card.queue.enqueueReadBuffer(out, CL_TRUE, 0, sizeof result, &result);
  std::cout << name << " " << result << std::endl;
}

int main(int, char **argv) {
  std::ifstream file(argv[1], std::ios::binary);
  const std::vector<unsigned char> xclbin((std::istreambuf_iterator<char>(file)), {});
  std::vector<cl::Platform> platforms;
  cl::Platform::get(&platforms);
  for (const cl::Platform &platform : platforms) {
    if (platform.getInfo<CL_PLATFORM_NAME>() != "Xilinx") continue;
    std::vector<cl::Device> devices;
    platform.getDevices(CL_DEVICE_TYPE_ACCELERATOR, &devices);
    const cl::Context context(devices[0]);
    const Card card{context, cl::CommandQueue(context, devices[0]),
                    cl::Program(context, {devices[0]},
                                cl::Program::Binaries{{xclbin.data(), xclbin.size()}})};
    add(card, "vadd:{vadd_1}", 0);
    add(card, "vadd:{vadd_2}", 1);
    add(card, "vadd:{vadd_1}", 1);
    mapped(card, XCL_MEM_EXT_P2P_BUFFER, "p2p");
    mapped(card, XCL_MEM_EXT_HOST_ONLY, "host_only");
    copy(card, 16384, 4096, 4096, 8192);
    copy(card, 32 << 20, 17 << 20, 64, 8192);
    narrow<signed char>(card, "last_char", -7);
    narrow<unsigned short>(card, "last_short", 60000);
  }
}
