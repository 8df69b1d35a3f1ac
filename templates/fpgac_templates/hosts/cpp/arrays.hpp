// Samples and results in files: .npy for one tensor, for several .npz with an array by each name.
//
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html. An .npz is a zip archive of
// .npy files; files of samples are mapped, so that they may be larger than memory, and for that an
// .npz must not be compressed. Needs C++17 and POSIX.

#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "failure.hpp"
#include "numbers.hpp"

namespace fpga {

using Shape = std::vector<std::size_t>;

inline std::string shape_text(const Shape& shape, const char* first = nullptr) {
    std::vector<std::string> sizes;
    if (first)
        sizes.emplace_back(first);
    for (auto size : shape)
        sizes.push_back(std::to_string(size));
    std::string out = "(";
    for (std::size_t i = 0; i < sizes.size(); i++)
        out += (i ? ", " : "") + sizes[i];
    return out + (sizes.size() == 1 ? ",)" : ")");
}

template <class Tensor> Shape shape_of() { return Shape(Tensor::SHAPE.begin(), Tensor::SHAPE.end()); }

// The names of a tuple's tensors, with commas between them.
template <class Tuple> std::string names_of() {
    std::string names;
    for_each_tensor<Tuple>([&](std::size_t, auto* tensor) {
        using Tensor = std::remove_pointer_t<decltype(tensor)>;
        names += (names.empty() ? "" : ", ") + std::string(Tensor::NAME);
    });
    return names;
}

// ---------------------------------------------------------------------------------------------
// Bytes that are read
// ---------------------------------------------------------------------------------------------

// Some bytes of a file; `what` is what errors call them.
struct Bytes {
    std::string what;
    const char* data = nullptr;
    std::size_t size = 0;

    [[noreturn]] void refuse(const std::string& why) const { throw Failure(BAD_FILE, what + ": " + why); }

    // The little-endian number of `length` bytes at a place within.
    std::uint64_t number(std::size_t at, std::size_t length) const {
        if (length > size || at > size - length)
            refuse("is cut off or damaged");
        std::uint64_t value = 0;
        while (length-- > 0)
            value = 256 * value + static_cast<unsigned char>(data[at + length]);
        return value;
    }

    bool has(std::size_t at, const char* mark, std::size_t length) const {
        return at <= size && size - at >= length && std::memcmp(data + at, mark, length) == 0;
    }

    std::string text(std::size_t at, std::size_t length) const {
        if (length > size || at > size - length)
            refuse("is cut off or damaged");
        return std::string(data + at, length);
    }
};

// A file in memory, mapped.
class MappedFile {
  public:
    explicit MappedFile(const std::string& path) {
        bytes_.what = path;
        const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
        struct stat status {};
        if (file < 0 || fstat(file, &status) != 0) {
            const int why = errno;
            if (file >= 0)
                close(file);
            bytes_.refuse(fpga::text("cannot be read: ", std::strerror(why)));
        }
        const auto size = static_cast<std::size_t>(status.st_size);
        void* mapped = MAP_FAILED;
        if (S_ISREG(status.st_mode) && size)
            mapped = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
        close(file);
        if (mapped == MAP_FAILED)
            bytes_.refuse(fpga::text("is empty or no plain file; expected a ",
                                     INPUTS == 1 ? ".npy" : ".npz", " file"));
        bytes_.data = static_cast<const char*>(mapped);
        bytes_.size = size;
    }
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;
    ~MappedFile() { munmap(const_cast<char*>(bytes_.data), bytes_.size); }

    const Bytes& bytes() const { return bytes_; }

  private:
    Bytes bytes_;
};

// ---------------------------------------------------------------------------------------------
// Zip archives
// ---------------------------------------------------------------------------------------------

constexpr std::uint64_t IN_64_BITS = 0xFFFFFFFF; // the number is too long, and is found elsewhere
constexpr std::size_t LOCAL_HEADER = 30, ENTRY = 46, END = 22, LOCATOR = 20, LONG_END = 56;
constexpr unsigned STORED = 0, SIZES_OF_64_BITS = 1, FIRST_VERSION_OF_64_BITS = 45;

// Where an archive's directory begins, and how many members it has.
struct Directory {
    std::uint64_t start = 0, count = 0;
};

inline Directory directory_of(const Bytes& file) {
    std::size_t end = file.size < END ? 0 : file.size - END;
    const std::size_t least = end > 0xFFFF ? end - 0xFFFF : 0;
    while (end > least && !file.has(end, "PK\5\6", 4))
        end--;
    if (!file.has(end, "PK\5\6", 4))
        file.refuse("is no .npz file; write it with numpy.savez");
    if (end >= LOCATOR && file.has(end - LOCATOR, "PK\6\7", 4)) {
        const std::uint64_t place = file.number(end - LOCATOR + 8, 8);
        if (!file.has(place, "PK\6\6", 4))
            file.refuse("is cut off or damaged: no directory");
        return {file.number(place + 48, 8), file.number(place + 32, 8)};
    }
    return {file.number(end + 16, 4), file.number(end + 10, 2)};
}

// A member of an archive: its sizes and place, of 64 bits where those of its entry say so.
struct Member {
    std::string name;
    unsigned flags = 0, method = 0;
    std::uint64_t size = 0, stored = 0, place = 0;
};

inline void read_extra_field(const Bytes& file, std::size_t at, std::size_t end, Member& member) {
    while (at + 4 <= end) {
        const auto kind = file.number(at, 2), length = file.number(at + 2, 2);
        at += 4;
        if (kind == SIZES_OF_64_BITS) {
            std::size_t next = at;
            for (std::uint64_t* field : {&member.size, &member.stored, &member.place})
                if (*field == IN_64_BITS) {
                    *field = file.number(next, 8);
                    next += 8;
                }
        }
        at += length;
    }
}

inline std::vector<Member> members_of(const Bytes& file) {
    const Directory directory = directory_of(file);
    std::vector<Member> members;
    std::size_t at = directory.start;
    for (std::uint64_t i = 0; i < directory.count; i++) {
        if (!file.has(at, "PK\1\2", 4))
            file.refuse("is cut off or damaged: no entry of a member");
        Member member;
        const auto name = file.number(at + 28, 2), extra = file.number(at + 30, 2);
        member.name = file.text(at + ENTRY, name);
        member.flags = static_cast<unsigned>(file.number(at + 8, 2));
        member.method = static_cast<unsigned>(file.number(at + 10, 2));
        member.stored = file.number(at + 20, 4);
        member.size = file.number(at + 24, 4);
        member.place = file.number(at + 42, 4);
        read_extra_field(file, at + ENTRY + name, at + ENTRY + name + extra, member);
        members.push_back(member);
        at += ENTRY + name + extra + file.number(at + 32, 2);
    }
    return members;
}

// The bytes of a member, which must lie in the archive as they are.
inline Bytes content_of(const Bytes& file, const Member& member) {
    Bytes content{file.what + ": " + member.name, nullptr, static_cast<std::size_t>(member.size)};
    if (member.method != STORED)
        content.refuse("is compressed; write it with numpy.savez, not savez_compressed");
    if (member.flags & 1)
        content.refuse("is encrypted");
    if (!file.has(member.place, "PK\3\4", 4))
        content.refuse("is cut off or damaged: no header of a member");
    const std::uint64_t start = member.place + LOCAL_HEADER + file.number(member.place + 26, 2) +
                                file.number(member.place + 28, 2);
    if (start > file.size || member.size > file.size - start)
        content.refuse("is cut off");
    content.data = file.data + start;
    return content;
}

// The contents of the members that are called as the tensors are, and no others.
template <class Tuple> std::vector<Bytes> arrays_in(const Bytes& file) {
    const std::vector<Member> members = members_of(file);
    std::vector<Bytes> arrays;
    std::string found;
    for (const Member& member : members) {
        const auto dot = member.name.rfind(".npy");
        found += (found.empty() ? "" : ", ") + member.name.substr(0, dot);
    }
    for_each_tensor<Tuple>([&](std::size_t, auto* tensor) {
        using Tensor = std::remove_pointer_t<decltype(tensor)>;
        const std::string name = std::string(Tensor::NAME) + ".npy";
        for (const Member& member : members)
            if (member.name == name)
                arrays.push_back(content_of(file, member));
    });
    if (arrays.size() != members.size() || arrays.size() != std::tuple_size_v<Tuple>)
        file.refuse(text("holds the arrays ", found.empty() ? "none" : found, "; expected ",
                         names_of<Tuple>()));
    return arrays;
}

// ---------------------------------------------------------------------------------------------
// Samples
// ---------------------------------------------------------------------------------------------

// What numpy.save writes: numbers, and what they are.
class Array {
  public:
    Array(Bytes bytes, const Shape& sample) : bytes_(std::move(bytes)) {
        if (bytes_.size < 12 || !bytes_.has(0, "\x93NUMPY", 6))
            refuse("is no .npy file; write it with numpy.save");
        const auto version = bytes_.number(6, 1);
        if (version < 1 || version > 3)
            refuse(text("is of .npy version ", version, "; versions 1 to 3 can be read"));
        const std::size_t length_size = version == 1 ? 2 : 4;
        const std::size_t begin = 8 + length_size, length = bytes_.number(8, length_size);
        if (length > bytes_.size - begin)
            refuse("is cut off within its header");
        const std::string header = bytes_.text(begin, length);

        const std::string type = quoted(header, "'descr':");
        if (type != "<f4" && type != "<f8")
            refuse("holds numbers of type " + type +
                   "; expected float32 or float64, little-endian: save X.astype('<f4')");
        is_double_ = type == "<f8";
        by_columns_ = after(header, "'fortran_order':").rfind("True", 0) == 0;
        count_ = check_shape(sizes(after(header, "'shape':")), sample);

        data_ = bytes_.data + begin + length;
        const std::size_t whole = (bytes_.size - begin - length) / (size_ * (is_double_ ? 8 : 4));
        if (whole < count_)
            refuse(text("is cut off: it holds ", whole, " whole samples, its header promises ", count_));
    }

    std::size_t count() const { return count_; }

    // `rows` samples from `first` on, as raw words in the layout of the kernel.
    template <class Tensor>
    void read(std::size_t first, std::size_t rows, typename Tensor::Word* words) {
        if (is_double_)
            read_as<Tensor>(first, rows, words, doubles_);
        else
            read_as<Tensor>(first, rows, words, floats_);
    }

  private:
    [[noreturn]] void refuse(const std::string& why) const { bytes_.refuse(why); }

    std::string after(const std::string& header, const char* key) const {
        const auto at = header.find(key);
        if (at == std::string::npos)
            refuse(text("has a damaged header: no ", key));
        const auto value = header.find_first_not_of(' ', at + std::strlen(key));
        return value == std::string::npos ? "" : header.substr(value);
    }

    std::string quoted(const std::string& header, const char* key) const {
        const std::string value = after(header, key);
        const auto end = value.find('\'', 1);
        const bool is_text = !value.empty() && value[0] == '\'' && end != std::string::npos;
        return is_text ? value.substr(1, end - 1) : "a record";
    }

    Shape sizes(const std::string& tuple) const {
        Shape found;
        const auto end = tuple.find(')');
        // Python 2 wrote an L behind what it held as long integers.
        const bool is_tuple = end != std::string::npos && tuple[0] == '(' &&
                              tuple.find_first_not_of("0123456789L, ", 1) == end;
        if (!is_tuple)
            refuse("has a damaged header: its shape");
        for (std::size_t at = 1; at < end;) {
            const auto digits = tuple.find_first_of("0123456789", at);
            if (digits >= end)
                break;
            errno = 0;
            found.push_back(std::strtoull(tuple.c_str() + digits, nullptr, 10));
            if (errno || found.back() > (std::size_t{1} << 48))
                refuse("has a damaged header: its shape");
            at = tuple.find_first_not_of("0123456789", digits);
        }
        return found;
    }

    // (n, numbers) or (n, and the tensor's own shape); a single number a sample may also be (n,).
    std::size_t check_shape(const Shape& shape, const Shape& sample) {
        for (const auto axis : sample)
            size_ *= axis;
        axes_.assign(shape.begin() + !shape.empty(), shape.end());
        const bool flat = axes_ == Shape{size_} || (axes_.empty() && size_ == 1);
        if (shape.empty() || !(flat || axes_ == sample))
            refuse("has shape " + shape_text(shape) + "; expected " + shape_text(sample, "n"));
        return shape[0];
    }

    template <class Tensor, class Number>
    void read_as(std::size_t first, std::size_t rows, typename Tensor::Word* words,
                 std::vector<Number>& gathered) {
        const bool aligned = reinterpret_cast<std::uintptr_t>(data_) % alignof(Number) == 0;
        if (aligned && !by_columns_)
            return to_raw<Tensor>(reinterpret_cast<const Number*>(data_) + first * Tensor::SIZE, rows, words);
        gathered.resize(rows * Tensor::SIZE);
        for (std::size_t row = 0; row < rows; row++)
            for (std::size_t i = 0; i < Tensor::SIZE; i++) {
                const std::size_t place =
                    by_columns_ ? place_by_columns(first + row, i) : (first + row) * Tensor::SIZE + i;
                std::memcpy(&gathered[row * Tensor::SIZE + i], data_ + place * sizeof(Number),
                            sizeof(Number));
            }
        to_raw<Tensor>(gathered.data(), rows, words);
    }

    // Where number `i` (last axis fastest) of sample `row` lies where the first axis is fastest.
    std::size_t place_by_columns(std::size_t row, std::size_t i) const {
        std::size_t place = 0;
        for (std::size_t axis = axes_.size(), below = size_; axis-- > 0; i /= axes_[axis]) {
            below /= axes_[axis];
            place += i % axes_[axis] * below;
        }
        return place * count_ + row;
    }

    Bytes bytes_;
    const char* data_ = nullptr;
    std::size_t size_ = 1, count_ = 0; // numbers in a sample, and samples
    Shape axes_;                       // of one sample, as the file has them
    bool is_double_ = false, by_columns_ = false;
    std::vector<double> doubles_;
    std::vector<float> floats_;
};

// The samples of each input in a file.
class Samples {
  public:
    explicit Samples(const std::string& path) : file_(path) {
        const Bytes& bytes = file_.bytes();
        const auto contents = INPUTS == 1 ? std::vector<Bytes>{bytes} : arrays_in<Inputs>(bytes);
        std::string counts;
        for_each_tensor<Inputs>([&](std::size_t i, auto* tensor) {
            using Tensor = std::remove_pointer_t<decltype(tensor)>;
            arrays_.emplace_back(contents[i], shape_of<Tensor>());
            counts += text(i ? ", " : "", arrays_[i].count(), " of ", Tensor::NAME);
        });
        for (const Array& array : arrays_)
            if (array.count() != count())
                bytes.refuse("holds different numbers of samples: " + counts);
    }

    std::size_t count() const { return arrays_[0].count(); }

    // `rows` samples of each input from `first` on, as raw words into the buffers(input).
    template <class Buffers> void read(std::size_t first, std::size_t rows, const Buffers& buffers) {
        for_each_tensor<Inputs>([&](std::size_t i, auto* tensor) {
            using Tensor = std::remove_pointer_t<decltype(tensor)>;
            arrays_[i].template read<Tensor>(first, rows, static_cast<typename Tensor::Word*>(buffers(i)));
        });
    }

  private:
    MappedFile file_;
    std::vector<Array> arrays_;
};

// ---------------------------------------------------------------------------------------------
// Files that are written
// ---------------------------------------------------------------------------------------------

// Files that are being written. A program that is told to end (Ctrl-C, kill) takes them along.
class Drafts {
  public:
    static void add(const std::string& path) {
        for (const int signal : {SIGINT, SIGTERM})
            if (std::signal(signal, end) == SIG_IGN)
                std::signal(signal, SIG_IGN); // as whoever started us wanted
        for (auto& place : places())
            if (!place[0] && path.size() < place.size()) {
                std::memcpy(place.data(), path.c_str(), path.size() + 1);
                return;
            }
    }
    static void remove(const std::string& path) {
        for (auto& place : places())
            if (path == place.data())
                place[0] = 0;
    }

  private:
    using Place = std::array<char, 4096>;
    static std::array<Place, 2>& places() {
        static std::array<Place, 2> two{}; // the results and the profile
        return two;
    }
    // Only what a signal handler may call.
    static void end(int signal) {
        for (auto& place : places())
            if (place[0])
                unlink(place.data());
        _exit(128 + signal);
    }
};

// A file that appears whole under its name, or not at all.
class NewFile {
  public:
    explicit NewFile(const std::string& path)
        : path_(path), draft_(text(path, ".part-", getpid())) {
        struct stat status {};
        if (stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode))
            throw Failure(BAD_FILE, path + ": cannot be written: is no plain file");
        Drafts::add(draft_);
        file_ = std::fopen(draft_.c_str(), "wb");
        if (!file_) {
            Drafts::remove(draft_);
            refuse();
        }
    }
    NewFile(const NewFile&) = delete;
    NewFile& operator=(const NewFile&) = delete;
    ~NewFile() {
        if (file_)
            std::fclose(file_);
        discard();
    }

    void write(const void* bytes, std::size_t size) {
        if (size && std::fwrite(bytes, 1, size, file_) != size)
            refuse();
    }
    void write(const std::string& bytes) { write(bytes.data(), bytes.size()); }

    // The next bytes go to a place from the file's begin.
    void go_to(std::uint64_t place) {
        if (fseeko(file_, static_cast<off_t>(place), SEEK_SET) != 0)
            refuse();
    }

    void finish() {
        // A full disk may only show now.
        if (std::fclose(std::exchange(file_, nullptr)) != 0)
            refuse();
        if (std::rename(draft_.c_str(), path_.c_str()) != 0)
            refuse();
        Drafts::remove(draft_);
        draft_.clear();
    }

  private:
    [[noreturn]] void refuse() const {
        throw Failure(BAD_FILE, text(path_, ": cannot be written: ", std::strerror(errno)));
    }
    void discard() const {
        if (!draft_.empty())
            unlink(draft_.c_str());
        Drafts::remove(draft_);
    }

    std::string path_, draft_;
    std::FILE* file_ = nullptr;
};

// A number in little-endian bytes, as fields of files are.
inline std::string field(std::uint64_t number, std::size_t length) {
    std::string bytes;
    for (; length > 0; length--, number >>= 8)
        bytes += static_cast<char>(number & 0xFF);
    return bytes;
}

// The check sum of a zip archive.
class Crc {
  public:
    void add(const void* bytes, std::size_t size) {
        const auto* next = static_cast<const unsigned char*>(bytes);
        for (std::size_t i = 0; i < size; i++)
            rest_ = TABLE[(rest_ ^ next[i]) & 0xFF] ^ (rest_ >> 8);
    }
    std::uint32_t value() const { return ~rest_; }

  private:
    static constexpr std::array<std::uint32_t, 256> table() {
        std::array<std::uint32_t, 256> made{};
        for (std::uint32_t byte = 0; byte < 256; byte++) {
            std::uint32_t rest = byte;
            for (int bit = 0; bit < 8; bit++)
                rest = rest & 1 ? 0xEDB88320U ^ (rest >> 1) : rest >> 1;
            made[byte] = rest;
        }
        return made;
    }
    static const std::array<std::uint32_t, 256> TABLE;
    std::uint32_t rest_ = 0xFFFFFFFFU;
};
inline constexpr std::array<std::uint32_t, 256> Crc::TABLE = Crc::table();

// ---------------------------------------------------------------------------------------------
// Results
// ---------------------------------------------------------------------------------------------

// What numpy.save writes before the numbers.
inline std::string npy_header(const std::string& type, const Shape& shape) {
    std::string header =
        "{'descr': '" + type + "', 'fortran_order': False, 'shape': " + shape_text(shape) + ", }";
    header += std::string(63 - (10 + header.size()) % 64, ' ') + "\n";
    return std::string("\x93NUMPY\x01\x00", 8) + field(header.size(), 2) + header;
}

// numpy's name of a type of numbers.
template <class Number> std::string type_name() {
    const char kind = std::is_floating_point_v<Number> ? 'f' : std::is_signed_v<Number> ? 'i' : 'u';
    return text(sizeof(Number) == 1 ? '|' : '<', kind, sizeof(Number));
}

// A member of an archive that is being written: where it begins and ends, and what came so far.
struct NewMember {
    std::string name;
    std::uint64_t start = 0, next = 0, size = 0;
    Crc crc;

    // 1980-01-01, so that the same results are the same bytes.
    std::string common() const {
        return field(FIRST_VERSION_OF_64_BITS, 2) + field(0, 2) + field(STORED, 2) + field(0, 2) +
               field(0x21, 2) + field(crc.value(), 4) + field(IN_64_BITS, 4) + field(IN_64_BITS, 4) +
               field(name.size(), 2);
    }
    std::string local_header() const {
        return std::string("PK\3\4", 4) + common() + field(20, 2) + name + field(SIZES_OF_64_BITS, 2) +
               field(16, 2) + field(size, 8) + field(size, 8);
    }
    std::string entry() const {
        return std::string("PK\1\2", 4) + field(FIRST_VERSION_OF_64_BITS, 2) + common() + field(28, 2) +
               std::string(10, '\0') + field(IN_64_BITS, 4) + name + field(SIZES_OF_64_BITS, 2) +
               field(24, 2) + field(size, 8) + field(size, 8) + field(start, 8);
    }
};

// What follows an archive's directory of `size` bytes, which begins at `start`.
inline std::string end_of_archive(std::uint64_t count, std::uint64_t size, std::uint64_t start) {
    return std::string("PK\6\6", 4) + field(LONG_END - 12, 8) + field(FIRST_VERSION_OF_64_BITS, 2) +
           field(FIRST_VERSION_OF_64_BITS, 2) + field(0, 8) + field(count, 8) + field(count, 8) +
           field(size, 8) + field(start, 8) +                                                //
           std::string("PK\6\7", 4) + field(0, 4) + field(start + size, 8) + field(1, 4) + //
           std::string("PK\5\6", 4) + field(0, 4) + field(0xFFFF, 2) + field(0xFFFF, 2) +
           field(IN_64_BITS, 4) + field(IN_64_BITS, 4) + field(0, 2);
}

// A file of so many results in a form, written as they come.
class Results {
  public:
    Results(const std::string& path, std::size_t count, Form form) : file_(path), form_(form) {
        for_each_tensor<Outputs>([&](std::size_t i, auto* tensor) {
            using Tensor = std::remove_pointer_t<decltype(tensor)>;
            in_form<Tensor>(form, [&](auto* as) {
                using As = std::remove_pointer_t<decltype(as)>;
                Shape shape = shape_of<As>();
                shape.insert(shape.begin(), count);
                const auto header = npy_header(type_name<typename As::Value>(), shape);
                const std::size_t numbers = count * size_of_result<As>();
                begin_member(i, std::string(Tensor::NAME) + ".npy",
                             header.size() + numbers * sizeof(typename As::Value));
                put(i, header.data(), header.size());
            });
        });
    }

    // The next rows of each output, in the buffers(output).
    template <class Buffers> void write(std::size_t rows, const Buffers& buffers) {
        for_each_tensor<Outputs>([&](std::size_t i, auto* tensor) {
            using Tensor = std::remove_pointer_t<decltype(tensor)>;
            const auto* words = static_cast<const typename Tensor::Word*>(buffers(i));
            in_form<Tensor>(form_, [&](auto* as) { write_as(i, as, words, rows); });
        });
    }

    void finish() {
        if constexpr (OUTPUTS > 1) {
            std::string directory;
            for (const NewMember& member : members_) {
                file_.go_to(member.start);
                file_.write(member.local_header());
                directory += member.entry();
            }
            const std::uint64_t start = members_.back().next;
            file_.go_to(start);
            file_.write(directory + end_of_archive(OUTPUTS, directory.size(), start));
        }
        file_.finish();
    }

  private:
    void begin_member(std::size_t i, const std::string& name, std::uint64_t size) {
        NewMember& member = members_[i];
        member.name = name;
        member.size = size;
        if (i)
            member.start = members_[i - 1].start + header_bytes(members_[i - 1]) + members_[i - 1].size;
        member.next = member.start + (OUTPUTS > 1 ? header_bytes(member) : 0);
    }
    static std::uint64_t header_bytes(const NewMember& member) {
        return LOCAL_HEADER + member.name.size() + 20;
    }

    template <class Tensor, template <class> class As>
    void write_as(std::size_t i, As<Tensor>*, const typename Tensor::Word* words, std::size_t rows) {
        static std::vector<typename As<Tensor>::Value> out;
        out.resize(rows * size_of_result<As<Tensor>>());
        from_raw<Tensor, As>(words, rows, out.data());
        put(i, out.data(), out.size() * sizeof(out[0]));
    }

    void put(std::size_t i, const void* bytes, std::size_t size) {
        if constexpr (OUTPUTS > 1) {
            file_.go_to(members_[i].next);
            members_[i].next += size;
            members_[i].crc.add(bytes, size);
        }
        file_.write(bytes, size);
    }

    NewFile file_;
    Form form_;
    std::array<NewMember, OUTPUTS> members_;
};

} // namespace fpga
