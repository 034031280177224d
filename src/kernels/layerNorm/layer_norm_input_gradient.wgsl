// dx[r, i] = invStd[r] * (d[i] - sum_k d[k] / n - h[i] * sum_k d[k] h[k] / n),   d = dy gamma,   h = (x - mean[r]) invStd[r]
//
// A workgroup computes one row; its LANES invocations take every LANES-th element and add up in a tree.

override LANES: u32 = 32;
override HAS_GAMMA: bool = true;

struct Params {
  rows: u32,
  size: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> gamma: array<f32>;
@group(0) @binding(4) var<storage, read> mean: array<f32>;
@group(0) @binding(5) var<storage, read> invStd: array<f32>;
@group(0) @binding(6) var<storage, read_write> dx: array<f32>;

var<workgroup> lane: array<vec2f, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let row = min(group.x + group.y * groups.x, params.rows - 1u);
  let start = row * params.size;
  let n = f32(params.size);
  var part = vec2f(0.0);
  for (var i = local; i < params.size; i += LANES) {
    var d = dy[start + i];
    if HAS_GAMMA { d *= gamma[i]; }
    part += vec2f(d, d * (x[start + i] - mean[row]) * invStd[row]);
  }
  lane[local] = part;
  workgroupBarrier();
  for (var half = LANES / 2u; half >= 1u; half /= 2u) {
    if local < half { lane[local] += lane[local + half]; }
    workgroupBarrier();
  }
  let sums = lane[0] / n;
  for (var i = local; i < params.size; i += LANES) {
    var d = dy[start + i];
    if HAS_GAMMA { d *= gamma[i]; }
    let h = (x[start + i] - mean[row]) * invStd[row];
    dx[start + i] = invStd[row] * (d - sums.x - h * sums.y);
  }
}
