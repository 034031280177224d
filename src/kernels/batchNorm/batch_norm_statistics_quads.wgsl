enable subgroups;
// mean[c] = sum_r x[r, c] / n,   variance[c] = sum_r (x[r, c] - mean[c])^2 / n
//
// batch_norm_statistics.wgsl with one slice, for software adapters, whose barriers cost more than the sums: a workgroup is the
// four lanes of a quad. It takes four neighbouring channels; each lane adds up every fourth row, and the quad adds up its
// lanes, in their order. Sums are taken of d = x - x[first row], so that a large mean does not eat the digits of the variance.
// Statistics that are not finite do not move the moving ones: a training that is about to be stopped keeps them.

struct Params {
  rows: u32,
  channels: u32, // in vectors of four
  epsilon: f32,
  momentum: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> statistics: array<vec4f>; // means, then 1 / sqrt(variance + epsilon)
@group(0) @binding(3) var<storage, read_write> movingMean: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> movingVariance: array<vec4f>;

fn isFinite(v: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(v) & vec4u(0x7f800000u)) != vec4u(0x7f800000u);
}

fn addLanes(v: vec4f) -> vec4f {
  return quadBroadcast(v, 0u) + quadBroadcast(v, 1u) + (quadBroadcast(v, 2u) + quadBroadcast(v, 3u));
}

@compute @workgroup_size(4)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let c = min(group.x + group.y * groups.x, params.channels - 1u); // see below
  let shift = x[c];
  var sum = vec4f();
  var squares = vec4f();
  // Four rows at a time: a loop costs a software adapter as much as a load. Rows past the last repeat the first and count as
  // zero.
  for (var row = local; row < params.rows; row += 16u) {
    let rows = vec4u(row, row + 4u, row + 8u, row + 12u);
    let at = select(vec4u(c), rows * params.channels + c, rows < vec4u(params.rows));
    let d0 = x[at.x] - shift;
    let d1 = x[at.y] - shift;
    let d2 = x[at.z] - shift;
    let d3 = x[at.w] - shift;
    sum += d0 + d1 + (d2 + d3);
    squares = fma(d3, d3, fma(d2, d2, fma(d1, d1, fma(d0, d0, squares))));
  }
  let n = f32(params.rows);
  let total = addLanes(sum);
  let average = shift + total / n;
  let raw = addLanes(squares) - total * total / n;
  // Rounding may go below zero; NaN has to stay NaN, which max() would not promise.
  let variance = select(raw, vec4f(), raw < vec4f()) / n;
  // The moving statistics must move once: by the first lane, and not by workgroups that the launch has too many.
  if local > 0u || group.x + group.y * groups.x >= params.channels { return; }
  statistics[c] = average;
  statistics[params.channels + c] = 1.0 / sqrt(variance + params.epsilon);
  let moves = isFinite(average) & isFinite(variance);
  let mean = movingMean[c];
  let spread = movingVariance[c];
  movingMean[c] = select(mean, params.momentum * mean + (1.0 - params.momentum) * average, moves);
  movingVariance[c] = select(spread, params.momentum * spread + (1.0 - params.momentum) * variance, moves);
}
