// y[p, i, j] = f(sum over k of x[p, i, k] * w[p, k, j] * scale[j] + b[j] + residual[p, i, j])
//
// The definition of the matrix product, without tiles: one invocation computes one element of y, neighbours along j.
// Where the factors lie transposed in memory is a matter of their two strides. The launch is one-dimensional over the
// elements of a product, folded into y where it is long; z counts the products p of a batch. The numbers of FUNCTION are those of activation.wgsl.

override WORKGROUP: u32 = 64;
override HAS_SCALE: bool = false;
override HAS_BIAS: bool = false;
override HAS_RESIDUAL: bool = false;
override FUNCTION: u32 = 0;

struct Params {
  m: u32,
  n: u32,
  k: u32,
  xRow: u32, // from one i to the next
  xStep: u32, // from one k to the next
  wStep: u32, // from one k to the next
  wColumn: u32, // from one j to the next
  wBatch: u32, // from one p to the next
  slope: f32,
  maxValue: f32,
  threshold: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> w: array<f32>;
@group(0) @binding(3) var<storage, read> scale: array<f32>;
@group(0) @binding(4) var<storage, read> b: array<f32>;
@group(0) @binding(5) var<storage, read> residual: array<f32>;
@group(0) @binding(6) var<storage, read_write> y: array<f32>;

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
  let element = (group.x + group.y * groups.x) * WORKGROUP + local;
  let row = element / params.n;
  let column = element % params.n;
  if row >= params.m { return; }

  var xAt = group.z * params.m * params.k + row * params.xRow;
  var wAt = group.z * params.wBatch + column * params.wColumn;
  var sum = 0.0;
  for (var k = 0u; k < params.k; k++) {
    sum = fma(x[xAt], w[wAt], sum);
    xAt += params.xStep;
    wAt += params.wStep;
  }

  let i = group.z * params.m * params.n + element;
  if HAS_SCALE { sum *= scale[column]; }
  if HAS_BIAS { sum += b[column]; }
  if HAS_RESIDUAL { sum += residual[i]; }
  y[i] = activate(sum);
}
