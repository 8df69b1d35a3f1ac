// What a host needs besides the card: its command line, and batches that keep every compute unit
// busy. The contract with the kernel, numbers and files are in the headers that it includes. It needs
// C++17 and POSIX, nothing else.

#pragma once

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <iomanip>
#include <optional>
#include <sstream>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "arrays.hpp"
#include "contract.hpp"
#include "failure.hpp"
#include "numbers.hpp"

namespace fpga {

// ---------------------------------------------------------------------------------------------
// The command line
// ---------------------------------------------------------------------------------------------

struct Options {
    std::string xclbin, input, output, profile;
    Form form = Form::DECODED; // of the results
    std::vector<unsigned> devices; // the cards that share the work
    std::size_t batch = 0;         // 0: as suits the input
    unsigned compute_units = COMPUTE_UNITS.size();
};

// numpy's long name of a type of numbers.
template <class Number> std::string long_name() {
    const char* kind = std::is_floating_point_v<Number> ? "float" : std::is_signed_v<Number> ? "int" : "uint";
    return text(kind, 8 * sizeof(Number));
}

// What is said of the files, and of raw words; `arrays` has a line for each array, if there are several.
struct FileHelp {
    std::string input, output, raw, no_decode, arrays;
};

// The option that only hosts of networks with a decoding have need of.
template <class... Y> std::string no_decode_help(const std::tuple<Y...>*) {
    const bool decoded = (Y::DECODED || ...);
    return decoded ? "\n  --no-decode          write the network's own numbers, not what they mean" : "";
}

// What the numbers of an output are, in a few words.
template <class Y> std::string meaning_of() {
    std::string said;
    in_form<Y>(Form::DECODED, [&](auto* as) {
        using As = std::remove_pointer_t<decltype(as)>;
        said = text("shape ", shape_text(shape_of<As>(), "n"), ", as ", long_name<typename As::Value>());
    });
    if constexpr (Y::DECODED)
        return text(said, ":\n                       ", Y::MEANING, "\n                       of the ",
                    "network's numbers, whose type is ", Y::TYPE);
    else
        return text(said, ": exact, the\n                       chip's type is ", Y::TYPE);
}

template <class X, class Y> FileHelp file_help(const std::tuple<X>*, const std::tuple<Y>*) {
    return {text("X.npy        float32 or float64, shape ", shape_text(shape_of<X>(), "n"),
                 "; put on the chip's grid,\n                       ", X::TYPE, ", by the rule of that type"),
            text("Y.npy       the results, ", meaning_of<Y>()),
            text("write the chip's raw words (", long_name<typename Y::Word>(), ") instead: ",
                 Y::DECODED ? "number" : "result", " = word x ", std::setprecision(17), Y::STEP),
            no_decode_help(static_cast<std::tuple<Y>*>(nullptr)), ""};
}

// What an output of several means, at the end of its line.
template <class Y> std::string meaning_in_line() {
    if constexpr (Y::DECODED)
        return text("; decoded: ", Y::MEANING);
    else
        return "";
}

// A line of the table of arrays.
template <class Tensor> std::string line_of(const char* kind, const std::string& rest = "") {
    std::ostringstream line;
    line << "  " << kind << "  " << std::left << std::setw(12) << Tensor::NAME << "  " << std::setw(16)
         << shape_text(shape_of<Tensor>(), "n") << "  " << Tensor::TYPE << rest << "\n";
    return line.str();
}

template <class... X, class... Y> FileHelp file_help(const std::tuple<X...>*, const std::tuple<Y...>*) {
    return {text(sizeof...(X) == 1 ? "X.npy" : "X.npz",
                 "        the arrays of all inputs, by name, float32 or float64; put on the chip's\n"
                 "                       grid, by the rule of their types"),
            text(sizeof...(Y) == 1 ? "Y.npy" : "Y.npz", "       the arrays of all outputs, by name: exact"),
            "write the chip's raw words instead: number = word x step",
            no_decode_help(static_cast<std::tuple<Y...>*>(nullptr)),
            text("\narrays:\n", line_of<X>("input ")...,
                 line_of<Y>("output", text(", ", long_name<typename Y::Number>(), "; raw: ",
                                           long_name<typename Y::Word>(), " x ", std::setprecision(17), Y::STEP,
                                           meaning_in_line<Y>()))...)};
}

inline std::string help() {
    const FileHelp files = file_help(static_cast<Inputs*>(nullptr), static_cast<Outputs*>(nullptr));
    const std::string x = files.input.substr(0, 5), y = files.output.substr(0, 5);
    return text("usage: host --xclbin FILE --input ", x, " --output ", y, R"( [options]

Sends samples through )", KERNEL, R"( on an FPGA card and writes its results.

  --xclbin FILE        the card's program (.xclbin, on AWS .awsxclbin)
  --input )", files.input, R"(
  --output )", files.output, R"(

options:
  --raw                )", files.raw, files.no_decode, R"(
  --device N[,N]       which card, from 0 (default 0; list them with: xbutil examine), or several,
                       which share the work; may be given several times
  --batch N            samples in one call (default: as suits the input, at most 65536)
  --compute-units N    use the first N compute units of each card (default )", COMPUTE_UNITS.size(), R"(: all)
  --profile FILE       measure, without overlap, and write a CSV with the seconds of each call:
                       injection (conversion and copy to the card), inference (start to done),
                       extraction (copy from the card and conversion)
  --help               this text
)", files.arrays, R"(
exit codes: 0 done, 2 the command line, 3 a file, 4 the card, 5 the xclbin, 6 the run
example:    ./host --xclbin )", XCLBIN, " --input ", x, " --output ", y, "\n");
}

inline std::size_t whole_number(const std::string& option, const std::string& value, std::size_t least,
                                std::size_t most) {
    const bool digits = value.find_first_not_of("0123456789") == std::string::npos;
    const bool is_number = digits && !value.empty() && value.size() < 12;
    const std::size_t number = is_number ? std::stoull(value) : 0;
    if (!is_number || number < least || number > most)
        throw Failure(BAD_COMMAND_LINE, text(option, " takes a whole number from ", least, " to ", most,
                                             ", not '", value, "'"));
    return number;
}

// The numbers of cards, with commas between them, each named once.
inline void add_devices(std::vector<unsigned>& devices, const std::string& given) {
    std::istringstream numbers(given + ",");
    for (std::string number; std::getline(numbers, number, ',');) {
        const auto device = static_cast<unsigned>(whole_number("--device", number, 0, 255));
        if (std::find(devices.begin(), devices.end(), device) != devices.end())
            throw Failure(BAD_COMMAND_LINE, text("card ", device, " is named twice"));
        devices.push_back(device);
    }
}

// The options, or nothing when --help was asked for.
inline std::optional<Options> command_line(int argc, char** argv) {
    Options options;
    const std::vector<std::string> words(argv + 1, argv + argc);
    for (std::size_t i = 0; i < words.size(); i++) {
        std::string option = words[i];
        std::optional<std::string> value;
        const auto equals = option.find('=');
        if (option.rfind("--", 0) == 0 && equals != std::string::npos) {
            value = option.substr(equals + 1);
            option.resize(equals);
        }
        if (!value && (option == "--help" || option == "-h"))
            return std::nullopt;
        if (!value && (option == "--raw" || option == "--no-decode")) {
            options.form = options.form == Form::WORDS || option == "--raw" ? Form::WORDS : Form::NUMBERS;
            continue;
        }
        const auto known = {"--xclbin", "--input", "--output",       "--profile",
                            "--device", "--batch", "--compute-units"};
        if (std::find(known.begin(), known.end(), option) == known.end())
            throw Failure(BAD_COMMAND_LINE, text("unknown option '", words[i], "'; --help lists them"));
        if (!value && i + 1 == words.size())
            throw Failure(BAD_COMMAND_LINE, option + " needs a value; --help explains it");
        const std::string given = value ? *value : words[++i];
        if (option == "--xclbin")
            options.xclbin = given;
        else if (option == "--input")
            options.input = given;
        else if (option == "--output")
            options.output = given;
        else if (option == "--profile")
            options.profile = given;
        else if (option == "--device")
            add_devices(options.devices, given);
        else if (option == "--batch")
            options.batch = whole_number(option, given, 1, 0xFFFFFFFF);
        else
            options.compute_units =
                static_cast<unsigned>(whole_number(option, given, 1, COMPUTE_UNITS.size()));
    }
    for (const auto& [name, value] : {std::pair{"--xclbin", &options.xclbin},
                                      {"--input", &options.input},
                                      {"--output", &options.output}})
        if (value->empty())
            throw Failure(BAD_COMMAND_LINE, text(name, " is missing; --help lists the options"));
    if (options.devices.empty())
        options.devices = {0};
    return options;
}

inline void check_xclbin(const std::string& path) {
    std::FILE* file = std::fopen(path.c_str(), "rb");
    if (!file)
        throw Failure(BAD_XCLBIN, text(path, ": cannot be read: ", std::strerror(errno)));
    char magic[8] = {};
    const bool is_xclbin = std::fread(magic, 1, 8, file) == 8 && std::memcmp(magic, "xclbin2", 8) == 0;
    std::fclose(file);
    if (!is_xclbin)
        throw Failure(BAD_XCLBIN, path + ": is no xclbin");
}

// ---------------------------------------------------------------------------------------------
// Batches
// ---------------------------------------------------------------------------------------------
//
// Cards is what the host program defines. They have slots, two for each compute unit, each with a
// buffer for each input and output, so that one can be filled or emptied while the compute unit works
// on the other:
//
//   Cards(options, batch)             load the xclbin, open the compute units, allocate the buffers
//   void* samples(slot, input)        the host's side of an input's buffer
//   const void* results(slot, output) the same for an output
//   to_device(slot, rows)             begin to copy the samples
//   start(slot, rows)                 begin to compute, after what was begun before
//   from_device(slot, rows)           begin to copy the results back, likewise
//   wait(slot)                        until all that is done

constexpr std::size_t SLOTS_PER_UNIT = 2;
constexpr std::size_t LARGEST_BATCH = 65536;

// Where a slot is: neighbours are on different cards, so that few batches use all of them.
struct Place {
    std::size_t card; // its place among options.devices
    unsigned device;  // its number
    const char* unit; // the compute unit's name
};

inline std::size_t slot_count(const Options& options) {
    return SLOTS_PER_UNIT * options.compute_units * options.devices.size();
}

inline Place place_of(const Options& options, std::size_t slot) {
    const std::size_t cards = options.devices.size(), card = slot % cards;
    return {card, options.devices[card], COMPUTE_UNITS[slot / cards % options.compute_units]};
}

// Samples in a call: every slot has work, and no more than LARGEST_BATCH.
inline std::size_t batch_size(const Options& options, std::size_t count) {
    const std::size_t slots = slot_count(options);
    const std::size_t share = std::clamp<std::size_t>((count + slots - 1) / slots, 1, LARGEST_BATCH);
    return options.batch ? std::min(options.batch, std::max<std::size_t>(count, 1)) : share;
}

using Clock = std::chrono::steady_clock;
inline double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

// The samples from `first` on to a slot, and its results from it.
template <class Cards>
void fill(Cards& cards, std::size_t slot, Samples& samples, std::size_t first, std::size_t rows) {
    samples.read(first, rows, [&](std::size_t input) { return cards.samples(slot, input); });
}
template <class Cards>
void empty(Cards& cards, std::size_t slot, Results& results, std::size_t rows) {
    results.write(rows, [&](std::size_t output) { return cards.results(slot, output); });
}

// All samples through the card: batches go round the slots, and a slot is emptied when its turn
// comes again. Meanwhile the others compute.
template <class Cards>
void run_overlapped(Cards& cards, const Options& options, std::size_t batch, Samples& samples,
                    Results& results) {
    const std::size_t slots = slot_count(options);
    const std::size_t batches = (samples.count() + batch - 1) / batch;
    const auto rows = [&](std::size_t b) { return std::min(batch, samples.count() - b * batch); };
    const auto collect = [&](std::size_t b) {
        const std::size_t slot = b % slots;
        cards.wait(slot);
        cards.from_device(slot, rows(b));
        cards.wait(slot);
        empty(cards, slot, results, rows(b));
    };
    for (std::size_t b = 0; b < batches; b++) {
        const std::size_t slot = b % slots;
        if (b >= slots)
            collect(b - slots);
        fill(cards, slot, samples, b * batch, rows(b));
        cards.to_device(slot, rows(b));
        cards.start(slot, rows(b));
    }
    for (std::size_t b = batches - std::min(batches, slots); b < batches; b++)
        collect(b);
}

// The same one batch at a time, so that each phase is timed alone.
template <class Cards>
void run_profiled(Cards& cards, const Options& options, std::size_t batch, Samples& samples,
                  Results& results) {
    NewFile csv(options.profile);
    csv.write("batch,samples,device,compute_unit,injection_s,inference_s,extraction_s\n");
    double injection = 0, inference = 0, extraction = 0;
    std::size_t calls = 0;
    for (std::size_t first = 0; first < samples.count(); first += batch, calls++) {
        const std::size_t slot = calls % slot_count(options);
        const std::size_t rows = std::min(batch, samples.count() - first);
        auto start = Clock::now();
        fill(cards, slot, samples, first, rows);
        cards.to_device(slot, rows);
        cards.wait(slot);
        const double in = seconds_since(start);
        start = Clock::now();
        cards.start(slot, rows);
        cards.wait(slot);
        const double run = seconds_since(start);
        start = Clock::now();
        cards.from_device(slot, rows);
        cards.wait(slot);
        empty(cards, slot, results, rows);
        const double out = seconds_since(start);
        const Place place = place_of(options, slot);
        char line[200];
        std::snprintf(line, sizeof line, "%zu,%zu,%u,%s,%.9f,%.9f,%.9f\n", calls, rows, place.device,
                      place.unit, in, run, out);
        csv.write(std::string(line));
        injection += in, inference += run, extraction += out;
    }
    csv.finish();
    const double total = injection + inference + extraction;
    std::printf("phase        seconds  part  ns/sample\n");
    const double samples_or_one = std::max(1.0, static_cast<double>(samples.count()));
    for (const auto& [phase, seconds] : {std::pair{"injection", injection},
                                         {"inference", inference},
                                         {"extraction", extraction},
                                         {"all", total}})
        std::printf("%-10s %9.6f %4.0f%% %10.1f\n", phase, seconds,
                    total > 0 ? 100 * seconds / total : 0.0, 1e9 * seconds / samples_or_one);
    std::printf("%zu calls, times of each in %s\n", calls, options.profile.c_str());
}

template <class Cards> void run(const Options& options) {
    Samples samples(options.input);
    check_xclbin(options.xclbin);
    Results results(options.output, samples.count(), options.form);
    const std::size_t batch = batch_size(options, samples.count());
    Cards cards(options, batch);
    const auto start = Clock::now();
    if (options.profile.empty())
        run_overlapped(cards, options, batch, samples, results);
    else
        run_profiled(cards, options, batch, samples, results);
    results.finish();
    const double seconds = seconds_since(start);
    const double rate = seconds > 0 ? static_cast<double>(samples.count()) / seconds : 0.0;
    std::string numbers;
    for (const unsigned device : options.devices)
        numbers += text(numbers.empty() ? "" : ", ", device);
    std::printf("%zu samples in %.6f s (%.0f a second), %zu a call, compute units: %u, cards: %s\n",
                samples.count(), seconds, rate, batch, options.compute_units, numbers.c_str());
}

// The whole program: what goes wrong is one line and an exit code.
template <class Cards> int host_main(int argc, char** argv) {
    try {
        if (const auto options = command_line(argc, argv))
            run<Cards>(*options);
        else
            std::fputs(help().c_str(), stdout);
        return DONE;
    } catch (const Failure& failure) {
        std::fprintf(stderr, "host: %s\n", failure.what());
        return failure.code;
    } catch (const std::bad_alloc&) {
        std::fprintf(stderr, "host: out of memory; a smaller --batch needs less\n");
        return BAD_RUN;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "host: the run failed: %s\n", error.what());
        return BAD_RUN;
    }
}

} // namespace fpga
