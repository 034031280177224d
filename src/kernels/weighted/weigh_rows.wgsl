// values[r, i] *= weights[r]
//
// The loss of each sample, or its gradient, times what the sample counts. One invocation computes one element, in place.

override WORKGROUP: u32 = 64;

struct Params {
  count: u32,
  width: u32, // elements that share a weight
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> weights: array<f32>;
@group(0) @binding(2) var<storage, read_write> values: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = (group.x + group.y * groups.x) * WORKGROUP + local;
  if i < params.count { values[i] *= weights[i / params.width]; }
}
