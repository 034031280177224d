// dgamma[c] = (dscale[c] - mean[c] * dshift[c]) / sqrt(variance[c] + epsilon),   dbeta[c] = dshift[c]
//
// The gradient of batch_norm_fold.wgsl for statistics that are constants. One invocation a channel.

override WORKGROUP: u32 = 64;

struct Params {
  channels: u32,
  epsilon: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dscale: array<f32>;
@group(0) @binding(2) var<storage, read> dshift: array<f32>;
@group(0) @binding(3) var<storage, read> mean: array<f32>;
@group(0) @binding(4) var<storage, read> variance: array<f32>;
@group(0) @binding(5) var<storage, read_write> dgamma: array<f32>;
@group(0) @binding(6) var<storage, read_write> dbeta: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let c = id.x;
  if c >= params.channels { return; }
  dgamma[c] = (dscale[c] - mean[c] * dshift[c]) / sqrt(variance[c] + params.epsilon);
  dbeta[c] = dshift[c];
}
