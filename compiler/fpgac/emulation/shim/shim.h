/* XRT's emulation library (version 2.13), and what of it is led to functions of ours. */
#ifndef FPGAC_SHIM_H
#define FPGAC_SHIM_H

#include <stddef.h>
#include <stdint.h>

/* xrt.h: struct xclBOProperties. The low bits of the flags are the memory. */
struct properties {
  uint32_t handle, flags;
  uint64_t size, address;
};

/* The functions of the library's class behind its entry points, and one entry point as it was. */
struct shim {
  void *(*device)(void *handle);
  unsigned (*allocate)(void *device, size_t size, int unused, unsigned flags);
  unsigned (*allocate_at)(void *device, void *memory, size_t size, unsigned flags);
  void (*release)(void *device, unsigned buffer);
  void *(*map)(void *device, unsigned buffer, _Bool write);
  int (*properties)(void *device, unsigned buffer, struct properties *found);
  size_t (*read)(void *device, void *to, uint64_t from, size_t size, size_t skip);
  size_t (*write)(void *device, uint64_t to, const void *from, size_t size, size_t seek);
  int (*execute)(void *device, unsigned buffer);
  void (*close)(void *device);
  int (*load)(void *handle, const void *xclbin);
};
extern struct shim shim;

static const unsigned NO_BUFFER = 0xFFFFFFFF;
enum { USAGE_BANKS = 8 }; /* as many as xclDeviceUsage has room for */

struct usage {
  size_t bytes[USAGE_BANKS];
  unsigned buffers[USAGE_BANKS];
};

/* buffers.c */
unsigned allocate_buffer(void *handle, size_t size, int unused, unsigned flags);
unsigned allocate_buffer_at(void *handle, void *memory, size_t size, unsigned flags);
void release_buffer(void *handle, unsigned buffer);
int buffer_properties(void *handle, unsigned buffer, struct properties *found);
int copy_buffer(void *handle, unsigned to, unsigned from, size_t size, size_t to_offset,
                size_t from_offset);
struct usage buffers_in_use(void *handle);

/* commands.c */
void *map_buffer(void *handle, unsigned buffer, _Bool write);
int execute_command(void *handle, unsigned buffer);
void forget_command(const void *device, unsigned buffer);
void close_device(void *handle);
int load_xclbin(void *handle, const void *xclbin);

#endif
