// partial[g] = sum of gradients[i]^2 over the i of workgroup g
//
// GROUPS workgroups go through the gradients in strides; each adds its invocations up in a tree.

override WORKGROUP: u32 = 64;

struct Params {
  count: u32,
  groups: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gradients: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;

var<workgroup> lane: array<f32, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  var sum = 0.0;
  for (var i = group.x * WORKGROUP + local; i < params.count / 4u; i += params.groups * WORKGROUP) {
    let g = gradients[i];
    sum += dot(g, g);
  }
  lane[local] = sum;
  workgroupBarrier();
  for (var half = WORKGROUP / 2u; half >= 1u; half /= 2u) {
    if local < half { lane[local] += lane[local + half]; }
    workgroupBarrier();
  }
  if local == 0u { partial[group.x] = lane[0]; }
}
