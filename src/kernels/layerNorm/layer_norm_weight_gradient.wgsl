// dgamma[i] = sum_r dy[r, i] * (x[r, i] - mean[r]) * invStd[r],   dbeta[i] = sum_r dy[r, i]
//
// A workgroup computes one element i; its LANES invocations take every LANES-th row and add up in a tree.

override LANES: u32 = 16;

struct Params {
  rows: u32,
  size: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> mean: array<f32>;
@group(0) @binding(4) var<storage, read> invStd: array<f32>;
@group(0) @binding(5) var<storage, read_write> dgamma: array<f32>;
@group(0) @binding(6) var<storage, read_write> dbeta: array<f32>;

var<workgroup> lane: array<vec2f, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = min(group.x + group.y * groups.x, params.size - 1u);
  var part = vec2f(0.0);
  for (var r = local; r < params.rows; r += LANES) {
    let d = dy[r * params.size + i];
    part += vec2f(d * (x[r * params.size + i] - mean[r]) * invStd[r], d);
  }
  lane[local] = part;
  workgroupBarrier();
  for (var half = LANES / 2u; half >= 1u; half /= 2u) {
    if local < half { lane[local] += lane[local + half]; }
    workgroupBarrier();
  }
  if local == 0u {
    dgamma[i] = lane[0].x;
    dbeta[i] = lane[0].y;
  }
}
