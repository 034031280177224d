// maximum: y[n, p, q, c] = max over i, j of  x[n, p*sh - top + i*dh, q*sw - left + j*dw, c]
// average: y[n, p, q, c] = sum over the same / count
// lp:      y[n, p, q, c] = (sum over the same of |x|^exponent)^(1 / exponent)
//
// i < SIZE_H, j < SIZE_W; elements outside x are left out. The count of an average is that of the elements in x, or, WITH_PADS,
// also of those in the padding that was asked for; what rounding the size up adds behind it is never counted.
// One invocation computes one element of y; neighbours hold neighbouring channels, so loads coalesce.

override WORKGROUP: u32 = 64;
override KIND: u32 = 0; // 0 maximum, 1 average, 2 lp
override WITH_PADS: bool = false;
override SIZE_H: i32 = 2;
override SIZE_W: i32 = 2;
override STRIDE_H: i32 = 2;
override STRIDE_W: i32 = 2;
override DILATION_H: i32 = 1;
override DILATION_W: i32 = 1;

struct Params {
  count: u32,
  inHeight: u32,
  inWidth: u32,
  outHeight: u32,
  outWidth: u32,
  channels: u32,
  top: i32,
  bottom: i32,
  left: i32,
  right: i32,
  exponent: f32, // of lp
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

// By its bits, because a compiler may assume that v == v.
fn isNan(v: f32) -> bool {
  return (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u;
}

fn power(v: f32, exponent: f32) -> f32 {
  if v == 0.0 || exponent == 1.0 { return v; }
  if exponent == 2.0 { return v * v; }
  if exponent == 0.5 { return sqrt(v); }
  return pow(v, exponent);
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
  let height = i32(params.inHeight);
  let width = i32(params.inWidth);

  var best = -3.4028234e38;
  var found = false;
  var sum = 0.0;
  var inImage = 0.0;
  var inPads = 0.0;
  for (var i = 0; i < SIZE_H; i++) {
    let row = i32(p) * STRIDE_H - params.top + i * DILATION_H;
    if row >= height + params.bottom { break; }
    for (var j = 0; j < SIZE_W; j++) {
      let column = i32(q) * STRIDE_W - params.left + j * DILATION_W;
      if column >= width + params.right { break; }
      inPads += 1.0;
      if row < 0 || row >= height || column < 0 || column >= width { continue; }
      inImage += 1.0;
      let v = x[((n * params.inHeight + u32(row)) * params.inWidth + u32(column)) * params.channels + c];
      switch KIND {
        case 0u: {
          if !found || v > best || isNan(v) { best = v; }
          found = true;
        }
        case 1u: { sum += v; }
        default: { sum += power(abs(v), params.exponent); }
      }
    }
  }
  switch KIND {
    case 0u: { y[o] = best; }
    case 1u: { y[o] = sum / max(select(inImage, inPads, WITH_PADS), 1.0); }
    default: { y[o] = power(sum, 1.0 / params.exponent); }
  }
}
