// first[c] = sum_r d[r, c] * h[r, c],   second[c] = sum_r d[r, c]
//
// with d = dy, times f'(gamma[c] * h + beta[c]) where an activation f of the relu family follows (RELU), and
//   h = (x - mean[c]) * invStd[c]   for batch normalization (STATISTICS): first is dgamma, second is dbeta;
//   h = x                           for a channel affine: first is dscale, second is dshift.
// Four channels at a time: a workgroup takes VECTORS neighbouring vectors of channels and one slice of the rows, its
// invocations form WORKGROUP / VECTORS lanes of rows, and a tree in workgroup memory adds the lanes up. With several slices
// the outputs are [slices, channels] and are summed by another program.

override WORKGROUP: u32 = 64;
override VECTORS: u32 = 4;
override STATISTICS: bool = true;
override RELU: bool = false;
override HAS_GAMMA: bool = true; // with RELU only
override HAS_BETA: bool = true;

struct Params {
  rows: u32,
  channels: u32, // in vectors of four
  rowsEach: u32,
  maxValue: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read> x: array<vec4f>;
@group(0) @binding(3) var<storage, read> statistics: array<vec4f>; // means, then inverse deviations
@group(0) @binding(4) var<storage, read> gamma: array<vec4f>;
@group(0) @binding(5) var<storage, read> beta: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> first: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> second: array<vec4f>;

var<workgroup> firsts: array<vec4f, WORKGROUP>;
var<workgroup> seconds: array<vec4f, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let c = group.x * VECTORS + local % VECTORS;
  let begin = group.y * params.rowsEach;
  let end = min(begin + params.rowsEach, params.rows);
  let inside = c < params.channels;
  var sum = vec4f();
  var total = vec4f();
  if inside {
    var average = vec4f();
    var scale = vec4f(1.0);
    var shift = vec4f();
    if STATISTICS {
      average = statistics[c];
      scale = statistics[params.channels + c];
    }
    let factor = scale;
    if RELU && HAS_GAMMA { scale *= gamma[c]; }
    if RELU && HAS_BETA { shift = beta[c]; }
    let lanes = WORKGROUP / VECTORS;
    var i = (begin + local / VECTORS) * params.channels + c;
    for (var r = begin + local / VECTORS; r < end; r += lanes) {
      var d = dy[i];
      let centred = x[i] - average;
      if RELU {
        let v = fma(centred, scale, shift); // as batch_norm_normalize computes it
        d = select(vec4f(), d, (v > vec4f()) & (v < vec4f(params.maxValue)));
      }
      sum = fma(d, centred, sum);
      total += d;
      i += lanes * params.channels;
    }
    sum *= factor;
  }
  firsts[local] = sum;
  seconds[local] = total;
  workgroupBarrier();
  for (var half = WORKGROUP / 2u; half >= VECTORS; half /= 2u) {
    if local < half {
      firsts[local] += firsts[local + half];
      seconds[local] += seconds[local + half];
    }
    workgroupBarrier();
  }
  if local >= VECTORS || !inside { return; }
  first[group.y * params.channels + c] = firsts[local];
  second[group.y * params.channels + c] = seconds[local];
}
