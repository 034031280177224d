// dx[r, c] = gamma[c] * invStd[c] * (d[r, c] - dbeta[c] / n - h[r, c] * dgamma[c] / n)
//
// with h = (x - mean[c]) * invStd[c], d = dy, times f'(gamma[c] * h + beta[c]) where an activation f of the relu family follows
// (RELU), n rows (Ioffe and Szegedy 2015). One invocation computes PER neighbouring elements.

override WORKGROUP: u32 = 64;
override RELU: bool = false;
override HAS_GAMMA: bool = true;
override HAS_BETA: bool = true; // with RELU only
const PER = 4u;

struct Params {
  count: u32,
  channels: u32,
  maxValue: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> gamma: array<f32>;
@group(0) @binding(4) var<storage, read> beta: array<f32>;
@group(0) @binding(5) var<storage, read> statistics: array<f32>; // means, then inverse deviations
@group(0) @binding(6) var<storage, read> dgamma: array<f32>;
@group(0) @binding(7) var<storage, read> dbeta: array<f32>;
@group(0) @binding(8) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let start = ((group.x + group.y * groups.x) * WORKGROUP + local) * PER;
  let n = f32(params.count / params.channels);
  var c = start % params.channels;
  for (var i = start; i < min(start + PER, params.count); i++) {
    let centred = x[i] - statistics[c];
    let invStd = statistics[params.channels + c];
    var scale = invStd;
    if HAS_GAMMA { scale *= gamma[c]; }
    var d = dy[i];
    if RELU {
      var shift = 0.0;
      if HAS_BETA { shift = beta[c]; }
      let v = fma(centred, scale, shift); // as batch_norm_normalize computes it
      d = select(0.0, d, v > 0.0 && v < params.maxValue);
    }
    dx[i] = scale * (d - (dbeta[c] + centred * invStd * dgamma[c]) / n);
    c++;
    if c == params.channels { c = 0u; }
  }
}
