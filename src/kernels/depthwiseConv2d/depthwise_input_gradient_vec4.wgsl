// dx[n, u - top, v - left, c] = sum over i, j of
//     dy[n, (u - i) / sh, (v - j) / sw, c] * w[i, j, c],   without remainders
//
// Any filter size and stride, no dilation, channels in fours. One invocation computes one place of dx for four
// channels. The taps that meet an output are every sh-th one from u mod sh on, and their outputs follow one another
// backwards: one division an axis instead of one a tap. Neighbouring invocations hold neighbouring channels.

override WORKGROUP: u32 = 64;
override SIZE_H: u32 = 3;
override SIZE_W: u32 = 3;
override STRIDE_H: u32 = 2;
override STRIDE_W: u32 = 2;

struct Params {
  count: u32, // vectors of dx
  channelGroups: u32, // channels / 4
  inHeight: u32, // of dx
  inWidth: u32,
  outHeight: u32, // of dy
  outWidth: u32,
  top: u32,
  left: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read> w: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> dx: array<vec4f>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = (group.x + group.y * groups.x) * WORKGROUP + local;
  if index >= params.count { return; }
  let c = index % params.channelGroups;
  let v = (index / params.channelGroups) % params.inWidth + params.left;
  let nh = index / (params.channelGroups * params.inWidth);
  let u = nh % params.inHeight + params.top;
  let n = nh / params.inHeight;

  var sum = vec4f();
  var p = u / STRIDE_H;
  for (var i = u % STRIDE_H; i < SIZE_H && i <= u; i += STRIDE_H) {
    if p < params.outHeight {
      let line = (n * params.outHeight + p) * params.outWidth;
      var q = v / STRIDE_W;
      for (var j = v % STRIDE_W; j < SIZE_W && j <= v; j += STRIDE_W) {
        if q < params.outWidth {
          sum = fma(dy[(line + q) * params.channelGroups + c], w[(i * SIZE_W + j) * params.channelGroups + c], sum);
        }
        q--;
      }
    }
    p--;
  }
  dx[index] = sum;
}
