/* Loaded before XRT's emulation library (it is linked first, with -z initfirst), whose static
 * constructors already read the environment. pynq refuses XCL_EMULATION_MODE=sw_emu in Python, so
 * for pynq hosts it is set here, out of Python's sight. */
#include <stdlib.h>

static void set_default(const char *name, const char *value) {
  const char *given = getenv(name);
  if (!given || !*given) setenv(name, value, 1);
}

__attribute__((constructor)) static void prepare(void) {
  set_default("XCL_EMULATION_MODE", "sw_emu");
  set_default("USER", "fpgac"); /* the shim ends its host without it */
}
