// y[r, c] = exp(x[r, c] - max_k x[r, k]) / sum_k exp(x[r, k] - max_k x[r, k])     or, as LOG, the logarithm of that
//
// A workgroup computes one row; its LANES invocations take every LANES-th class and add up in a tree.

override LANES: u32 = 32;
override LOG: bool = false;

struct Params {
  rows: u32,
  classes: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

var<workgroup> lane: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let row = min(group.x + group.y * groups.x, params.rows - 1u); // a surplus workgroup repeats the last row
  let start = row * params.classes;
  var top = x[start];
  for (var c = local; c < params.classes; c += LANES) { top = select(top, x[start + c], x[start + c] > top); }
  lane[local] = top;
  workgroupBarrier();
  for (var half = LANES / 2u; half >= 1u; half /= 2u) {
    if local < half { lane[local] = max(lane[local], lane[local + half]); }
    workgroupBarrier();
  }
  top = lane[0];
  workgroupBarrier();
  var sum = 0.0;
  for (var c = local; c < params.classes; c += LANES) { sum += exp(x[start + c] - top); }
  lane[local] = sum;
  workgroupBarrier();
  for (var half = LANES / 2u; half >= 1u; half /= 2u) {
    if local < half { lane[local] += lane[local + half]; }
    workgroupBarrier();
  }
  for (var c = local; c < params.classes; c += LANES) {
    let v = x[start + c] - top;
    if LOG { y[start + c] = v - log(lane[0]); } else { y[start + c] = exp(v) / lane[0]; }
  }
}
