// y[r, c] = f((x[r, c] - mean[c]) * invStd[c] * gamma[c] + beta[c])
//
// One invocation computes PER neighbouring elements. f is an activation of the relu family (RELU) or the identity.

override WORKGROUP: u32 = 64;
override RELU: bool = false;
override HAS_GAMMA: bool = true;
override HAS_BETA: bool = true;
const PER = 4u;

struct Params {
  count: u32,
  channels: u32,
  maxValue: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> statistics: array<f32>; // means, then inverse deviations
@group(0) @binding(3) var<storage, read> gamma: array<f32>;
@group(0) @binding(4) var<storage, read> beta: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let first = ((group.x + group.y * groups.x) * WORKGROUP + local) * PER;
  var c = first % params.channels;
  for (var i = first; i < min(first + PER, params.count); i++) {
    var scale = statistics[params.channels + c];
    if HAS_GAMMA { scale *= gamma[c]; }
    var shift = 0.0;
    if HAS_BETA { shift = beta[c]; }
    var v = fma(x[i] - statistics[c], scale, shift);
    if RELU { v = min(select(v, 0.0, v < 0.0), params.maxValue); }
    y[i] = v;
    c++;
    if c == params.channels { c = 0u; }
  }
}
