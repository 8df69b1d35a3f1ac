// Sends samples through a kernel on an FPGA card: C++ on XRT's native API.
//
//   make && ./host --help
//
// This file is what concerns the card; contract.hpp says what the kernel takes and gives, and files,
// numbers and batches are in the other headers.

#include <xrt/xrt_bo.h>
#include <xrt/xrt_device.h>
#include <xrt/xrt_kernel.h>
#if __has_include(<experimental/xrt_system.h>)
#include <experimental/xrt_system.h>
#define CARDS_CAN_BE_COUNTED
#endif

#include "fpga_io.hpp"

using namespace fpga;

// Buffers of the host and the card for each input and output, and the call that works on them.
struct Slot {
    std::array<xrt::bo, INPUTS> inputs;
    std::array<xrt::bo, OUTPUTS> outputs;
    xrt::run run;
    bool running = false;
};

class Cards {
  public:
    Cards(const Options& options, std::size_t batch) {
        for (const unsigned number : options.devices) {
            devices_.push_back(open(number));
            programs_.push_back(load(devices_.back(), options.xclbin));
        }
        for (std::size_t s = 0; s < slot_count(options); s++)
            slots_.push_back(make_slot(place_of(options, s), batch));
    }

    Cards(const Cards&) = delete;
    Cards& operator=(const Cards&) = delete;
    // Buffers must outlive the calls that work on them, also when an error ends the program.
    ~Cards() {
        for (std::size_t s = 0; s < slots_.size(); s++)
            try {
                wait(s);
            } catch (const std::exception&) {
                // The program is ending with an error already.
            }
    }

    void* samples(std::size_t slot, std::size_t input) { return slots_[slot].inputs[input].map<void*>(); }
    const void* results(std::size_t slot, std::size_t output) {
        return slots_[slot].outputs[output].map<void*>();
    }

    void to_device(std::size_t slot, std::size_t rows) {
        for (std::size_t i = 0; i < INPUTS; i++)
            slots_[slot].inputs[i].sync(XCL_BO_SYNC_BO_TO_DEVICE, rows * INPUT_ROW_BYTES[i], 0);
    }

    void start(std::size_t slot, std::size_t rows) {
        slots_[slot].run.set_arg(INPUTS + OUTPUTS, static_cast<unsigned>(rows));
        slots_[slot].run.start();
        slots_[slot].running = true;
    }

    void wait(std::size_t slot) {
        if (!std::exchange(slots_[slot].running, false))
            return;
        const auto state = slots_[slot].run.wait();
        if (state != ERT_CMD_STATE_COMPLETED)
            throw Failure(BAD_RUN, text("the kernel did not complete: state ", static_cast<int>(state)));
    }

    void from_device(std::size_t slot, std::size_t rows) {
        for (std::size_t i = 0; i < OUTPUTS; i++)
            slots_[slot].outputs[i].sync(XCL_BO_SYNC_BO_FROM_DEVICE, rows * OUTPUT_ROW_BYTES[i], 0);
    }

  private:
    static xrt::device open(unsigned number) {
        try {
#ifdef CARDS_CAN_BE_COUNTED
            // An emulated card is not counted.
            const auto cards = xrt::system::enumerate_devices();
            if (cards > 0 && number >= cards)
                throw Failure(BAD_CARD, text("no card number ", number, "; there are ", cards,
                                             ", counted from 0"));
#endif
            return xrt::device(number);
        } catch (const Failure&) {
            throw;
        } catch (const std::exception& error) {
            throw Failure(BAD_CARD, text("card number ", number, " cannot be opened (", error.what(),
                                         "); is XRT set up?"));
        }
    }

    static xrt::uuid load(xrt::device& device, const std::string& xclbin) {
        try {
            return device.load_xclbin(xclbin);
        } catch (const std::exception& error) {
            throw Failure(BAD_XCLBIN,
                          text(xclbin, ": the card refused it (", error.what(), "); ", LOAD_HINT));
        }
    }

    Slot make_slot(const Place& place, std::size_t batch) {
        const xrt::device& device = devices_[place.card];
        const xrt::kernel kernel = find(device, programs_[place.card], place.unit);
        try {
            Slot slot;
            slot.run = xrt::run(kernel);
            int argument = 0;
            const auto add = [&](xrt::bo& buffer, std::size_t row_bytes) {
                // group_id names the memory bank that the argument is connected to.
                buffer = xrt::bo(device, batch * row_bytes, kernel.group_id(argument));
                slot.run.set_arg(argument++, buffer);
            };
            for (std::size_t i = 0; i < INPUTS; i++)
                add(slot.inputs[i], INPUT_ROW_BYTES[i]);
            for (std::size_t i = 0; i < OUTPUTS; i++)
                add(slot.outputs[i], OUTPUT_ROW_BYTES[i]);
            return slot;
        } catch (const std::exception& error) {
            throw Failure(BAD_CARD, text("no room on the card for batches of ", batch, " samples (",
                                         error.what(), "); choose a smaller --batch"));
        }
    }

    static xrt::kernel find(const xrt::device& device, const xrt::uuid& program, const char* unit) {
        try {
            return xrt::kernel(device, program, text(KERNEL, ":{", unit, "}"));
        } catch (const std::exception& error) {
            throw Failure(BAD_XCLBIN, text("the xclbin does not hold compute unit ", unit, " of ", KERNEL,
                                           " (", error.what(), ")"));
        }
    }

    std::vector<xrt::device> devices_;
    std::vector<xrt::uuid> programs_;
    std::vector<Slot> slots_;
};

int main(int argc, char** argv) { return host_main<Cards>(argc, argv); }
