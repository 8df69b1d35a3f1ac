/* Stands in front of XRT's libxrt_swemu.so.2 (needed by absolute path: REAL_SHIM) and repairs one
 * defect of version 2.13 in memory: CpuemShim::alloc_void() grows its message buffer by realloc()
 * and forgets the new address, so hosts write to freed memory and abort. The file on disk stays
 * as it is, and code that is not exactly the defective one is left alone. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__x86_64__)

enum { ANY = -1 };

/* size_t alloc_void(size_t new_size), as compiled into the defective library. */
static const int16_t DEFECTIVE[] = {
    0x55, 0x48, 0x89, 0xf5, 0x53, 0x48, 0x89, 0xfb,       /* push; mov size, rbp; mov this, rbx */
    0x48, 0x83, 0xec, 0x08,
    0x48, 0x8b, 0x87, ANY,  ANY,  ANY,  ANY,              /* mov buf_size(this), rax */
    0x48, 0x85, 0xc0, 0x74, 0x10,                         /* none yet: to malloc */
    0x48, 0x39, 0xf0, 0x72, 0x23,                         /* too small: to realloc */
    0x48, 0x83, 0xc4, 0x08, 0x5b, 0x5d, 0xc3,
    0x0f, 0x1f, 0x40, 0x00,
    0x48, 0x89, 0xf7, 0xe8, ANY,  ANY,  ANY,  ANY,        /* call malloc */
    0x48, 0x89, 0x83, ANY,  ANY,  ANY,  ANY,              /* 0x30: mov rax, buf(this) */
    0x48, 0x89, 0xe8, 0xeb, 0xe1,                         /* 0x37: return size */
    0x0f, 0x1f, 0x40, 0x00,
    0x48, 0x8b, 0xbf, ANY,  ANY,  ANY,  ANY,
    0xe8, ANY,  ANY,  ANY,  ANY,                          /* call realloc */
    0x48, 0x85, 0xc0, 0x75, 0xe6,                         /* 0x4c: got it: to 0x37 */
};
enum { LENGTH = sizeof DEFECTIVE / sizeof *DEFECTIVE, JUMP = LENGTH - 1 };
/* Jumping to the store at 0x30 instead of just behind it is the whole repair. */
static const uint8_t REPAIRED_JUMP = 0xdf;

static int is_defective(const uint8_t *code) {
  for (int i = 0; i < LENGTH; i++)
    if (DEFECTIVE[i] != ANY && code[i] != DEFECTIVE[i]) return 0;
  return 1;
}

static void repair(uint8_t *code) {
  const uintptr_t size = (uintptr_t)sysconf(_SC_PAGESIZE);
  void *page = (void *)((uintptr_t)(code + JUMP) & ~(size - 1));
  if (mprotect(page, size, PROT_READ | PROT_WRITE) != 0) {
    perror("fpgac: XRT's emulation library cannot be repaired");
    return;
  }
  code[JUMP] = REPAIRED_JUMP;
  mprotect(page, size, PROT_READ | PROT_EXEC);
}

__attribute__((constructor)) static void repair_if_defective(void) {
  void *real = dlopen(REAL_SHIM, RTLD_NOW | RTLD_NOLOAD);
  uint8_t *code = real ? dlsym(real, "_ZN12xclcpuemhal29CpuemShim10alloc_voidEm") : NULL;
  if (code && is_defective(code)) repair(code);
  if (real) dlclose(real);
}

#endif
