/* The functions of libxrt_core that libxrt_swemu leaves out, under the names that pynq and older
 * programs ask for. What a card of software has no answer to is refused, by its name. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shim.h"

/* xrt.h: struct xclDeviceUsage. */
struct device_usage {
  size_t to_card[USAGE_BANKS], to_host[USAGE_BANKS], bytes[USAGE_BANKS];
  unsigned buffers[USAGE_BANKS];
  unsigned contexts;
  uint64_t xclbin[4];
  unsigned dma_channels, memory_mapped_channels;
  uint64_t sizes[USAGE_BANKS];
};

/* xclerr.h: struct xclErrorStatus, which is empty where nothing has failed. */
struct error_status {
  unsigned firewalls;
  struct {
    unsigned long time;
    unsigned status;
    int firewall;
  } records[8];
  unsigned pcie[5];
  unsigned level;
};

/* xrt.h: the start of struct xclDeviceInfo2, with room for the rest. */
struct device_info {
  unsigned magic;
  char name[256];
  unsigned short versions[7];
  size_t sizes[4];
  unsigned short banks, megahertz[4];
  char rest[4096];
};

int xclGetDeviceInfo2(void *handle, struct device_info *info);
int xclExecBuf(void *handle, unsigned command);

static int refused(const char *function) {
  fprintf(stderr, "fpgac card: %s() is not offered by the emulated card\n", function);
  return -ENOSYS;
}

int xclGetUsageInfo(void *handle, struct device_usage *info) {
  const struct usage usage = buffers_in_use(handle);
  memset(info, 0, sizeof *info);
  memcpy(info->bytes, usage.bytes, sizeof info->bytes);
  memcpy(info->buffers, usage.buffers, sizeof info->buffers);
  return 0;
}

int xclGetErrorStatus(void *handle, struct error_status *status) {
  (void)handle;
  memset(status, 0, sizeof *status);
  return 0;
}

size_t xclGetDeviceClockFreqMHz(void *handle) {
  struct device_info info;
  memset(&info, 0, sizeof info);
  return xclGetDeviceInfo2(handle, &info) == 0 ? info.megahertz[0] : 0;
}

/* XRT's software scheduler knows no commands that wait for others. */
int xclExecBufWithWaitList(void *handle, unsigned command, size_t count, const unsigned *others) {
  (void)others;
  return count == 0 ? xclExecBuf(handle, command) : refused("xclExecBufWithWaitList");
}

int xclGetSectionInfo(void *handle, void *info, size_t *size, int kind, int index) {
  (void)handle, (void)info, (void)size, (void)kind, (void)index;
  return refused("xclGetSectionInfo");
}

int xclGetSysfsPath(void *handle, const char *device, const char *entry, char *path, size_t size) {
  (void)handle, (void)device, (void)entry, (void)path, (void)size;
  return refused("xclGetSysfsPath");
}

void *xclOpenByBDF(const char *address) {
  (void)address;
  refused("xclOpenByBDF");
  return NULL;
}

int xclOpenIPInterruptNotify(void *handle, uint32_t unit, unsigned flags) {
  (void)handle, (void)unit, (void)flags;
  return refused("xclOpenIPInterruptNotify");
}

int xclCloseIPInterruptNotify(void *handle, int file) {
  (void)handle, (void)file;
  return refused("xclCloseIPInterruptNotify");
}

int xclPollQueue(void *handle, uint64_t queue, int least, int most, void *done, int *count,
                 int timeout) {
  (void)handle, (void)queue, (void)least, (void)most, (void)done, (void)count, (void)timeout;
  return refused("xclPollQueue");
}

int xclSetQueueOpt(void *handle, uint64_t queue, int type, uint32_t value) {
  (void)handle, (void)queue, (void)type, (void)value;
  return refused("xclSetQueueOpt");
}
