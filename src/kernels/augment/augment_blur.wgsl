// y[n, p, c] = sum_d w(d) x[n, p + d, c] / sum_d w(d)     w(d) = exp(-|d|^2 / (2 sigma^2)), d up to RADIUS each way
//
// sigma is in each sample's record (augment_draw.wgsl); places outside of the image are mirrored. One invocation computes a pixel
// with all its channels.

override WORKGROUP: u32 = 64;
const RADIUS: i32 = 1;

const HEADER = 8u;
const SLOT = 8u;

struct Params {
  rows: u32,
  height: u32,
  width: u32,
  channels: u32,
  entries: u32,
  entry: u32, // the blurring one
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> parameters: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

fn mirrored(i: i32, size: i32) -> i32 {
  let m = ((i % (2 * size)) + 2 * size) % (2 * size);
  return select(m, 2 * size - 1 - m, m >= size);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = (group.x + group.y * groups.x) * WORKGROUP + local;
  if i >= params.rows * params.height * params.width { return; }
  let column = i32(i % params.width);
  let row = i32((i / params.width) % params.height);
  let n = i / (params.width * params.height);
  let slot = n * (HEADER + SLOT * params.entries) + HEADER + SLOT * params.entry;
  if parameters[slot + 7u] == 0.0 {
    for (var c = 0u; c < params.channels; c++) { y[i * params.channels + c] = x[i * params.channels + c]; }
    return;
  }
  let sigma = parameters[slot];
  var weights: array<f32, RADIUS + 1>;
  for (var d = 0; d <= RADIUS; d++) { weights[d] = exp(-0.5 * f32(d * d) / (sigma * sigma)); }
  var sum = vec4f(0.0);
  var total = 0.0;
  for (var dy = -RADIUS; dy <= RADIUS; dy++) {
    let line = (n * params.height + u32(mirrored(row + dy, i32(params.height)))) * params.width;
    for (var dx = -RADIUS; dx <= RADIUS; dx++) {
      let w = weights[abs(dy)] * weights[abs(dx)];
      let start = (line + u32(mirrored(column + dx, i32(params.width)))) * params.channels;
      for (var c = 0u; c < params.channels; c++) { sum[c] += w * x[start + c]; }
      total += w;
    }
  }
  for (var c = 0u; c < params.channels; c++) { y[i * params.channels + c] = sum[c] / total; }
}
