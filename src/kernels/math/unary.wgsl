// y[i] = f(x[i])     or, as a GRADIENT,     y[i] = dy[i] f'(x[i])
//
// f is chosen by an override: each is the same program with dead branches removed by the compiler. Where f has steps or
// kinks, f' is 0 on the step and at the kink what TensorFlow takes. One invocation computes PER elements, a workgroup's
// width apart, so that neighbours read neighbours.
//
// The precision that WGSL asks of sin, asin, atan and the like is a few digits, so these are polynomials here, those of
// Moshier's Cephes library (sinf.c, atanf.c, asinf.c, sinhf.c), exact to about 2^-23.

override WORKGROUP: u32 = 64;
override FUNCTION: u32 = 0;
override GRADIENT: bool = false;
override LOWER: bool = false; // clip has a lower bound
override UPPER: bool = false; // clip has an upper bound
const PER = 4u;

struct Params {
  count: u32,
  alpha: f32,
  beta: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

const halfPi = 1.5707963267948966;

// By their bits, because a compiler may assume that there are none.
fn magnitude(v: f32) -> u32 {
  return bitcast<u32>(v) & 0x7fffffffu;
}

// sin(v + turn * pi / 2): what is left of v beyond multiples of pi / 2, which is taken off in three parts.
fn sine(v: f32, turn: i32) -> f32 {
  let turns = round(v / halfPi);
  let r = ((v - turns * 1.5703125) - turns * 4.837512969970703e-4) - turns * 7.54978995489e-8;
  let z = r * r;
  let quarter = u32(i32(turns) + turn) & 3u;
  let even = r + r * z * (-1.6666654611e-1 + z * (8.3321608736e-3 - z * 1.9515295891e-4));
  let odd = 1.0 - 0.5 * z + z * z * (4.166664568298827e-2 + z * (-1.388731625493765e-3 + z * 2.443315711809948e-5));
  let s = select(even, odd, (quarter & 1u) == 1u);
  return select(s, -s, quarter > 1u);
}

fn tangent(v: f32) -> f32 {
  return sine(v, 0) / sine(v, 1);
}

fn arcTangent(v: f32) -> f32 {
  let a = abs(v);
  var r = a;
  var first = 0.0;
  if a > 2.414213562373095 {
    first = halfPi;
    r = -1.0 / a;
  } else if a > 0.4142135623730950 {
    first = 0.5 * halfPi;
    r = (a - 1.0) / (a + 1.0);
  }
  let z = r * r;
  let p = -3.33329491539e-1 + z * (1.99777106478e-1 + z * (-1.38776856032e-1 + z * 8.05374449538e-2));
  return sign(v) * (first + (r + r * z * p));
}

fn arcSine(v: f32) -> f32 {
  let a = abs(v);
  let far = a > 0.5;
  let z = select(a * a, 0.5 * (1.0 - a), far);
  let r = select(a, sqrt(z), far);
  let p = 1.6666752422e-1 + z * (7.4953002686e-2 + z * (4.5470025998e-2 + z * (2.4181311049e-2 + z * 4.2163199048e-2)));
  let s = r + r * z * p;
  return sign(v) * select(s, halfPi - 2.0 * s, far);
}

fn arcCosine(v: f32) -> f32 {
  if abs(v) <= 0.5 { return halfPi - arcSine(v); }
  let s = 2.0 * arcSine(sqrt(0.5 * (1.0 - abs(v))));
  return select(s, 2.0 * halfPi - s, v < 0.0);
}

fn hyperbolicSine(v: f32) -> f32 {
  let z = v * v;
  let near = v + v * z * (1.66667160211e-1 + z * (8.33028376239e-3 + z * 2.03721912945e-4));
  return select(0.5 * (exp(v) - exp(-v)), near, abs(v) <= 1.0);
}

// log(1 + v) also where v is lost beside 1 (Kahan).
fn logOnePlus(v: f32) -> f32 {
  let w = 1.0 + v;
  if w == 1.0 { return v; }
  return log(w) * (v / (w - 1.0));
}

// Abramowitz and Stegun 7.1.26 (absolute error below 1.5e-7).
fn erf(v: f32) -> f32 {
  let t = 1.0 / (1.0 + 0.3275911 * abs(v));
  let p = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return sign(v) * (1.0 - p * exp(-v * v));
}

// tanh(log(1 + exp(v))), which mish multiplies by.
fn mishGate(v: f32) -> f32 {
  let e = exp(min(v, 20.0));
  let n = e * (e + 2.0);
  return n / (n + 2.0);
}

fn sigmoid(v: f32) -> f32 {
  return 1.0 / (1.0 + exp(-v));
}

fn value(v: f32) -> f32 {
  let alpha = params.alpha;
  let beta = params.beta;
  switch FUNCTION {
    case 0u: { return abs(v); }
    case 1u: { return ceil(v); }
    case 2u: { return floor(v); }
    case 3u: { return round(v); } // halves to even
    case 4u: { return sign(v); }
    case 5u: { return -v; }
    case 6u: { return exp(v); }
    case 7u: { return log(v); }
    case 8u: { return sqrt(v); }
    case 9u: { return 1.0 / v; }
    case 10u: { return sine(v, 0); }
    case 11u: { return sine(v, 1); }
    case 12u: { return tangent(v); }
    case 13u: { return arcSine(v); }
    case 14u: { return arcCosine(v); }
    case 15u: { return arcTangent(v); }
    case 16u: { return hyperbolicSine(v); }
    case 17u: { return 0.5 * (exp(v) + exp(-v)); } // cosh
    case 18u: { // asinh
      let a = abs(v);
      return sign(v) * logOnePlus(a + a * (a / (1.0 + sqrt(a * a + 1.0))));
    }
    case 19u: { // acosh
      let u = v - 1.0;
      return logOnePlus(u + sqrt(u * (u + 2.0)));
    }
    case 20u: { return 0.5 * logOnePlus(2.0 * v / (1.0 - v)); } // atanh
    case 21u: { return erf(v); }
    case 22u: { return select(0.0, 1.0, v == 0.0); } // not
    case 23u: { return select(0.0, 1.0, magnitude(v) > 0x7f800000u); } // isnan
    case 24u: { return select(0.0, 1.0, magnitude(v) == 0x7f800000u); } // isinf
    case 25u: { return beta * select(alpha * (exp(min(v, 0.0)) - 1.0), v, v > 0.0); } // selu
    case 26u: { return max(v, 0.0) + min(0.0, alpha * (exp(v / alpha) - 1.0)); } // celu
    case 27u: { return select(alpha * (exp(min(v, 0.0)) - 1.0), v, v > 0.0); } // elu
    case 28u: { return clamp(alpha * v + beta, 0.0, 1.0); } // hardSigmoid
    case 29u: { return select(0.0, v, v > alpha); } // thresholdedRelu
    case 30u: { return v / (1.0 + abs(v)); } // softsign
    case 31u: { return v * mishGate(v); } // mish
    case 32u: { return select(alpha * v, v, v >= 0.0); } // leakyRelu
    case 33u: { return select(select(0.0, v + alpha, v < -beta), v - alpha, v > beta); } // shrink
    case 34u: { return min(v, 0.0) - log(1.0 + exp(-abs(v))); } // logSigmoid
    case 35u: { // clip; the upper bound wins where bounds cross
      let low = select(v, alpha, LOWER && v < alpha);
      return select(low, beta, UPPER && low > beta);
    }
    case 36u: { return trunc(v); } // toInt
    case 37u: { return select(0.0, 1.0, magnitude(v) != 0u); } // toBool: a NaN is true
    default: { return v; }
  }
}

fn slope(v: f32) -> f32 {
  let alpha = params.alpha;
  let beta = params.beta;
  switch FUNCTION {
    case 0u: { return sign(v); }
    case 5u: { return -1.0; }
    case 6u: { return exp(v); }
    case 7u: { return 1.0 / v; }
    case 8u: { return 0.5 / sqrt(v); }
    case 9u: { return -1.0 / (v * v); }
    case 10u: { return sine(v, 1); }
    case 11u: { return -sine(v, 0); }
    case 12u: {
      let t = tangent(v);
      return 1.0 + t * t;
    }
    case 13u: { return 1.0 / sqrt(1.0 - v * v); }
    case 14u: { return -1.0 / sqrt(1.0 - v * v); }
    case 15u: { return 1.0 / (1.0 + v * v); }
    case 16u: { return 0.5 * (exp(v) + exp(-v)); }
    case 17u: { return hyperbolicSine(v); }
    case 18u: { return 1.0 / sqrt(v * v + 1.0); }
    case 19u: { return 1.0 / sqrt((v - 1.0) * (v + 1.0)); }
    case 20u: { return 1.0 / ((1.0 - v) * (1.0 + v)); }
    case 21u: { return 1.1283791670955126 * exp(-v * v); }
    case 25u: { return beta * select(alpha * exp(min(v, 0.0)), 1.0, v > 0.0); }
    case 26u: { return select(exp(min(v, 0.0) / alpha), 1.0, v > 0.0); }
    case 27u: { return select(alpha * exp(min(v, 0.0)), 1.0, v > 0.0); }
    case 28u: {
      let u = alpha * v + beta;
      return select(0.0, alpha, u > 0.0 && u < 1.0);
    }
    case 29u: { return select(0.0, 1.0, v > alpha); }
    case 30u: {
      let d = 1.0 + abs(v);
      return 1.0 / (d * d);
    }
    case 31u: {
      let t = mishGate(v);
      return t + v * sigmoid(v) * (1.0 - t * t);
    }
    case 32u: { return select(alpha, 1.0, v >= 0.0); }
    case 33u: { return select(0.0, 1.0, abs(v) > beta); }
    case 34u: { return sigmoid(-v); }
    case 35u: { return select(1.0, 0.0, (LOWER && v < alpha) || (UPPER && v > beta)); }
    default: { return 0.0; }
  }
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let first = (group.x + group.y * groups.x) * WORKGROUP * PER + local;
  for (var k = 0u; k < PER; k++) {
    let i = first + k * WORKGROUP;
    if i >= params.count { return; }
    if GRADIENT {
      y[i] = dy[i] * slope(x[i]);
    } else {
      y[i] = value(x[i]);
    }
  }
}
