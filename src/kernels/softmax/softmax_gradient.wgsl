// dx[r, c] = y[r, c] * (dy[r, c] - sum_k dy[r, k] y[r, k])     of LOG:     dy[r, c] - exp(y[r, c]) * sum_k dy[r, k]
//
// A workgroup computes one row; its LANES invocations take every LANES-th class and add up in a tree.

override LANES: u32 = 32;
override LOG: bool = false;

struct Params {
  rows: u32,
  classes: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> y: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;

var<workgroup> lane: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let row = min(group.x + group.y * groups.x, params.rows - 1u);
  let start = row * params.classes;
  var sum = 0.0;
  for (var c = local; c < params.classes; c += LANES) { sum += dy[start + c] * select(y[start + c], 1.0, LOG); }
  lane[local] = sum;
  workgroupBarrier();
  for (var half = LANES / 2u; half >= 1u; half /= 2u) {
    if local < half { lane[local] += lane[local + half]; }
    workgroupBarrier();
  }
  for (var c = local; c < params.classes; c += LANES) {
    let d = dy[start + c];
    if LOG { dx[start + c] = d - exp(y[start + c]) * lane[0]; } else { dx[start + c] = y[start + c] * (d - lane[0]); }
  }
}
