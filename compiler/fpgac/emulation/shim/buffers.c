/* What XRT's emulation library (version 2.13) does to buffers, put right in memory from its entry
 * points on; the file on disk stays as it is. The entry points lead here, and from here on to the
 * class behind them.
 *
 * - xclAllocBO(): the library asks for every buffer to be shared between host and card. Here it
 *   asks only for those that are on a real card as well (P2P, host memory, memory of the card
 *   alone), so that for all others a forgotten sync still shows.
 * - xclCopyBO(): it copies through an array on the stack, to which it adds the offsets.
 * - What the banks hold is counted, for xclGetUsageInfo(). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "buffers.h"

/* xrt_mem.h: the low bits of a buffer's flags are its memory. */
enum { CACHEABLE = 1 << 24, DEVICE_ONLY = 1 << 28, HOST_ONLY = 1 << 29, P2P = 1 << 30 };
enum { BANK = 0xFFFFFF };
static const unsigned NO_BUFFER = 0xFFFFFFFF;
static const size_t PIECE = 4 << 20;

struct properties {
  uint32_t handle, flags;
  uint64_t size, address;
};

/* The class's own functions, under the names that C++ gives them. */
static struct {
  void *(*device)(void *);
  unsigned (*allocate)(void *, size_t, int, unsigned);
  unsigned (*allocate_at)(void *, void *, size_t, unsigned);
  void (*release)(void *, unsigned);
  int (*properties)(void *, unsigned, struct properties *);
  size_t (*read)(void *, void *, uint64_t, size_t, size_t);
  size_t (*write)(void *, uint64_t, const void *, size_t, size_t);
} shim;

struct device {
  const void *handle;
  struct usage usage;
  struct device *next;
};
static struct device *devices;
static pthread_mutex_t counting = PTHREAD_MUTEX_INITIALIZER;

/* The counts of one device; `counting` is held. */
static struct usage *usage_of(const void *handle) {
  struct device *found = devices;
  while (found && found->handle != handle) found = found->next;
  if (!found && (found = calloc(1, sizeof *found))) {
    found->handle = handle;
    found->next = devices;
    devices = found;
  }
  return found ? &found->usage : NULL;
}

static unsigned bank_of(unsigned flags) {
  const unsigned bank = flags & BANK;
  return bank == BANK ? 0 : bank;
}

static void count(const void *device, const struct properties *buffer, int change) {
  const unsigned bank = bank_of(buffer->flags);
  if (bank >= USAGE_BANKS) return;
  pthread_mutex_lock(&counting);
  struct usage *usage = usage_of(device);
  if (usage) {
    usage->bytes[bank] += (size_t)change * buffer->size;
    usage->buffers[bank] += (unsigned)change;
  }
  pthread_mutex_unlock(&counting);
}

struct usage buffers_in_use(void *handle) {
  struct usage result = {{0}, {0}};
  pthread_mutex_lock(&counting);
  const struct usage *found = usage_of(shim.device ? shim.device(handle) : handle);
  if (found) result = *found;
  pthread_mutex_unlock(&counting);
  return result;
}

static unsigned counted(void *device, unsigned buffer) {
  struct properties found;
  if (buffer != NO_BUFFER && shim.properties(device, buffer, &found) == 0)
    count(device, &found, 1);
  return buffer;
}

static unsigned allocate(void *handle, size_t size, int unused, unsigned flags) {
  void *device = shim.device(handle);
  if (!device) return NO_BUFFER;
  const int shared = flags & (DEVICE_ONLY | HOST_ONLY | P2P);
  return counted(device, shim.allocate(device, size, unused, shared ? flags : flags | CACHEABLE));
}

static unsigned allocate_at(void *handle, void *memory, size_t size, unsigned flags) {
  void *device = shim.device(handle);
  if (!device) return NO_BUFFER;
  return counted(device, shim.allocate_at(device, memory, size, flags | CACHEABLE));
}

static void release(void *handle, unsigned buffer) {
  void *device = shim.device(handle);
  struct properties found;
  if (!device) return;
  if (shim.properties(device, buffer, &found) == 0) count(device, &found, -1);
  shim.release(device, buffer);
}

/* The flags that the host gave: without what allocate() added. */
static int properties(void *handle, unsigned buffer, struct properties *found) {
  void *device = shim.device(handle);
  if (!device) return -1;
  const int result = shim.properties(device, buffer, found);
  if (result == 0) found->flags &= ~(unsigned)CACHEABLE;
  return result;
}

static int copy(void *handle, unsigned to, unsigned from, size_t size, size_t to_offset,
                size_t from_offset) {
  void *device = shim.device(handle);
  struct properties target, source;
  if (!device || shim.properties(device, to, &target) || shim.properties(device, from, &source))
    return -1;
  if (to_offset > target.size || size > target.size - to_offset) return -1;
  if (from_offset > source.size || size > source.size - from_offset) return -1;
  /* The whole of it first: the ranges may overlap within one buffer. */
  char *held = malloc(size ? size : 1);
  if (!held) return -1;
  for (size_t done = 0; done < size; done += PIECE) {
    const size_t piece = size - done < PIECE ? size - done : PIECE;
    shim.read(device, held + done, source.address + from_offset + done, piece, 0);
  }
  for (size_t done = 0; done < size; done += PIECE) {
    const size_t piece = size - done < PIECE ? size - done : PIECE;
    shim.write(device, target.address + to_offset + done, held + done, piece, 0);
  }
  free(held);
  return 0;
}

#if defined(__x86_64__)

/* jmp *0(%rip), and the address. */
static void lead(void *entry, const void *to) {
  uint8_t jump[14] = {0xff, 0x25};
  memcpy(jump + 6, &to, sizeof to);
  const uintptr_t size = (uintptr_t)sysconf(_SC_PAGESIZE);
  const uintptr_t start = (uintptr_t)entry & ~(size - 1);
  const size_t length = (uintptr_t)entry + sizeof jump - start;
  if (mprotect((void *)start, length, PROT_READ | PROT_WRITE) != 0) {
    perror("fpgac: XRT's emulation library cannot be repaired");
    return;
  }
  memcpy(entry, jump, sizeof jump);
  mprotect((void *)start, length, PROT_READ | PROT_EXEC);
}

enum { ENTRIES = 5 };
#define SHIM "_ZN12xclcpuemhal29CpuemShim"

/* All that is needed, or nothing is changed: another XRT has other functions. */
static int find(void *real, void *entries[ENTRIES]) {
  static const char *const names[ENTRIES] = {"xclAllocBO", "xclAllocUserPtrBO", "xclFreeBO",
                                             "xclGetBOProperties", "xclCopyBO"};
  shim.device = dlsym(real, SHIM "11handleCheckEPv");
  shim.allocate = dlsym(real, SHIM "10xclAllocBOEmij");
  shim.allocate_at = dlsym(real, SHIM "17xclAllocUserPtrBOEPvmj");
  shim.release = dlsym(real, SHIM "9xclFreeBOEj");
  shim.properties = dlsym(real, SHIM "18xclGetBOPropertiesEjP15xclBOProperties");
  shim.read = dlsym(real, SHIM "24xclCopyBufferDevice2HostEPvmmm");
  shim.write = dlsym(real, SHIM "24xclCopyBufferHost2DeviceEmPKvmm");
  for (int i = 0; i < ENTRIES; i++)
    if (!(entries[i] = dlsym(real, names[i]))) return 0;
  return shim.device && shim.allocate && shim.allocate_at && shim.release && shim.properties &&
         shim.read && shim.write;
}

__attribute__((constructor)) static void take_over(void) {
  void *real = dlopen(REAL_SHIM, RTLD_NOW | RTLD_NOLOAD);
  void *entries[ENTRIES];
  if (real && find(real, entries)) {
    const void *const ours[ENTRIES] = {allocate, allocate_at, release, properties, copy};
    for (int i = 0; i < ENTRIES; i++) lead(entries[i], ours[i]);
    /* The card believes what is said of sharing only where it is true. */
    setenv("FPGAC_CARD_SHARES", "1", 1);
  }
  if (real) dlclose(real);
}

#endif
