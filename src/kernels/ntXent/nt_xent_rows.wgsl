// s[r, k] = u[r] . u[k] / temperature     logSum[r] = log sum_{k != r} exp s[r, k]     loss[r] = logSum[r] - s[r, partner of r]
//
// The partner of row r is r + rows / 2, counted round. A workgroup computes one row: its LANES invocations take every LANES-th k
// and keep a running maximum and a sum relative to it; the lanes' sums are then joined relative to the largest maximum, so that
// no exponential overflows at any temperature. Similarities are not stored: memory stays linear in the rows.

override LANES: u32 = 64;

struct Params {
  rows: u32,
  width: u32,
  scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> u: array<f32>;
@group(0) @binding(2) var<storage, read_write> loss: array<f32>;
@group(0) @binding(3) var<storage, read_write> logSum: array<f32>;

var<workgroup> tops: array<f32, LANES>;
var<workgroup> sums: array<f32, LANES>;

fn similarity(a: u32, b: u32) -> f32 {
  var dot = 0.0;
  for (var c = 0u; c < params.width; c++) { dot += u[a * params.width + c] * u[b * params.width + c]; }
  return dot * params.scale;
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let row = min(group.x + group.y * groups.x, params.rows - 1u);
  var top = -3.0e38;
  var sum = 0.0;
  for (var k = local; k < params.rows; k += LANES) {
    if k == row { continue; }
    let s = similarity(row, k);
    if s > top {
      sum = sum * exp(top - s) + 1.0;
      top = s;
    } else {
      sum += exp(s - top);
    }
  }
  tops[local] = top;
  sums[local] = sum;
  workgroupBarrier();
  for (var half = LANES / 2u; half >= 1u; half /= 2u) {
    if local < half {
      let joined = max(tops[local], tops[local + half]);
      sums[local] = sums[local] * exp(tops[local] - joined) + sums[local + half] * exp(tops[local + half] - joined);
      tops[local] = joined;
    }
    workgroupBarrier();
  }
  if local == 0u {
    let total = tops[0] + log(sums[0]);
    logSum[row] = total;
    loss[row] = total - similarity(row, (row + params.rows / 2u) % params.rows);
  }
}
