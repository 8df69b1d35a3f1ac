// A stream between kernels of the emulated card, as the device process and the kernels see it.
#pragma once

#include <cstddef>

namespace fpgac_card {

struct Channel {
  // Wait where there is no room, and where there is nothing.
  void (*write)(Channel *, const void *data, size_t bytes);
  void (*read)(Channel *, void *data, size_t bytes);
  // False at once where the others wait.
  bool (*try_write)(Channel *, const void *data, size_t bytes);
  bool (*try_read)(Channel *, void *data, size_t bytes);
  size_t (*size)(Channel *);
  bool (*is_full)(Channel *);
};

}  // namespace fpgac_card
