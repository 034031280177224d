// scale[c] = gamma[c] / sqrt(variance[c] + epsilon),   shift[c] = beta[c] - mean[c] * scale[c]
//
// Batch normalization in inference mode as one scale and one shift a channel. One invocation a channel.

override WORKGROUP: u32 = 64;
override HAS_GAMMA: bool = true;
override HAS_BETA: bool = true;

struct Params {
  channels: u32,
  epsilon: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gamma: array<f32>;
@group(0) @binding(2) var<storage, read> beta: array<f32>;
@group(0) @binding(3) var<storage, read> mean: array<f32>;
@group(0) @binding(4) var<storage, read> variance: array<f32>;
@group(0) @binding(5) var<storage, read_write> scale: array<f32>;
@group(0) @binding(6) var<storage, read_write> shift: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let c = id.x;
  if c >= params.channels { return; }
  var s = 1.0 / sqrt(variance[c] + params.epsilon);
  if HAS_GAMMA { s *= gamma[c]; }
  var t = -mean[c] * s;
  if HAS_BETA { t += beta[c]; }
  scale[c] = s;
  shift[c] = t;
}
