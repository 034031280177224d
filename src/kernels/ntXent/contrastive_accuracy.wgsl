// correct[r] = 1 where u[r] . u[partner of r] > u[r] . u[k] for all other k, else 0
//
// Whether the other view of the same sample is the nearest. One that is just as near counts against it, so that projections which
// have all become the same are 0. A workgroup computes one row; its LANES invocations take every LANES-th k and count what is
// as near or nearer.

override LANES: u32 = 64;

struct Params {
  rows: u32,
  width: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> u: array<f32>;
@group(0) @binding(2) var<storage, read_write> correct: array<f32>;

var<workgroup> lane: array<u32, LANES>;

fn similarity(a: u32, b: u32) -> f32 {
  var dot = 0.0;
  for (var c = 0u; c < params.width; c++) { dot += u[a * params.width + c] * u[b * params.width + c]; }
  return dot;
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let row = min(group.x + group.y * groups.x, params.rows - 1u);
  let partner = (row + params.rows / 2u) % params.rows;
  let own = similarity(row, partner);
  var near = 0u;
  for (var k = local; k < params.rows; k += LANES) {
    if k != row && k != partner { near += select(0u, 1u, similarity(row, k) >= own); }
  }
  lane[local] = near;
  workgroupBarrier();
  for (var half = LANES / 2u; half >= 1u; half /= 2u) {
    if local < half { lane[local] += lane[local + half]; }
    workgroupBarrier();
  }
  if local == 0u { correct[row] = select(0.0, 1.0, lane[0] == 0u); }
}
