// loss[r] = sum_c labels[r, c] x[r, c]     dx[r, c] = labels[r, c] / rows
//
// The score of the classes that labels weigh, and the gradient of its mean over the rows. One invocation computes a row.

override LOSS: bool = true;
override GRADIENT: bool = false;

struct Params {
  rows: u32,
  classes: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<f32>;
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let row = (group.x + group.y * groups.x) * 64u + local;
  if row >= params.rows { return; }
  let start = row * params.classes;
  var sum = 0.0;
  for (var c = 0u; c < params.classes; c++) {
    let weight = labels[start + c];
    if LOSS { sum += weight * x[start + c]; }
    if GRADIENT { dx[start + c] = weight / f32(params.rows); }
  }
  if LOSS { loss[row] = sum; }
}
