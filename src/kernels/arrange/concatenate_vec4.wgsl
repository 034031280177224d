// y[row * total + first + k] = x[row * length + k],   k < length
//
// As concatenate.wgsl, for vectors: where all lengths are multiples of four, the host divides them by four and one
// invocation moves four elements.

override WORKGROUP: u32 = 64;

struct Params {
  count: u32,
  length: u32,
  total: u32,
  first: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = (group.x + group.y * groups.x) * WORKGROUP + local;
  if i >= params.count { return; }
  let row = i / params.length;
  y[row * params.total + params.first + (i - row * params.length)] = x[i];
}
