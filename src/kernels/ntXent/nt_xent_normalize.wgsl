// u[r, c] = x[r, c] / |x[r]|     inverse[r] = 1 / |x[r]|     |x[r]| at least 1e-6
//
// A workgroup computes one row; its LANES invocations take every LANES-th element and add up in a tree. The row is divided by
// its largest magnitude first, so that squares neither overflow nor vanish.

override LANES: u32 = 64;

struct Params {
  rows: u32,
  width: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> u: array<f32>;
@group(0) @binding(3) var<storage, read_write> inverse: array<f32>;

var<workgroup> lane: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let row = min(group.x + group.y * groups.x, params.rows - 1u);
  let start = row * params.width;
  var top = 0.0;
  for (var c = local; c < params.width; c += LANES) { top = max(top, abs(x[start + c])); }
  lane[local] = top;
  workgroupBarrier();
  for (var half = LANES / 2u; half >= 1u; half /= 2u) {
    if local < half { lane[local] = max(lane[local], lane[local + half]); }
    workgroupBarrier();
  }
  let scale = max(lane[0], 1e-6);
  workgroupBarrier();
  var sum = 0.0;
  for (var c = local; c < params.width; c += LANES) {
    let v = x[start + c] / scale;
    sum += v * v;
  }
  lane[local] = sum;
  workgroupBarrier();
  for (var half = LANES / 2u; half >= 1u; half /= 2u) {
    if local < half { lane[local] += lane[local + half]; }
    workgroupBarrier();
  }
  let length = max(scale * sqrt(lane[0]), 1e-6);
  for (var c = local; c < params.width; c += LANES) { u[start + c] = x[start + c] / length; }
  if local == 0u { inverse[row] = 1.0 / length; }
}
