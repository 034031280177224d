// maximum: y[n, p, q, c] = max over i, j of  x[n, p*sh - top + i, q*sw - left + j, c]
// average: y[n, p, q, c] = mean over i, j of the same
//
// i < SIZE_H, j < SIZE_W; elements outside x are left out of the maximum and of the count, as Keras does. A NaN in a
// window gives NaN. One invocation computes one element of y; neighbours hold neighbouring channels, so loads coalesce.

override WORKGROUP: u32 = 64;
override MAXIMUM: bool = true;
override SIZE_H: u32 = 2;
override SIZE_W: u32 = 2;
override STRIDE_H: u32 = 2;
override STRIDE_W: u32 = 2;

struct Params {
  count: u32, // elements of y
  inHeight: u32,
  inWidth: u32,
  outHeight: u32,
  outWidth: u32,
  channels: u32,
  top: u32,
  left: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

// By its bits, because a compiler may assume that v == v.
fn isNan(v: f32) -> bool {
  return (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let o = (group.x + group.y * groups.x) * WORKGROUP + local;
  if o >= params.count { return; }
  let c = o % params.channels;
  let q = (o / params.channels) % params.outWidth;
  let np = o / (params.channels * params.outWidth);
  let p = np % params.outHeight;
  let n = np / params.outHeight;

  // The window in padded coordinates, then cut to what lies inside x.
  let rowFirst = max(p * STRIDE_H, params.top) - params.top;
  let rowEnd = min(p * STRIDE_H + SIZE_H, params.inHeight + params.top) - params.top;
  let columnFirst = max(q * STRIDE_W, params.left) - params.left;
  let columnEnd = min(q * STRIDE_W + SIZE_W, params.inWidth + params.left) - params.left;

  // The first element starts the maximum: there is no finite number below all others.
  var best = x[((n * params.inHeight + rowFirst) * params.inWidth + columnFirst) * params.channels + c];
  var sum = 0.0;
  for (var row = rowFirst; row < rowEnd; row++) {
    var at = ((n * params.inHeight + row) * params.inWidth + columnFirst) * params.channels + c;
    for (var column = columnFirst; column < columnEnd; column++) {
      let v = x[at];
      if MAXIMUM {
        if v > best || isNan(v) { best = v; }
      } else {
        sum += v;
      }
      at += params.channels;
    }
  }
  if MAXIMUM {
    y[o] = best;
  } else {
    y[o] = sum / f32((rowEnd - rowFirst) * (columnEnd - columnFirst));
  }
}
