/* XRT's OpenCL (version 2.13) puts every buffer that names its memory into memory 0 where
 * XCL_EMULATION_MODE says sw_emu, since AMD's programs for software emulation say nothing of their
 * connections. fpgac's do, so that the variable is hidden from it: its getenv() is this one. XRT's other libraries
 * go on to see the variable. */
#define _GNU_SOURCE
#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__x86_64__)

static char *getenv_of_opencl(const char *name) {
  return strcmp(name, "XCL_EMULATION_MODE") == 0 ? NULL : getenv(name);
}

static uintptr_t value(const struct dl_phdr_info *library, int64_t tag) {
  for (int i = 0; i < library->dlpi_phnum; i++) {
    if (library->dlpi_phdr[i].p_type != PT_DYNAMIC) continue;
    const Elf64_Dyn *entry = (void *)(library->dlpi_addr + library->dlpi_phdr[i].p_vaddr);
    for (; entry->d_tag != DT_NULL; entry++)
      if (entry->d_tag == tag) return entry->d_un.d_ptr;
  }
  return 0;
}

static void store(uintptr_t slot, uintptr_t word) {
  const uintptr_t size = (uintptr_t)sysconf(_SC_PAGESIZE);
  if (mprotect((void *)(slot & ~(size - 1)), size, PROT_READ | PROT_WRITE) == 0)
    *(uintptr_t *)slot = word;
}

static void redirect(const struct dl_phdr_info *library, uintptr_t table, size_t bytes) {
  const Elf64_Rela *relocation = (void *)table;
  const Elf64_Sym *symbols = (void *)value(library, DT_SYMTAB);
  const char *names = (void *)value(library, DT_STRTAB);
  for (; bytes >= sizeof *relocation; bytes -= sizeof *relocation, relocation++) {
    const uint64_t type = ELF64_R_TYPE(relocation->r_info);
    if (type != R_X86_64_JUMP_SLOT && type != R_X86_64_GLOB_DAT) continue;
    if (strcmp(names + symbols[ELF64_R_SYM(relocation->r_info)].st_name, "getenv") == 0)
      store(library->dlpi_addr + relocation->r_offset, (uintptr_t)getenv_of_opencl);
  }
}

static int visit(struct dl_phdr_info *library, size_t size, void *unused) {
  (void)size, (void)unused;
  const char *name = strrchr(library->dlpi_name, '/');
  if (strncmp(name ? name + 1 : library->dlpi_name, "libxilinxopencl.so", 18) != 0) return 0;
  redirect(library, value(library, DT_JMPREL), value(library, DT_PLTRELSZ));
  redirect(library, value(library, DT_RELA), value(library, DT_RELASZ));
  return 0;
}

__attribute__((constructor)) static void let_opencl_choose_memories(void) {
  dl_iterate_phdr(visit, NULL);
}

#endif
