// Merges the statistics of slices: with n = na + nb and d = mean_b - mean_a,
//   mean = mean_a + d nb / n,   M2 = M2_a + M2_b + d^2 na nb / n          (Chan, Golub and LeVeque 1979)
//
// One invocation a channel goes through the slices in order, then writes mean and 1 / sqrt(variance + epsilon) and moves
// the moving statistics unless the batch's are not finite.

override WORKGROUP: u32 = 64;

struct Params {
  rows: u32,
  channels: u32,
  rowsEach: u32,
  slices: u32,
  epsilon: f32,
  momentum: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> partial: array<f32>;
@group(0) @binding(2) var<storage, read_write> statistics: array<f32>;
@group(0) @binding(3) var<storage, read_write> movingMean: array<f32>;
@group(0) @binding(4) var<storage, read_write> movingVariance: array<f32>;

fn isFinite(v: f32) -> bool {
  return (bitcast<u32>(v) & 0x7f800000u) != 0x7f800000u;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let c = id.x;
  if c >= params.channels { return; }
  var average = partial[c];
  var squares = partial[params.channels + c];
  var count = f32(min(params.rowsEach, params.rows));
  for (var s = 1u; s < params.slices; s++) {
    let size = f32(min((s + 1u) * params.rowsEach, params.rows) - s * params.rowsEach);
    let d = partial[2u * s * params.channels + c] - average;
    let both = count + size;
    average += d * size / both;
    squares += partial[(2u * s + 1u) * params.channels + c] + d * d * count * size / both;
    count = both;
  }
  let variance = squares / count;
  statistics[c] = average;
  statistics[params.channels + c] = 1.0 / sqrt(variance + params.epsilon);
  if isFinite(average) && isFinite(variance) {
    movingMean[c] = params.momentum * movingMean[c] + (1.0 - params.momentum) * average;
    movingVariance[c] = params.momentum * movingVariance[c] + (1.0 - params.momentum) * variance;
  }
}
