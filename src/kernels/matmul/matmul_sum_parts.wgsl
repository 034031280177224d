// y[i] = f(sum over the parts s of part[s, i] * scale[c] + b[c] + residual[i]),  c = i mod channels
//
// The second pass of a product with a long sum: adds up the partial results, in order, so that equal inputs give equal
// bits, and puts on the epilogue. One invocation computes one element, neighbours read neighbouring values. The launch
// is one-dimensional, folded into y where it is long. The numbers of FUNCTION are those of activation.wgsl.

override WORKGROUP: u32 = 64;
override HAS_SCALE: bool = false;
override HAS_BIAS: bool = false;
override HAS_RESIDUAL: bool = false;
override FUNCTION: u32 = 0;

struct Params {
  count: u32,
  parts: u32,
  channels: u32,
  slope: f32,
  maxValue: f32,
  threshold: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> part: array<f32>;
@group(0) @binding(2) var<storage, read> scale: array<f32>;
@group(0) @binding(3) var<storage, read> b: array<f32>;
@group(0) @binding(4) var<storage, read> residual: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;

fn activate(v: f32) -> f32 {
  switch FUNCTION {
    case 1u: {
      let low = select(params.slope * (v - params.threshold), v, v >= params.threshold);
      return min(low, params.maxValue);
    }
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
  let i = (group.x + group.y * groups.x) * WORKGROUP + local;
  if i >= params.count { return; }

  var z = 0.0;
  var at = i;
  for (var s = 0u; s < params.parts; s++) {
    z += part[at];
    at += params.count;
  }
  let c = i % params.channels;
  if HAS_SCALE { z *= scale[c]; }
  if HAS_BIAS { z += b[c]; }
  if HAS_RESIDUAL { z += residual[i]; }
  y[i] = activate(z);
}
