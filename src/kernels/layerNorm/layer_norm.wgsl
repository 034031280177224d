// y[r, i] = (x[r, i] - mean[r]) * invStd[r] * gamma[i] + beta[i]
//
// mean and variance are those of the n elements of row r. A workgroup computes one row; its LANES invocations take every
// LANES-th element and add up in trees: first the mean, then the squares of what is left, so that no digits are lost.

override LANES: u32 = 32;
override HAS_GAMMA: bool = true;
override HAS_BETA: bool = true;

struct Params {
  rows: u32,
  size: u32,
  epsilon: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> gamma: array<f32>;
@group(0) @binding(3) var<storage, read> beta: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<storage, read_write> mean: array<f32>;
@group(0) @binding(6) var<storage, read_write> invStd: array<f32>;

var<workgroup> lane: array<f32, LANES>;

fn total(local: u32, v: f32) -> f32 {
  workgroupBarrier();
  lane[local] = v;
  workgroupBarrier();
  for (var half = LANES / 2u; half >= 1u; half /= 2u) {
    if local < half { lane[local] += lane[local + half]; }
    workgroupBarrier();
  }
  return lane[0];
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let row = min(group.x + group.y * groups.x, params.rows - 1u);
  let start = row * params.size;
  let n = f32(params.size);
  var part = 0.0;
  for (var i = local; i < params.size; i += LANES) { part += x[start + i]; }
  let average = total(local, part) / n;
  part = 0.0;
  for (var i = local; i < params.size; i += LANES) {
    let d = x[start + i] - average;
    part += d * d;
  }
  let factor = 1.0 / sqrt(total(local, part) / n + params.epsilon);
  for (var i = local; i < params.size; i += LANES) {
    var v = (x[start + i] - average) * factor;
    if HAS_GAMMA { v *= gamma[i]; }
    if HAS_BETA { v += beta[i]; }
    y[start + i] = v;
  }
  if local == 0u {
    mean[row] = average;
    invStd[row] = factor;
  }
}
