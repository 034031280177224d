// y[row * total + first + k] = x[row * length + k],   k < length
//
// One input of a concatenation: rows are everything before the axis, length is what this input holds of the axis and of
// all axes after it, total the same of y. One dispatch an input, each writes its own columns of y. One invocation moves
// one element; the launch is one-dimensional, folded into y where it is long.

override WORKGROUP: u32 = 64;

struct Params {
  count: u32,
  length: u32,
  total: u32,
  first: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = (group.x + group.y * groups.x) * WORKGROUP + local;
  if i >= params.count { return; }
  let row = i / params.length;
  y[row * params.total + params.first + (i - row * params.length)] = x[i];
}
