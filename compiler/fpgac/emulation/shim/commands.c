/* A card may be closed, or given another program, while its kernels run: XRT's emulation library
 * would take the card away from under the thread that waits for them. Here it waits until they are
 * done, as the driver of a real card does; a host that waits for ever learns why. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "shim.h"

/* ert.h: the low bits of a command's first word are its state; from COMPLETED on it has ended. */
enum { STATE = 0xF, COMPLETED = 4, SUBMITTED = 7 };
enum { POLL_US = 200, PATIENCE = 5000 };

struct command {
  const void *device;
  unsigned buffer;
  volatile const uint32_t *packet;
  int given; /* handed to the card at least once */
  struct command *next;
};
static struct command *commands;
static pthread_mutex_t listing = PTHREAD_MUTEX_INITIALIZER;

/* Both with `listing` held. */
static struct command **find(const void *device, unsigned buffer) {
  struct command **at = &commands;
  while (*at && ((*at)->device != device || (*at)->buffer != buffer)) at = &(*at)->next;
  return at;
}

static int runs(const struct command *command) {
  const uint32_t state = *command->packet & STATE;
  return command->given && (state < COMPLETED || state == SUBMITTED);
}

static void remember(const void *device, unsigned buffer, const void *packet) {
  pthread_mutex_lock(&listing);
  struct command **at = find(device, buffer);
  if (!*at) *at = calloc(1, sizeof **at);
  if (*at) {
    (*at)->device = device;
    (*at)->buffer = buffer;
    (*at)->packet = packet;
  }
  pthread_mutex_unlock(&listing);
}

void forget_command(const void *device, unsigned buffer) {
  pthread_mutex_lock(&listing);
  struct command **at = find(device, buffer), *found = *at;
  if (found) {
    *at = found->next;
    free(found);
  }
  pthread_mutex_unlock(&listing);
}

void *map_buffer(void *handle, unsigned buffer, _Bool write) {
  enum { COMMAND = (int)0x80000000 }; /* XCL_BO_FLAGS_EXECBUF */
  void *device = shim.device(handle);
  struct properties found;
  if (!device) return NULL;
  void *memory = shim.map(device, buffer, write);
  if (memory && shim.properties(device, buffer, &found) == 0 && found.flags & COMMAND)
    remember(device, buffer, memory);
  return memory;
}

int execute_command(void *handle, unsigned buffer) {
  void *device = shim.device(handle);
  if (!device) return -1;
  const int result = shim.execute(device, buffer);
  pthread_mutex_lock(&listing);
  struct command *found = *find(device, buffer);
  if (found && result == 0) found->given = 1;
  pthread_mutex_unlock(&listing);
  return result;
}

static int is_busy(const void *device) {
  int busy = 0;
  pthread_mutex_lock(&listing);
  for (const struct command *command = commands; command && !busy; command = command->next)
    busy = command->device == device && runs(command);
  pthread_mutex_unlock(&listing);
  return busy;
}

static void wait_for_kernels(const void *device, const char *doing) {
  const struct timespec pause = {0, POLL_US * 1000};
  for (int round = 0; is_busy(device); round++) {
    if (round == PATIENCE)
      fprintf(stderr, "fpgac card: the host %s while a kernel runs, and waits for it\n", doing);
    nanosleep(&pause, NULL);
  }
}

void close_device(void *handle) {
  void *device = shim.device(handle);
  if (!device) return;
  wait_for_kernels(device, "closes the card");
  shim.close(device);
}

int load_xclbin(void *handle, const void *xclbin) {
  void *device = shim.device(handle);
  if (device) wait_for_kernels(device, "loads an xclbin");
  return shim.load(handle, xclbin);
}
