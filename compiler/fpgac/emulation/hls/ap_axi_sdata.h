// One transfer of an AXI4-Stream, with its side channels, for g++.
#pragma once

#include "ap_int.h"

namespace hls {

template <typename T, int WUser = 0, int WId = 0, int WDest = 0> struct axis {
  static constexpr int kBytes = (sizeof(T) > 0 ? int(sizeof(T)) : 1);
  static constexpr int at_least_one(int width) { return width > 0 ? width : 1; }

  T data;
  ap_uint<kBytes> keep;
  ap_uint<kBytes> strb;
  ap_uint<at_least_one(WUser)> user;
  ap_uint<1> last;
  ap_uint<at_least_one(WId)> id;
  ap_uint<at_least_one(WDest)> dest;

  T get_data() const { return data; }
  void set_data(const T &value) { data = value; }
  ap_uint<kBytes> get_keep() const { return keep; }
  void set_keep(const ap_uint<kBytes> &value) { keep = value; }
  ap_uint<kBytes> get_strb() const { return strb; }
  void set_strb(const ap_uint<kBytes> &value) { strb = value; }
  ap_uint<1> get_last() const { return last; }
  void set_last(const ap_uint<1> &value) { last = value; }
  void keep_all() { keep = -1; }
};

}  // namespace hls

template <int WData, int WUser = 0, int WId = 0, int WDest = 0>
struct ap_axiu : hls::axis<ap_uint<WData>, WUser, WId, WDest> {};
template <int WData, int WUser = 0, int WId = 0, int WDest = 0>
struct ap_axis : hls::axis<ap_int<WData>, WUser, WId, WDest> {};
template <int WData, int WUser = 0, int WId = 0, int WDest = 0>
struct qdma_axis : hls::axis<ap_uint<WData>, WUser, WId, WDest> {};
