// y[i] = x[i] * scale + offset
//
// One invocation computes PER neighbouring elements.

override WORKGROUP: u32 = 64;
const PER = 4u;

struct Params {
  count: u32,
  scale: f32,
  offset: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let first = ((group.x + group.y * groups.x) * WORKGROUP + local) * PER;
  for (var i = first; i < min(first + PER, params.count); i++) {
    y[i] = x[i] * params.scale + params.offset;
  }
}
