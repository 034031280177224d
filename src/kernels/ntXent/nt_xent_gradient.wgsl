// du[r] = (sum_{k != r} (p[r, k] + p[k, r]) u[k] - 2 u[partner of r]) / (temperature rows)     p[r, k] = exp(s[r, k] - logSum[r])
// dx[r] = (du[r] - (u[r] . du[r]) u[r]) / |x[r]|
//
// The gradient of the mean loss. A workgroup computes one row: it takes LANES other rows at a time, one a lane for the weights
// p, then every LANES-th element of the row for the sums, which are kept in dx (each lane reads back only what it wrote).

override LANES: u32 = 64;

struct Params {
  rows: u32,
  width: u32,
  scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> u: array<f32>;
@group(0) @binding(2) var<storage, read> inverse: array<f32>;
@group(0) @binding(3) var<storage, read> logSum: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;

var<workgroup> weight: array<f32, LANES>;

fn similarity(a: u32, b: u32) -> f32 {
  var dot = 0.0;
  for (var c = 0u; c < params.width; c++) { dot += u[a * params.width + c] * u[b * params.width + c]; }
  return dot * params.scale;
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let row = min(group.x + group.y * groups.x, params.rows - 1u);
  let start = row * params.width;
  let partner = (row + params.rows / 2u) % params.rows;
  for (var c = local; c < params.width; c += LANES) { dx[start + c] = -2.0 * u[partner * params.width + c]; }
  for (var first = 0u; first < params.rows; first += LANES) {
    let k = first + local;
    var w = 0.0;
    if k < params.rows && k != row {
      let s = similarity(row, k);
      w = exp(s - logSum[row]) + exp(s - logSum[k]);
    }
    weight[local] = w;
    workgroupBarrier();
    let count = min(LANES, params.rows - first);
    for (var c = local; c < params.width; c += LANES) {
      var sum = 0.0;
      for (var i = 0u; i < count; i++) { sum += weight[i] * u[(first + i) * params.width + c]; }
      dx[start + c] += sum;
    }
    workgroupBarrier();
  }
  var dot = 0.0;
  for (var c = local; c < params.width; c += LANES) { dot += dx[start + c] * u[start + c]; }
  weight[local] = dot;
  workgroupBarrier();
  for (var half = LANES / 2u; half >= 1u; half /= 2u) {
    if local < half { weight[local] += weight[local + half]; }
    workgroupBarrier();
  }
  let factor = params.scale / f32(params.rows) * inverse[row];
  for (var c = local; c < params.width; c += LANES) { dx[start + c] = factor * (dx[start + c] - weight[0] * u[start + c]); }
}
