// y[i] = f(x[i])
//
// One invocation computes four neighbouring elements; the launch is one-dimensional, folded into y where it is long.
// The function is chosen by an override, so that every activation is the same readable program with dead branches
// removed by the compiler. f(x):
//   0 linear      x
//   1 relu        x >= max: max;  x >= threshold: x;  else slope * (x - threshold)
//   2 sigmoid     1 / (1 + exp(-x))
//   3 tanh
//   4 silu        x * sigmoid(x)
//   5 hardSigmoid clamp(x / 6 + 1/2, 0, 1)
//   6 hardSilu    x * hardSigmoid(x)
//   7 gelu        x * (1 + erf(x / sqrt 2)) / 2
//   8 geluTanh    x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))) / 2
//   9 elu         x > 0: x;  else slope * (exp(x) - 1)
//  10 softplus    log(1 + exp(x))

override WORKGROUP: u32 = 64;
override FUNCTION: u32 = 1;

struct Params {
  count: u32,
  slope: f32,
  maxValue: f32,
  threshold: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

// erf by the rational approximation of Abramowitz and Stegun 7.1.26 (absolute error below 1.5e-7).
fn erf(v: f32) -> f32 {
  let t = 1.0 / (1.0 + 0.3275911 * abs(v));
  let p = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return sign(v) * (1.0 - p * exp(-v * v));
}

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
    case 7u: { return 0.5 * v * (1.0 + erf(v * 0.7071067811865476)); }
    case 8u: {
      let u = 0.7978845608028654 * (v + 0.044715 * v * v * v);
      return 0.5 * v * (1.0 + tanh(clamp(u, -15.0, 15.0)));
    }
    case 9u: { return select(params.slope * (exp(min(v, 0.0)) - 1.0), v, v > 0.0); }
    case 10u: { return max(v, 0.0) + log(1.0 + exp(-abs(v))); }
    default: { return v; }
  }
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let first = ((group.x + group.y * groups.x) * WORKGROUP + local) * 4u;
  for (var i = first; i < min(first + 4u, params.count); i++) {
    y[i] = activate(x[i]);
  }
}
