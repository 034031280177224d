// mean[c] = sum_r x[r, c] / n,   variance[c] = sum_r (x[r, c] - mean[c])^2 / n     over the rows r of a slice
//
// A workgroup takes CHANNELS neighbouring channels and one slice of the rows; its WORKGROUP invocations form
// WORKGROUP / CHANNELS lanes of rows. Sums are taken of d = x - x[first row], so that a large mean does not eat the digits
// of the variance; a tree in workgroup memory adds the lanes up. With one slice the workgroup finishes the job: it writes
// `statistics` (all means, then all 1 / sqrt(variance + epsilon)) and moves the moving ones. With several it writes mean and sum of squares of
// its slice to `partial` (for each slice all means, then all sums), and batch_norm_finish.wgsl goes on.
// Statistics that are not finite do not move the moving ones: a training that is about to be stopped keeps them.

override WORKGROUP: u32 = 64;
override CHANNELS: u32 = 4;
override FINISH: bool = true;

struct Params {
  rows: u32,
  channels: u32,
  rowsEach: u32,
  epsilon: f32,
  momentum: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> statistics: array<f32>;
@group(0) @binding(3) var<storage, read_write> movingMean: array<f32>;
@group(0) @binding(4) var<storage, read_write> movingVariance: array<f32>;
@group(0) @binding(5) var<storage, read_write> partial: array<f32>;

var<workgroup> sums: array<vec2f, WORKGROUP>;

fn isFinite(v: f32) -> bool {
  return (bitcast<u32>(v) & 0x7f800000u) != 0x7f800000u;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let c = group.x * CHANNELS + local % CHANNELS;
  let first = group.y * params.rowsEach;
  let end = min(first + params.rowsEach, params.rows);
  let count = f32(end - first);
  let inside = c < params.channels;
  let shift = x[first * params.channels + min(c, params.channels - 1u)];
  var sum = vec2f(0.0);
  if inside {
    let lanes = WORKGROUP / CHANNELS;
    var i = (first + local / CHANNELS) * params.channels + c;
    for (var r = first + local / CHANNELS; r < end; r += lanes) {
      let d = x[i] - shift;
      sum += vec2f(d, d * d);
      i += lanes * params.channels;
    }
  }
  sums[local] = sum;
  workgroupBarrier();
  for (var half = WORKGROUP / 2u; half >= CHANNELS; half /= 2u) {
    if local < half { sums[local] += sums[local + half]; }
    workgroupBarrier();
  }
  if local >= CHANNELS || !inside { return; }
  let total = sums[local];
  let average = shift + total.x / count;
  let raw = total.y - total.x * total.x / count;
  let squares = select(raw, 0.0, raw < 0.0); // rounding may go below zero; NaN has to stay NaN, which max() would not promise
  if !FINISH {
    partial[(2u * group.y) * params.channels + c] = average;
    partial[(2u * group.y + 1u) * params.channels + c] = squares;
    return;
  }
  let variance = squares / count;
  statistics[c] = average;
  statistics[params.channels + c] = 1.0 / sqrt(variance + params.epsilon);
  if isFinite(average) && isFinite(variance) {
    movingMean[c] = params.momentum * movingMean[c] + (1.0 - params.momentum) * average;
    movingVariance[c] = params.momentum * movingVariance[c] + (1.0 - params.momentum) * variance;
  }
}
