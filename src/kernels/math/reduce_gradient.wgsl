// dx[i] = dy[j] * derivative of result j with respect to x[i], for the terms i behind each result j of reduce.wgsl
//
//   sum 1, mean 1 / terms, max and min 1 / (number of terms that equal y), as TensorFlow and PyTorch share it,
//   prod the product of the other terms (also where some are 0), l1 sign(x), l2 x / y (0 where y is), logSum 1 / exp(y),
//   logSumExp exp(x - y), sumSquare 2 x
// Results, terms and lanes are walked as in reduce.wgsl.

override WORKGROUP: u32 = 64;
override LANES: u32 = 1;
override ACROSS: bool = false;
override KEPT: u32 = 3;
override REDUCED: u32 = 3;

override FUNCTION: u32 = 0;

struct Params {
  results: u32,
  terms: u32, // behind each result
  k1: u32, k2: u32, // kept axes 1 and 2
  keptStride0: u32, keptStride1: u32, keptStride2: u32,
  r1: u32, r2: u32, // reduced axes 1 and 2
  reducedStride0: u32, reducedStride1: u32, reducedStride2: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>; // not for sum, mean
@group(0) @binding(3) var<storage, read> y: array<f32>; // not for sum, mean, prod, l1, sumSquare
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;

var<workgroup> counts: array<f32, WORKGROUP>;
var<workgroup> products: array<f32, WORKGROUP>;

// Where the terms of result j begin.
fn baseOf(j: u32) -> u32 {
  var rest = j;
  var at = 0u;
  if KEPT > 1u {
    at += (rest % params.k2) * params.keptStride2;
    rest /= params.k2;
  }
  if KEPT > 2u {
    at += (rest % params.k1) * params.keptStride1;
    rest /= params.k1;
  }
  return at + rest * params.keptStride0;
}

// How far from there term t lies.
fn offsetOf(t: u32) -> u32 {
  var rest = t;
  var at = 0u;
  if REDUCED > 1u {
    at += (rest % params.r2) * params.reducedStride2;
    rest /= params.r2;
  }
  if REDUCED > 2u {
    at += (rest % params.r1) * params.reducedStride1;
    rest /= params.r1;
  }
  return at + rest * params.reducedStride0;
}

// count: terms that equal the extreme, or zeros of a product; product: of the terms that are not 0.
fn slope(v: f32, result: f32, count: f32, product: f32) -> f32 {
  switch FUNCTION {
    case 1u: { return 1.0 / f32(params.terms); }
    case 2u, 3u: { return select(0.0, 1.0 / count, v == result); }
    case 4u: {
      if count == 0.0 { return product / v; }
      return select(0.0, product, count == 1.0 && v == 0.0);
    }
    case 5u: { return sign(v); }
    case 6u: {
      if result == 0.0 { return 0.0; }
      return v / result;
    }
    case 7u: { return exp(-result); }
    case 8u: { return exp(v - result); }
    case 9u: { return 2.0 * v; }
    default: { return 1.0; }
  }
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let each = WORKGROUP / LANES; // results a workgroup
  let own = select(local / LANES, local % each, ACROSS);
  let lane = select(local % LANES, local / each, ACROSS);
  let step = select(1u, each, ACROSS); // from one lane of a result to the next
  let wanted = (group.x + group.y * groups.x) * each + own;
  let j = min(wanted, params.results - 1u); // a surplus result repeats the last one
  let base = baseOf(j);

  let d = dy[j];
  var result = 0.0;
  if FUNCTION != 0u && FUNCTION != 1u { result = y[j]; }
  var count = 0.0;
  var product = 1.0;
  if FUNCTION == 2u || FUNCTION == 3u || FUNCTION == 4u {
    for (var t = lane; t < params.terms; t += LANES) {
      let v = x[base + offsetOf(t)];
      if FUNCTION == 4u {
        if v == 0.0 { count += 1.0; } else { product *= v; }
      } else if v == result {
        count += 1.0;
      }
    }
    counts[local] = count;
    products[local] = product;
    workgroupBarrier();
    for (var half = LANES / 2u; half >= 1u; half /= 2u) {
      if lane < half {
        counts[local] += counts[local + half * step];
        products[local] *= products[local + half * step];
      }
      workgroupBarrier();
    }
    count = counts[local - lane * step];
    product = products[local - lane * step];
  }

  if wanted < params.results {
    for (var t = lane; t < params.terms; t += LANES) {
      let i = base + offsetOf(t);
      var v = 0.0;
      if FUNCTION != 0u && FUNCTION != 1u { v = x[i]; }
      dx[i] = d * slope(v, result, count, product);
    }
  }
}
