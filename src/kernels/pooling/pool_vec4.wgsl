// maximum: y[n, p, q, c] = max over i, j of  x[n, p*sh - top + i, q*sw - left + j, c]
// average: y[n, p, q, c] = mean over i, j of the same
//
// As pool.wgsl, for channels in fours and without branches: a place of the window that lies outside x is loaded from
// the nearest place of the window inside, which changes no maximum, and is not added to a mean. One invocation computes
// four channels of one output position; neighbours hold neighbouring channels.

override WORKGROUP: u32 = 64;
override MAXIMUM: bool = true;
override SIZE_H: u32 = 2;
override SIZE_W: u32 = 2;
override STRIDE_H: u32 = 2;
override STRIDE_W: u32 = 2;

struct Params {
  count: u32, // vectors of y
  inHeight: u32,
  inWidth: u32,
  outHeight: u32,
  outWidth: u32,
  channels: u32, // in vectors
  top: u32,
  left: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;

fn isNan(v: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(v) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
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

  // In padded coordinates x lies in top..bottom and left..right, both included.
  let bottom = params.inHeight + params.top - 1u;
  let right = params.inWidth + params.left - 1u;
  let firstRow = clamp(p * STRIDE_H, params.top, bottom) - params.top;
  let firstColumn = clamp(q * STRIDE_W, params.left, right) - params.left;
  var best = x[((n * params.inHeight + firstRow) * params.inWidth + firstColumn) * params.channels + c];
  var sum = vec4f();
  var counted = 0.0;
  for (var i = 0u; i < SIZE_H; i++) {
    let u = p * STRIDE_H + i;
    let row = clamp(u, params.top, bottom);
    let line = (n * params.inHeight + row - params.top) * params.inWidth;
    for (var j = 0u; j < SIZE_W; j++) {
      let v = q * STRIDE_W + j;
      let column = clamp(v, params.left, right);
      let value = x[(line + column - params.left) * params.channels + c];
      if MAXIMUM {
        best = select(best, value, (value > best) | isNan(value));
      } else {
        let inside = u == row && v == column;
        sum += select(vec4f(), value, inside);
        counted += select(0.0, 1.0, inside);
      }
    }
  }
  if MAXIMUM {
    y[o] = best;
  } else {
    y[o] = sum / counted;
  }
}
