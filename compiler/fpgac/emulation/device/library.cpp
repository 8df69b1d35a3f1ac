#include "library.hpp"

#include <dlfcn.h>
#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <vector>

namespace card {
namespace {

std::vector<char> read_file(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read the kernel's library " + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

template <typename T> T *at(std::vector<char> &image, uint64_t offset, uint64_t count = 1) {
  if (offset > image.size() || count > (image.size() - offset) / sizeof(T)) return nullptr;
  return reinterpret_cast<T *>(image.data() + offset);
}

// g++ marks the static variables of templates and inline functions "unique", which the loader
// merges between copies of a library; as weak symbols they stay with their copy.
void separate_unique_symbols(std::vector<char> &image) {
  auto *header = at<Elf64_Ehdr>(image, 0);
  if (!header || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
      header->e_ident[EI_CLASS] != ELFCLASS64)
    throw std::runtime_error("the xclbin holds no 64-bit shared library of this machine");
  auto *sections = at<Elf64_Shdr>(image, header->e_shoff, header->e_shnum);
  if (!sections) return;
  for (unsigned index = 0; index < header->e_shnum; ++index) {
    if (sections[index].sh_type != SHT_DYNSYM) continue;
    const uint64_t count = sections[index].sh_size / sizeof(Elf64_Sym);
    auto *symbols = at<Elf64_Sym>(image, sections[index].sh_offset, count);
    for (uint64_t i = 0; symbols && i < count; ++i)
      if (ELF64_ST_BIND(symbols[i].st_info) == STB_GNU_UNIQUE)
        symbols[i].st_info = ELF64_ST_INFO(STB_WEAK, ELF64_ST_TYPE(symbols[i].st_info));
  }
}

int in_memory(const std::vector<char> &image) {
  const int file = memfd_create("kernel", MFD_CLOEXEC);
  if (file < 0) throw std::runtime_error(std::string("memfd_create: ") + strerror(errno));
  for (size_t done = 0; done < image.size();) {
    const ssize_t written = write(file, image.data() + done, image.size() - done);
    if (written <= 0) {
      close(file);
      throw std::runtime_error(std::string("cannot copy the kernel's library: ") + strerror(errno));
    }
    done += size_t(written);
  }
  return file;
}

}  // namespace

Library::Library(const std::string &path) {
  std::vector<char> image = read_file(path);
  separate_unique_symbols(image);
  file_ = in_memory(image);
  handle_ = dlopen(("/proc/self/fd/" + std::to_string(file_)).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle_) return;
  const std::string words = dlerror();
  close(file_);
  throw std::runtime_error("the kernel's library cannot be loaded: " + words);
}

Library::~Library() {
  dlclose(handle_);
  close(file_);
}

void *Library::find(const std::string &name) const { return dlsym(handle_, name.c_str()); }

void *Library::function(const std::string &name) const {
  if (void *found = find(name)) return found;
  throw std::runtime_error("the kernel's library has no function '" + name +
                           "' (is it declared extern \"C\"?)");
}

}  // namespace card
