// dx[n, position, c] = dy[n, c] / ties[n, c] where x[n, position, c] = y[n, c], else 0
//
// ties is the number of positions that hold the maximum: they share the gradient equally, as a reduction's gradient
// does in TensorFlow. A workgroup takes CHANNELS neighbouring channels of one image with STRIPS invocations each: all
// count, a tree adds the counts, all write. With one strip there is neither tree nor barrier: the plain variant.

override CHANNELS: u32 = 32;
override STRIPS: u32 = 8; // a power of two

struct Params {
  channels: u32,
  positions: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> y: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;

var<workgroup> strips: array<u32, CHANNELS * STRIPS>;

fn isNan(v: f32) -> bool {
  return (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u;
}

fn same(a: f32, b: f32) -> bool {
  return a == b || (isNan(a) && isNan(b));
}

@compute @workgroup_size(CHANNELS, STRIPS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let n = group.y;
  let c = group.x * CHANNELS + local.x;
  let channel = min(c, params.channels - 1u);
  let first = n * params.positions * params.channels + channel;
  let maximum = y[n * params.channels + channel];
  var ties = 0u;
  for (var position = local.y; position < params.positions; position += STRIPS) {
    if same(x[first + position * params.channels], maximum) { ties++; }
  }
  if STRIPS > 1u {
    strips[local.y * CHANNELS + local.x] = ties;
    for (var half = STRIPS / 2u; half > 0u; half /= 2u) {
      workgroupBarrier();
      if local.y < half {
        strips[local.y * CHANNELS + local.x] += strips[(local.y + half) * CHANNELS + local.x];
      }
    }
    workgroupBarrier();
    ties = strips[local.x];
  }
  if c < params.channels {
    let share = dy[n * params.channels + c] / f32(max(ties, 1u));
    for (var position = local.y; position < params.positions; position += STRIPS) {
      let i = first + position * params.channels;
      dx[i] = select(0.0, share, same(x[i], maximum));
    }
  }
}
