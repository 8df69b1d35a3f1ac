# XRT's headers: of the XRT that is set up, of its usual place, or of the distribution's package.
XRT_PLACES := $(XILINX_XRT)/include /opt/xilinx/xrt/include /usr/include/xrt
XRT_HEADER := xrt/xrt_device.h
XRT_FOUND := $(firstword $(wildcard $(addsuffix /$(XRT_HEADER),$(XRT_PLACES))))
XRT_INCLUDE ?= $(patsubst %/$(XRT_HEADER),%,$(XRT_FOUND))
XRT_LIB ?= $(wildcard /opt/xilinx/xrt/lib)

# The conversion of numbers is exact as C++ states it: never build it with -ffast-math. That nobody
# looks at errno or at traps changes no value, and lets the compiler convert many numbers at once.
CXXFLAGS ?= -O3 -march=native
override CXXFLAGS += -std=c++17 -Wall -Wextra -ffp-contract=off -fno-math-errno -fno-trapping-math
CPPFLAGS += $(addprefix -isystem ,$(XRT_INCLUDE))
LDFLAGS += $(foreach folder,$(XRT_LIB),-L$(folder) -Wl,-rpath,$(folder))
LDLIBS += $(LIBRARIES)

host: host.cpp $(wildcard *.hpp)
	$(CXX) $(CPPFLAGS) $(CXXFLAGS) host.cpp -o $@ $(LDFLAGS) $(LDLIBS)

.PHONY: clean
clean:
	rm -f host
