// first[c] = sum_r d[r, c] * h[r, c],   second[c] = sum_r d[r, c]
//
// with d = dy, times f'(gamma[c] * h + beta[c]) where an activation f of the relu family follows (RELU), and
//   h = (x - mean[c]) * invStd[c]   for batch normalization (STATISTICS): first is dgamma, second is dbeta;
//   h = x                           for a channel affine: first is dscale, second is dshift.
// Workgroups and lanes are those of batch_norm_statistics.wgsl: CHANNELS channels and a slice of the rows each. With several
// slices the outputs are [slices, channels] and are summed by another program.

override WORKGROUP: u32 = 64;
override CHANNELS: u32 = 4;
override STATISTICS: bool = true;
override RELU: bool = false;
override HAS_GAMMA: bool = true; // with RELU only
override HAS_BETA: bool = true;

struct Params {
  rows: u32,
  channels: u32,
  rowsEach: u32,
  maxValue: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> statistics: array<f32>; // means, then inverse deviations
@group(0) @binding(4) var<storage, read> gamma: array<f32>;
@group(0) @binding(5) var<storage, read> beta: array<f32>;
@group(0) @binding(6) var<storage, read_write> first: array<f32>;
@group(0) @binding(7) var<storage, read_write> second: array<f32>;

var<workgroup> sums: array<vec2f, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let c = group.x * CHANNELS + local % CHANNELS;
  let begin = group.y * params.rowsEach;
  let end = min(begin + params.rowsEach, params.rows);
  let inside = c < params.channels;
  var sum = vec2f(0.0);
  if inside {
    var average = 0.0;
    var factor = 1.0;
    if STATISTICS {
      average = statistics[c];
      factor = statistics[params.channels + c];
    }
    var scale = factor;
    var shift = 0.0;
    if RELU && HAS_GAMMA { scale *= gamma[c]; }
    if RELU && HAS_BETA { shift = beta[c]; }
    let lanes = WORKGROUP / CHANNELS;
    var i = (begin + local / CHANNELS) * params.channels + c;
    for (var r = begin + local / CHANNELS; r < end; r += lanes) {
      var d = dy[i];
      let centred = x[i] - average;
      if RELU {
        let v = fma(centred, scale, shift); // as batch_norm_normalize computes it
        d = select(0.0, d, v > 0.0 && v < params.maxValue);
      }
      sum += vec2f(d * centred * factor, d);
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
  first[group.y * params.channels + c] = sums[local].x;
  second[group.y * params.channels + c] = sums[local].y;
}
