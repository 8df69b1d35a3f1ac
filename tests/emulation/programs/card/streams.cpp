// Kernels that hand streams on: memory to stream, freely running, stream to memory.
#include "ap_axi_sdata.h"
#include "ap_int.h"
#include "hls_stream.h"
#include "hls_vector.h"

typedef ap_axiu<32, 0, 0, 0> word; /* with TLAST, "as between kernels" */

extern "C" {

void reader(const int *numbers, hls::stream<word> &out, unsigned int n) {
#pragma HLS INTERFACE m_axi port = numbers bundle = gmem7
#pragma HLS interface axis port=out
  for (unsigned int i = 0; i < n; ++i) {
    word value;
    value.data = numbers[i];
    value.last = i + 1 == n;
    out.write(value);
  }
}

// Ten more of each, without anybody's asking.
void adder(hls::stream<word> &in, hls::stream<word> &out) {
#pragma HLS interface ap_ctrl_none port=return
  word value = in.read();
  value.data += 10;
  out.write(value);
}

void writer(hls::stream<word> &in, int *sums, ap_uint<3> shift, ap_int<12> less,
            int times) {
  hls::stream<hls::vector<int, 2>, 4> inner("inner");
  bool last = false;
  for (unsigned int i = 0; !last; ++i) {
    const word value = in.read();
    last = value.last;
    inner.write(hls::vector<int, 2>{int(value.data), int(less)});
    sums[i] = (inner.read().reduce_add() << int(shift)) * times;
  }
}
}
