// y[r, c] = f(x[r, c] * scale[c] + shift[c])
//
// One invocation computes PER neighbouring elements. f is an activation of the relu family or the identity; without a shift
// it is the plain scaling by channel that the gradient of a frozen batch normalization is.

override WORKGROUP: u32 = 64;
override HAS_SHIFT: bool = true;
override FUNCTION: u32 = 0;
const PER = 4u;

struct Params {
  count: u32,
  channels: u32,
  slope: f32,
  maxValue: f32,
  threshold: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> scale: array<f32>;
@group(0) @binding(3) var<storage, read> shift: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

// The numbers of FUNCTION are those of activation.wgsl; only what an epilogue may hold is here.
fn activate(v: f32) -> f32 {
  switch FUNCTION {
    case 1u: { return min(select(params.slope * (v - params.threshold), v, v >= params.threshold), params.maxValue); }
    case 2u: { return 1.0 / (1.0 + exp(-v)); }
    case 3u: { return tanh(clamp(v, -15.0, 15.0)); }
    case 4u: { return v / (1.0 + exp(-v)); }
    case 5u: { return clamp(v / 6.0 + 0.5, 0.0, 1.0); }
    case 6u: { return v * clamp(v / 6.0 + 0.5, 0.0, 1.0); }
    default: { return v; }
  }
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let first = ((group.x + group.y * groups.x) * WORKGROUP + local) * PER;
  var c = first % params.channels;
  for (var i = first; i < min(first + PER, params.count); i++) {
    var v = x[i] * scale[c];
    if HAS_SHIFT { v += shift[c]; }
    y[i] = activate(v);
    c++;
    if c == params.channels { c = 0u; }
  }
}
