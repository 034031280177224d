// y[j] = finish(combine over the terms t behind result j of term(x[base(j) + offset(t)]))
//
// Kept axes choose the result, reduced ones its terms; the host has joined neighbours of the same sort, up to three of each.
// LANES invocations share a result and combine what they have in a tree; a workgroup has WORKGROUP / LANES results. Where the
// innermost axis is kept (ACROSS) neighbouring invocations have neighbouring results, else neighbouring terms, so loads coalesce.

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
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

var<workgroup> parts: array<f32, WORKGROUP>;

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

// By its bits, because a compiler may assume that v == v.
fn isNan(v: f32) -> bool {
  return (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u;
}

fn larger(p: f32, q: f32) -> f32 {
  return select(p, q, q > p || isNan(q));
}

fn term(v: f32, top: f32) -> f32 {
  switch FUNCTION {
    case 5u: { return abs(v); } // l1
    case 6u, 9u: { return v * v; } // l2, sumSquare
    case 8u: { return exp(v - top); } // logSumExp
    default: { return v; } // sum, mean, max, min, prod, logSum
  }
}

fn combine(p: f32, q: f32) -> f32 {
  switch FUNCTION {
    case 2u: { return larger(p, q); } // max
    case 3u: { return -larger(-p, -q); } // min
    case 4u: { return p * q; } // prod
    default: { return p + q; }
  }
}

fn finish(v: f32, top: f32) -> f32 {
  switch FUNCTION {
    case 1u: { return v / f32(params.terms); } // mean
    case 6u: { return sqrt(v); } // l2
    case 7u: { return log(v); } // logSum
    case 8u: { return log(v) + top; } // logSumExp
    default: { return v; }
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

  // The largest term goes in front of exponentials, so that none overflows.
  var top = 0.0;
  if FUNCTION == 8u {
    top = x[base];
    for (var t = lane; t < params.terms; t += LANES) { top = max(top, x[base + offsetOf(t)]); }
    parts[local] = top;
    workgroupBarrier();
    for (var half = LANES / 2u; half >= 1u; half /= 2u) {
      if lane < half { parts[local] = max(parts[local], parts[local + half * step]); }
      workgroupBarrier();
    }
    top = parts[local - lane * step];
    if abs(top) > 3.4e38 { top = 0.0; }
    workgroupBarrier();
  }

  var part = 0.0;
  if FUNCTION == 2u || FUNCTION == 3u { part = x[base]; }
  if FUNCTION == 4u { part = 1.0; }
  for (var t = lane; t < params.terms; t += LANES) { part = combine(part, term(x[base + offsetOf(t)], top)); }
  parts[local] = part;
  workgroupBarrier();
  for (var half = LANES / 2u; half >= 1u; half /= 2u) {
    if lane < half { parts[local] = combine(parts[local], parts[local + half * step]); }
    workgroupBarrier();
  }
  if lane == 0u && wanted < params.results { y[j] = finish(parts[local], top); }
}
