// dx[r, c] = gamma[c] * invStd[c] * (d[r, c] - dbeta[c] / n - h[r, c] * dgamma[c] / n)
//
// with d = dy, times f'(y) where an activation of the relu family follows (RELU), h = (x - mean[c]) * invStd[c], n rows
// (Ioffe and Szegedy 2015). One invocation computes PER neighbouring elements.

override WORKGROUP: u32 = 64;
override RELU: bool = false;
override HAS_GAMMA: bool = true;
const PER = 4u;

struct Params {
  count: u32,
  channels: u32,
  maxValue: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> y: array<f32>;
@group(0) @binding(4) var<storage, read> gamma: array<f32>;
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
    var d = dy[i];
    if RELU {
      let v = y[i];
      d = select(0.0, d, v > 0.0 && v < params.maxValue);
    }
    var scale = statistics[params.channels + c];
    let h = (x[i] - statistics[c]) * scale;
    if HAS_GAMMA { scale *= gamma[c]; }
    dx[i] = scale * (d - (dbeta[c] + h * dgamma[c]) / n);
    c++;
    if c == params.channels { c = 0u; }
  }
}
