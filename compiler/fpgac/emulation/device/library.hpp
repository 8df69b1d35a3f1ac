// A private copy of a kernel's shared library.
#pragma once

#include <memory>
#include <string>

namespace card {

// Each compute unit loads its own copy, so that static variables of the kernel's C++ are apart,
// as registers and memories of two compute units are in hardware.
class Library {
public:
  // Throws std::runtime_error with the loader's words.
  explicit Library(const std::string &path);
  ~Library();
  Library(const Library &) = delete;
  Library &operator=(const Library &) = delete;

  // Throws std::runtime_error if there is no such function.
  void *function(const std::string &name) const;
  // Null if there is no such function.
  void *find(const std::string &name) const;

private:
  int file_ = -1;  // held open: the loader tells copies apart by the file's name
  void *handle_ = nullptr;
};

}  // namespace card
