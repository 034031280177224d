// y[i] = f(scaleA a[...] + scaleB b[...])     or, as a PRODUCT,     y[i] = f(a[...] b[...])
//
// Shapes broadcast as in NumPy, up to five axes: an operand's stride is 0 along an axis that it does not have. Where both
// operands have the shape of the result (SAME) there is no index arithmetic. One invocation computes PER elements.
// f is an activation that an epilogue may hold; its numbers are those of activation.wgsl.

override WORKGROUP: u32 = 64;
override PRODUCT: bool = false;
override FUNCTION: u32 = 0;
override SAME: bool = false;
const PER = 4u;

struct Params {
  count: u32,
  d1: u32, d2: u32, d3: u32, d4: u32, // result's axes 1 to 4; axis 0 needs no bound
  a0: u32, a1: u32, a2: u32, a3: u32, a4: u32, // strides of a
  b0: u32, b1: u32, b2: u32, b3: u32, b4: u32, // strides of b
  scaleA: f32,
  scaleB: f32,
  slope: f32,
  maxValue: f32,
  threshold: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

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

fn combine(p: f32, q: f32) -> f32 {
  if PRODUCT { return p * q; }
  return params.scaleA * p + params.scaleB * q;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let first = ((group.x + group.y * groups.x) * WORKGROUP + local) * PER;
  for (var i = first; i < min(first + PER, params.count); i++) {
    var ia = i;
    var ib = i;
    if !SAME {
      let i4 = i % params.d4;
      var rest = i / params.d4;
      let i3 = rest % params.d3;
      rest /= params.d3;
      let i2 = rest % params.d2;
      rest /= params.d2;
      let i1 = rest % params.d1;
      let i0 = rest / params.d1;
      ia = i0 * params.a0 + i1 * params.a1 + i2 * params.a2 + i3 * params.a3 + i4 * params.a4;
      ib = i0 * params.b0 + i1 * params.b1 + i2 * params.b2 + i3 * params.b3 + i4 * params.b4;
    }
    y[i] = activate(combine(a[ia], b[ib]));
  }
}
