// nearest:  y[n, p, q, c] = x[n, p div sh, q div sw, c]
// bilinear: y[n, p, q, c] = sum over a, b in {0, 1} of  weight(p, a) * weight(q, b) * x[n, row(p, a), column(q, b), c]
//
// Bilinear samples at half-pixel centres, as tf.image.resize does: output row p lies at (p + 1/2) / sh - 1/2 of the
// input, between rows lower and lower + 1, and rows outside the image are the nearest one inside. In whole numbers,
// one row further so that nothing is negative: lower + 1 = (2p + 1 + sh) div 2sh, fraction = remainder / 2sh.
// One invocation computes one element of y; neighbours hold neighbouring channels, so loads coalesce.

override WORKGROUP: u32 = 64;
override BILINEAR: bool = false;
override SCALE_H: u32 = 2;
override SCALE_W: u32 = 2;

struct Params {
  count: u32, // elements of y
  height: u32, // of x
  width: u32, // of x
  channels: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let o = (group.x + group.y * groups.x) * WORKGROUP + local;
  if o >= params.count { return; }
  let outWidth = params.width * SCALE_W;
  let outHeight = params.height * SCALE_H;
  let c = o % params.channels;
  let q = (o / params.channels) % outWidth;
  let np = o / (params.channels * outWidth);
  let p = np % outHeight;
  let n = np / outHeight;
  let rows = n * params.height;
  if !BILINEAR {
    y[o] = x[((rows + p / SCALE_H) * params.width + q / SCALE_W) * params.channels + c];
    return;
  }
  let u = 2u * p + 1u + SCALE_H;
  let v = 2u * q + 1u + SCALE_W;
  let below = u / (2u * SCALE_H); // lower + 1
  let right = v / (2u * SCALE_W);
  let down = f32(u % (2u * SCALE_H)) / f32(2u * SCALE_H);
  let across = f32(v % (2u * SCALE_W)) / f32(2u * SCALE_W);
  let row0 = (rows + max(below, 1u) - 1u) * params.width;
  let row1 = (rows + min(below, params.height - 1u)) * params.width;
  let column0 = max(right, 1u) - 1u;
  let column1 = min(right, params.width - 1u);
  let upper = mix(x[(row0 + column0) * params.channels + c], x[(row0 + column1) * params.channels + c], across);
  let lower = mix(x[(row1 + column0) * params.channels + c], x[(row1 + column1) * params.channels + c], across);
  y[o] = mix(upper, lower, down);
}
