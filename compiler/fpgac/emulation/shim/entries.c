/* Leads entry points of XRT's emulation library to functions of ours, in memory; the file on disk
 * stays as it is. Those that are replaced do nothing but ask the class behind them, whose functions
 * remain. Nothing is changed unless all that is needed is found: another XRT is left alone. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shim.h"

struct shim shim;

#if defined(__x86_64__)

#define CLASS "_ZN12xclcpuemhal29CpuemShim"
enum { JUMP = 14 };

struct entry {
  const char *name;
  const void *ours;
  uint8_t *code;
};
static struct entry entries[] = {
    {"xclAllocBO", allocate_buffer, NULL},
    {"xclAllocUserPtrBO", allocate_buffer_at, NULL},
    {"xclFreeBO", release_buffer, NULL},
    {"xclGetBOProperties", buffer_properties, NULL},
    {"xclCopyBO", copy_buffer, NULL},
    {"xclMapBO", map_buffer, NULL},
    {"xclExecBuf", execute_command, NULL},
    {"xclClose", close_device, NULL},
    {"xclLoadXclBin", load_xclbin, NULL},
};
enum { ENTRIES = sizeof entries / sizeof *entries };

/* xclLoadXclBin() does more than to ask the class: it is called behind its first instructions, of
 * which it is known that they run anywhere. */
static const uint8_t LOAD[JUMP] = {
    0x41, 0x56, 0x41, 0x55, 0x49, 0x89, 0xf5, /* push r14, r13; mov rsi, r13 */
    0x41, 0x54, 0x49, 0x89, 0xfc, 0x55, 0x53, /* push r12; mov rdi, r12; push rbp, rbx */
};

/* jmp *0(%rip), and the address. */
static void write_jump(uint8_t *code, const void *to) {
  static const uint8_t instruction[6] = {0xff, 0x25};
  memcpy(code, instruction, sizeof instruction);
  memcpy(code + sizeof instruction, &to, sizeof to);
}

static void lead(uint8_t *code, const void *to) {
  const uintptr_t size = (uintptr_t)sysconf(_SC_PAGESIZE);
  const uintptr_t start = (uintptr_t)code & ~(size - 1);
  const size_t length = (uintptr_t)code + JUMP - start;
  if (mprotect((void *)start, length, PROT_READ | PROT_WRITE) != 0) {
    perror("fpgac: XRT's emulation library cannot be repaired");
    return;
  }
  write_jump(code, to);
  mprotect((void *)start, length, PROT_READ | PROT_EXEC);
}

/* A function that does what the one whose code begins there did. */
static void *behind(const uint8_t *code) {
  if (memcmp(code, LOAD, JUMP) != 0) return NULL;
  uint8_t *copy = mmap(NULL, 2 * JUMP, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (copy == MAP_FAILED) return NULL;
  memcpy(copy, code, JUMP);
  write_jump(copy + JUMP, code + JUMP);
  return mprotect(copy, 2 * JUMP, PROT_READ | PROT_EXEC) == 0 ? copy : NULL;
}

static int find(void *real) {
  shim.device = dlsym(real, CLASS "11handleCheckEPv");
  shim.allocate = dlsym(real, CLASS "10xclAllocBOEmij");
  shim.allocate_at = dlsym(real, CLASS "17xclAllocUserPtrBOEPvmj");
  shim.release = dlsym(real, CLASS "9xclFreeBOEj");
  shim.map = dlsym(real, CLASS "8xclMapBOEjb");
  shim.properties = dlsym(real, CLASS "18xclGetBOPropertiesEjP15xclBOProperties");
  shim.read = dlsym(real, CLASS "24xclCopyBufferDevice2HostEPvmmm");
  shim.write = dlsym(real, CLASS "24xclCopyBufferHost2DeviceEmPKvmm");
  shim.execute = dlsym(real, CLASS "10xclExecBufEj");
  shim.close = dlsym(real, CLASS "8xclCloseEv");
  for (int i = 0; i < ENTRIES; i++)
    if (!(entries[i].code = dlsym(real, entries[i].name))) return 0;
  shim.load = behind(entries[ENTRIES - 1].code);
  return shim.device && shim.allocate && shim.allocate_at && shim.release && shim.map &&
         shim.properties && shim.read && shim.write && shim.execute && shim.close && shim.load;
}

__attribute__((constructor)) static void take_over(void) {
  void *real = dlopen(REAL_SHIM, RTLD_NOW | RTLD_NOLOAD);
  if (real && find(real)) {
    for (int i = 0; i < ENTRIES; i++) lead(entries[i].code, entries[i].ours);
    /* The card believes what is said of sharing only where it is true. */
    setenv("FPGAC_CARD_SHARES", "1", 1);
  }
  if (real) dlclose(real);
}

#endif
