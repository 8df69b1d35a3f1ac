/* What XRT's emulation library does to buffers, put right.
 *
 * - It asks for every buffer to be shared between host and card. Here it asks only for those that
 *   are on a real card as well (P2P, host memory, memory of the card alone), so that for all others
 *   a forgotten sync still shows.
 * - It copies through an array on the stack, to which it adds the offsets.
 * - What the memories hold is counted, for xclGetUsageInfo(). */
#include <pthread.h>
#include <stdlib.h>

#include "shim.h"

/* xrt_mem.h. */
enum { CACHEABLE = 1 << 24, DEVICE_ONLY = 1 << 28, HOST_ONLY = 1 << 29, P2P = 1 << 30 };
enum { BANK = 0xFFFFFF };
static const size_t PIECE = 4 << 20;

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

unsigned allocate_buffer(void *handle, size_t size, int unused, unsigned flags) {
  void *device = shim.device(handle);
  if (!device) return NO_BUFFER;
  const int shared = flags & (DEVICE_ONLY | HOST_ONLY | P2P);
  return counted(device, shim.allocate(device, size, unused, shared ? flags : flags | CACHEABLE));
}

unsigned allocate_buffer_at(void *handle, void *memory, size_t size, unsigned flags) {
  void *device = shim.device(handle);
  if (!device) return NO_BUFFER;
  return counted(device, shim.allocate_at(device, memory, size, flags | CACHEABLE));
}

void release_buffer(void *handle, unsigned buffer) {
  void *device = shim.device(handle);
  struct properties found;
  if (!device) return;
  if (shim.properties(device, buffer, &found) == 0) count(device, &found, -1);
  forget_command(device, buffer);
  shim.release(device, buffer);
}

/* The flags that the host gave: without what allocate_buffer() added. */
int buffer_properties(void *handle, unsigned buffer, struct properties *found) {
  void *device = shim.device(handle);
  if (!device) return -1;
  const int result = shim.properties(device, buffer, found);
  if (result == 0) found->flags &= ~(unsigned)CACHEABLE;
  return result;
}

int copy_buffer(void *handle, unsigned to, unsigned from, size_t size, size_t to_offset,
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
