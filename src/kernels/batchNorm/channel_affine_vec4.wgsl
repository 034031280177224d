// y[r, c] = f(x[r, c] * scale[c] + shift[c])
//
// Four channels at a time: invocation i has the vectors i, i + stride, i + 2 stride, ... of x, which are the same four
// channels of every so many rows, so it loads scale and shift once. Without a shift it is the plain scaling by channel that
// the gradient of a frozen batch normalization is.

override WORKGROUP: u32 = 64;
override HAS_SHIFT: bool = true;
override FUNCTION: u32 = 0;

// Counts in vectors of four.
struct Params {
  count: u32,
  channels: u32,
  stride: u32,
  slope: f32,
  maxValue: f32,
  threshold: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> scale: array<vec4f>;
@group(0) @binding(3) var<storage, read> shift: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;

// The numbers of FUNCTION are those of activation.wgsl; only what an epilogue may hold is here.
fn activate(v: vec4f) -> vec4f {
  switch FUNCTION {
    case 1u: {
      let low = select(params.slope * (v - params.threshold), v, v >= vec4f(params.threshold));
      return min(low, vec4f(params.maxValue));
    }
    case 2u: { return 1.0 / (1.0 + exp(-v)); }
    case 3u: { return tanh(clamp(v, vec4f(-15.0), vec4f(15.0))); }
    case 4u: { return v / (1.0 + exp(-v)); }
    case 5u: { return clamp(v / 6.0 + 0.5, vec4f(), vec4f(1.0)); }
    case 6u: { return v * clamp(v / 6.0 + 0.5, vec4f(), vec4f(1.0)); }
    default: { return v; }
  }
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let first = (group.x + group.y * groups.x) * WORKGROUP + local;
  if first >= params.stride { return; }
  let c = first % params.channels;
  let factor = scale[c];
  var offset = vec4f();
  if HAS_SHIFT { offset = shift[c]; }
  for (var i = first; i < params.count; i += params.stride) {
    y[i] = activate(fma(x[i], factor, offset));
  }
}
