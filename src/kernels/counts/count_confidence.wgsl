// counts[b] = (rows, right, low, high): of the rows whose confidence lies in (b, b + 1] / bins, how many, how many of them are right,
// and the sum of their confidences in units of 2^-24, in 64 bits
//
// The confidence of a row is its largest probability (Guo et al. 2017); of a single output p, the larger of p and 1 - p. Sums of
// integers do not depend on the order of the rows, as sums of f32 would. One invocation counts a row.

override WORKGROUP: u32 = 64;
override SPARSE: bool = true;

struct Params {
  rows: u32,
  outputs: u32,
  bins: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<f32>;
@group(0) @binding(3) var<storage, read_write> counts: array<atomic<u32>>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let row = (group.x + group.y * groups.x) * WORKGROUP + local;
  if row >= params.rows { return; }
  let start = row * params.outputs;
  var confidence = x[start];
  var right = false;
  if params.outputs == 1u {
    right = (confidence > 0.5) == (labels[row] > 0.5);
    confidence = max(confidence, 1.0 - confidence);
  } else {
    var predicted = 0u;
    for (var c = 1u; c < params.outputs; c++) {
      if x[start + c] > x[start + predicted] { predicted = c; }
    }
    confidence = x[start + predicted];
    var actual = 0u;
    if SPARSE {
      actual = u32(labels[row]);
    } else {
      for (var c = 1u; c < params.outputs; c++) {
        if labels[start + c] > labels[start + actual] { actual = c; }
      }
    }
    right = predicted == actual;
  }
  confidence = clamp(confidence, 0.0, 1.0);
  let place = ceil(confidence * f32(params.bins)) - 1.0;
  let at = 4u * min(u32(max(place, 0.0)), params.bins - 1u);
  atomicAdd(&counts[at], 1u);
  if right { atomicAdd(&counts[at + 1u], 1u); }
  let amount = u32(confidence * 16777216.0);
  let before = atomicAdd(&counts[at + 2u], amount);
  if before > 0xffffffffu - amount { atomicAdd(&counts[at + 3u], 1u); }
}
