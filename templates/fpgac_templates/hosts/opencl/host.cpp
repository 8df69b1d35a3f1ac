// Sends samples through a kernel on an FPGA card: C++ on OpenCL.
//
//   make && ./host --help
//
// This file is what concerns the card; contract.hpp says what the kernel takes and gives, and files,
// numbers and batches are in the other headers.

#define CL_HPP_ENABLE_EXCEPTIONS
#define CL_HPP_TARGET_OPENCL_VERSION 120
#define CL_HPP_MINIMUM_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#if __has_include(<CL/opencl.hpp>)
#include <CL/opencl.hpp>
#else
#include <CL/cl2.hpp>
#endif

#include <fstream>

#include "fpga_io.hpp"

using namespace fpga;

constexpr const char* SET_UP = "is XRT set up, and is its .icd file in /etc/OpenCL/vendors?";

// One card, with the xclbin loaded.
struct Card {
    cl::Context context;
    cl::CommandQueue queue;
    cl::Program program;
};

// A buffer of the host and the card.
struct Buffer {
    cl::Buffer device;
    void* host = nullptr;
};

// A buffer for each input and output, the call that works on them, and what was asked for last.
struct Slot {
    cl::CommandQueue queue;
    cl::Kernel kernel;
    std::array<Buffer, INPUTS> inputs;
    std::array<Buffer, OUTPUTS> outputs;
    std::vector<cl::Event> last;
};

class Cards {
  public:
    Cards(const Options& options, std::size_t batch) {
        const std::vector<cl::Device> devices = find();
        for (const unsigned number : options.devices)
            if (number >= devices.size())
                throw Failure(BAD_CARD, text("no card number ", number, "; there are ", devices.size(),
                                             ", counted from 0"));
        for (const unsigned number : options.devices)
            cards_.push_back(open(devices[number], options.xclbin));
        for (std::size_t s = 0; s < slot_count(options); s++)
            slots_.push_back(make_slot(place_of(options, s), batch));
    }
    Cards(const Cards&) = delete;
    Cards& operator=(const Cards&) = delete;
    ~Cards() { release(); }

    void* samples(std::size_t slot, std::size_t input) { return slots_[slot].inputs[input].host; }
    const void* results(std::size_t slot, std::size_t output) { return slots_[slot].outputs[output].host; }

    // Buffers are moved whole: only the last batch is smaller than they are.
    void to_device(std::size_t slot, std::size_t) { migrate(slots_[slot], slots_[slot].inputs, 0); }
    void from_device(std::size_t slot, std::size_t) {
        migrate(slots_[slot], slots_[slot].outputs, CL_MIGRATE_MEM_OBJECT_HOST);
    }

    void start(std::size_t slot, std::size_t rows) {
        Slot& now = slots_[slot];
        now.kernel.setArg(INPUTS + OUTPUTS, static_cast<cl_uint>(rows));
        cl::Event done;
        now.queue.enqueueTask(now.kernel, &now.last, &done);
        now.last = {done};
    }

    void wait(std::size_t slot) {
        if (!slots_[slot].last.empty())
            cl::Event::waitForEvents(slots_[slot].last);
        slots_[slot].last.clear();
    }

  private:
    // An OpenCL error in words: what was called, and its code (CL/cl.h).
    static std::string words(const cl::Error& error) { return text(error.what(), " gave ", error.err()); }

    static std::vector<cl::Device> find() {
        std::vector<cl::Device> devices;
        try {
            std::vector<cl::Platform> platforms;
            cl::Platform::get(&platforms);
            for (const auto& platform : platforms)
                if (platform.getInfo<CL_PLATFORM_NAME>() == "Xilinx")
                    platform.getDevices(CL_DEVICE_TYPE_ACCELERATOR, &devices);
        } catch (const cl::Error& error) {
            throw Failure(BAD_CARD, "no card found (" + words(error) + "); " + SET_UP);
        }
        if (devices.empty())
            throw Failure(BAD_CARD, text("no card found: OpenCL knows no device of Xilinx; ", SET_UP));
        return devices;
    }

    static Card open(const cl::Device& device, const std::string& xclbin) {
        const cl::Context context(device);
        const cl::CommandQueue queue(context, device, CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE);
        return {context, queue, load(context, device, xclbin)};
    }

    static cl::Program load(const cl::Context& context, const cl::Device& device,
                            const std::string& xclbin) {
        std::ifstream file(xclbin, std::ios::binary);
        const std::istreambuf_iterator<char> begin(file), end;
        const std::vector<unsigned char> binary(begin, end);
        try {
            return cl::Program(context, {device}, cl::Program::Binaries{binary});
        } catch (const cl::Error& error) {
            throw Failure(BAD_XCLBIN,
                          text(xclbin, ": the card refused it (", words(error), "); ", LOAD_HINT));
        }
    }

    Slot make_slot(const Place& place, std::size_t batch) {
        const Card& card = cards_[place.card];
        Slot slot;
        slot.queue = card.queue;
        try {
            slot.kernel = cl::Kernel(card.program, text(KERNEL, ":{", place.unit, "}").c_str());
        } catch (const cl::Error& error) {
            throw Failure(BAD_XCLBIN, text("the xclbin does not hold compute unit ", place.unit, " of ",
                                           KERNEL, " (", words(error), ")"));
        }
        try {
            cl_uint argument = 0;
            const auto add = [&](Buffer& buffer, std::size_t bytes, cl_mem_flags access, cl_map_flags map) {
                buffer.device = cl::Buffer(card.context, access, bytes);
                // Before its first use: XRT puts a buffer into the bank that its argument is wired to.
                slot.kernel.setArg(argument++, buffer.device);
                buffer.host = slot.queue.enqueueMapBuffer(buffer.device, CL_TRUE, map, 0, bytes);
            };
            for (std::size_t i = 0; i < INPUTS; i++)
                add(slot.inputs[i], batch * INPUT_ROW_BYTES[i], CL_MEM_READ_ONLY, CL_MAP_WRITE);
            for (std::size_t i = 0; i < OUTPUTS; i++)
                add(slot.outputs[i], batch * OUTPUT_ROW_BYTES[i], CL_MEM_WRITE_ONLY, CL_MAP_READ);
        } catch (const cl::Error& error) {
            throw Failure(BAD_CARD, text("no room on the card for batches of ", batch, " samples (",
                                         words(error), "); choose a smaller --batch"));
        }
        return slot;
    }

    template <std::size_t COUNT>
    void migrate(Slot& slot, const std::array<Buffer, COUNT>& buffers, cl_mem_migration_flags direction) {
        std::vector<cl::Memory> moved;
        for (const Buffer& buffer : buffers)
            moved.push_back(buffer.device);
        cl::Event done;
        slot.queue.enqueueMigrateMemObjects(moved, direction, &slot.last, &done);
        slot.last = {done};
    }

    void release() noexcept {
        try {
            for (auto& card : cards_)
                card.queue.finish();
            for (auto& slot : slots_) {
                for (auto& buffer : slot.inputs)
                    slot.queue.enqueueUnmapMemObject(buffer.device, buffer.host);
                for (auto& buffer : slot.outputs)
                    slot.queue.enqueueUnmapMemObject(buffer.device, buffer.host);
            }
            for (auto& card : cards_)
                card.queue.finish();
        } catch (const cl::Error&) {
            // The card is gone: so are its buffers.
        }
    }

    std::vector<Card> cards_;
    std::vector<Slot> slots_;
};

int main(int argc, char** argv) { return host_main<Cards>(argc, argv); }
