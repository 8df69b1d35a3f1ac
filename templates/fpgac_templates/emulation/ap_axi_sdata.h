// A stand-in for the vendor's header of this name, for g++ only: one transfer of an AXI4-Stream,
// without the side channels TUSER, TID and TDEST. Vitis HLS brings its own and never sees this.
#pragma once

#include "ap_int.h"

template <int WData, int WUser, int WId, int WDest>
struct ap_axiu {
    static_assert(WData % 8 == 0, "a stream carries whole bytes");
    static_assert(WUser == 0 && WId == 0 && WDest == 0, "side channels are not modelled");

    ap_uint<WData> data;
    ap_uint<WData / 8> keep;
    ap_uint<WData / 8> strb;
    ap_uint<1> last;
};
