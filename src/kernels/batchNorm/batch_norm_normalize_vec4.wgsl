// y[r, c] = f((x[r, c] - mean[c]) * invStd[c] * gamma[c] + beta[c])
//
// Four channels at a time: invocation i has the vectors i, i + stride, i + 2 stride, ... of x, which are the same four
// channels of every so many rows (stride is a multiple of the vectors in a row), so it loads what belongs to the channels
// once; neighbours read neighbouring vectors. f is an activation of the relu family (RELU) or the identity.

override WORKGROUP: u32 = 64;
override RELU: bool = false;
override HAS_GAMMA: bool = true;
override HAS_BETA: bool = true;

// All in vectors of four.
struct Params {
  count: u32,
  channels: u32,
  stride: u32,
  maxValue: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> statistics: array<vec4f>; // means, then inverse deviations
@group(0) @binding(3) var<storage, read> gamma: array<vec4f>;
@group(0) @binding(4) var<storage, read> beta: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let first = (group.x + group.y * groups.x) * WORKGROUP + local;
  if first >= params.stride { return; }
  let c = first % params.channels;
  let mean = statistics[c];
  var scale = statistics[params.channels + c];
  if HAS_GAMMA { scale *= gamma[c]; }
  var shift = vec4f();
  if HAS_BETA { shift = beta[c]; }
  for (var i = first; i < params.count; i += params.stride) {
    var v = fma(x[i] - mean, scale, shift);
    if RELU { v = min(select(v, vec4f(), v < vec4f()), vec4f(params.maxValue)); }
    y[i] = v;
  }
}
