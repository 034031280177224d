// partial[g] = sum of gradients[i]^2 over the i of part g
//
// As gradient_norm.wgsl, with the same parts, but one invocation computes one part: no barriers, which a CPU behind the
// interface pays for dearly. A part is every GROUPS-th run of RUN vectors.

override WORKGROUP: u32 = 4;
const RUN = 64u;

struct Params {
  count: u32,
  groups: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gradients: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let part = group.x * WORKGROUP + local;
  if part >= params.groups { return; }
  let vectors = params.count / 4u;
  var sum = vec4f();
  for (var run = part * RUN; run < vectors; run += params.groups * RUN) {
    for (var i = run; i < min(run + RUN, vectors); i++) {
      let g = gradients[i];
      sum = fma(g, g, sum);
    }
  }
  partial[part] = (sum.x + sum.y) + (sum.z + sum.w);
}
