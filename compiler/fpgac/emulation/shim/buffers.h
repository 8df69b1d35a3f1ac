/* What a host's buffers take of each memory of a card. */
#ifndef FPGAC_BUFFERS_H
#define FPGAC_BUFFERS_H

#include <stddef.h>

enum { USAGE_BANKS = 8 }; /* as many as xclDeviceUsage has room for */

struct usage {
  size_t bytes[USAGE_BANKS];
  unsigned buffers[USAGE_BANKS];
};

struct usage buffers_in_use(void *handle);

#endif
