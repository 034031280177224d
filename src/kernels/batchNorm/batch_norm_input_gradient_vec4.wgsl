// dx[r, c] = gamma[c] * invStd[c] * (d[r, c] - dbeta[c] / n - h[r, c] * dgamma[c] / n)
//
// with h = (x - mean[c]) * invStd[c], d = dy, times f'(gamma[c] * h + beta[c]) where an activation f of the relu family follows
// (RELU), n rows (Ioffe and Szegedy 2015). Four channels at a time: invocation i has the vectors i, i + stride, i + 2 stride, ..., which
// are the same four channels of every so many rows, so it loads what belongs to the channels once.

override WORKGROUP: u32 = 64;
override RELU: bool = false;
override HAS_GAMMA: bool = true;
override HAS_BETA: bool = true; // with RELU only

// All in vectors of four.
struct Params {
  count: u32,
  channels: u32,
  stride: u32,
  maxValue: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read> x: array<vec4f>;
@group(0) @binding(3) var<storage, read> gamma: array<vec4f>;
@group(0) @binding(4) var<storage, read> beta: array<vec4f>;
@group(0) @binding(5) var<storage, read> statistics: array<vec4f>; // means, then inverse deviations
@group(0) @binding(6) var<storage, read> dgamma: array<vec4f>;
@group(0) @binding(7) var<storage, read> dbeta: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> dx: array<vec4f>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let first = (group.x + group.y * groups.x) * WORKGROUP + local;
  if first >= params.stride { return; }
  let c = first % params.channels;
  let n = f32(params.count / params.channels);
  let mean = statistics[c];
  let invStd = statistics[params.channels + c];
  var scale = invStd;
  if HAS_GAMMA { scale *= gamma[c]; }
  var offset = vec4f();
  if RELU && HAS_BETA { offset = beta[c]; }
  let slope = -invStd * dgamma[c] / n;
  let shift = -dbeta[c] / n;
  for (var i = first; i < params.count; i += params.stride) {
    let centred = x[i] - mean;
    var d = dy[i];
    if RELU {
      let v = fma(centred, scale, offset); // as batch_norm_normalize computes it
      d = select(vec4f(), d, (v > vec4f()) & (v < vec4f(params.maxValue)));
    }
    dx[i] = scale * fma(centred, slope, d + shift);
  }
}
