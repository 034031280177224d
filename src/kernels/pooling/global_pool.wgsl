// maximum: y[n, c] = max over all positions of  x[n, position, c]
// average: y[n, c] = mean over all positions of the same
//
// A workgroup computes CHANNELS neighbouring channels of one image. Each channel is walked by STRIPS invocations, which
// take every STRIPS-th position, and is then reduced by a tree in workgroup memory. With one strip there is neither
// tree nor barrier: that is the plain variant, good where barriers are dear or images many. A NaN gives NaN.

override CHANNELS: u32 = 32;
override STRIPS: u32 = 8; // a power of two
override MAXIMUM: bool = true;

struct Params {
  channels: u32,
  positions: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

var<workgroup> strips: array<f32, CHANNELS * STRIPS>;

fn isNan(v: f32) -> bool {
  return (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u;
}

fn combine(a: f32, b: f32) -> f32 {
  if !MAXIMUM { return a + b; }
  if b > a || isNan(b) { return b; }
  return a;
}

@compute @workgroup_size(CHANNELS, STRIPS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let n = group.y;
  let c = group.x * CHANNELS + local.x;
  // Invocations past the last channel go along with it, because all have to reach the barriers.
  let channel = min(c, params.channels - 1u);
  let first = n * params.positions * params.channels + channel;
  var value = 0.0;
  // Position 0 starts every strip's maximum, also that of a strip with no position of its own.
  if MAXIMUM { value = x[first]; }
  for (var position = local.y; position < params.positions; position += STRIPS) {
    value = combine(value, x[first + position * params.channels]);
  }
  if STRIPS > 1u {
    strips[local.y * CHANNELS + local.x] = value;
    for (var half = STRIPS / 2u; half > 0u; half /= 2u) {
      workgroupBarrier();
      if local.y < half {
        value = combine(value, strips[(local.y + half) * CHANNELS + local.x]);
        strips[local.y * CHANNELS + local.x] = value;
      }
    }
  }
  if local.y == 0u && c < params.channels {
    if !MAXIMUM { value /= f32(params.positions); }
    y[n * params.channels + c] = value;
  }
}
