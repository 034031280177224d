// mixUp:  y[n] = s x[n] + (1 - s) x[partner]          cutMix: y[n, p] = x[partner, p] for p inside the box of n, else x[n, p]
//
// s, the partner and the box are in each sample's record (augment_draw.wgsl). One invocation computes one element.

override WORKGROUP: u32 = 64;
override CUT: bool = false;

const HEADER = 8u;
const SLOT = 8u;

struct Params {
  count: u32,
  height: u32,
  width: u32,
  channels: u32,
  entries: u32,
  entry: u32, // the mixing one
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> parameters: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = (group.x + group.y * groups.x) * WORKGROUP + local;
  if i >= params.count { return; }
  let size = params.height * params.width * params.channels;
  let n = i / size;
  let within = i % size;
  let record = n * (HEADER + SLOT * params.entries);
  let slot = record + HEADER + SLOT * params.entry;
  if parameters[slot + 7u] == 0.0 {
    y[i] = x[i];
    return;
  }
  let other = x[u32(parameters[record + 7u]) * size + within];
  if CUT {
    let pixel = within / params.channels;
    let column = f32(pixel % params.width);
    let row = f32(pixel / params.width);
    let isInside = column >= parameters[slot] && column < parameters[slot + 1u]
      && row >= parameters[slot + 2u] && row < parameters[slot + 3u];
    y[i] = select(x[i], other, isInside);
  } else {
    let share = parameters[record + 6u];
    y[i] = share * x[i] + (1.0 - share) * other;
  }
}
