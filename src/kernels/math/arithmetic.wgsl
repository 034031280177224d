// y[i] = f(a[...], b[...], c[...])
//
// Shapes broadcast as in NumPy: an operand's stride is 0 along an axis that it does not have. The host has joined neighbouring
// axes that can be walked as one, so that RANK is mostly 1 or 2; where all operands have the shape of the result (SAME) there
// is no index arithmetic. `where` reads the condition from c. As a GRADIENT c is dy and y is what the first (1) or second (2)
// operand gets of it, before sums over axes along which it was repeated; that of `where` reads the condition from a.
// One invocation computes PER elements, a workgroup's width apart, so that neighbours read neighbours.

override WORKGROUP: u32 = 64;
override FUNCTION: u32 = 0;
override GRADIENT: u32 = 0;
override RANK: u32 = 5;
override SAME: bool = false;
const PER = 4u;

struct Params {
  count: u32,
  d1: u32, d2: u32, d3: u32, d4: u32, // result's axes 1 to 4; axis 0 needs no bound
  a0: u32, a1: u32, a2: u32, a3: u32, a4: u32, // strides of a
  b0: u32, b1: u32, b2: u32, b3: u32, b4: u32, // strides of b
  c0: u32, c1: u32, c2: u32, c3: u32, c4: u32, // strides of c
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read> c: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

// By its bits, because a compiler may assume that v == v.
fn isNan(v: f32) -> bool {
  return (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u;
}

// p - q trunc(p / q), with the sign of p. The quotient of whole numbers may come out a digit below a whole one, so the
// remainder is put right by one q where it is none.
fn remainder(p: f32, q: f32) -> f32 {
  var r = p - q * trunc(p / q);
  if abs(r) >= abs(q) { r -= sign(r) * abs(q); }
  if r * p < 0.0 { r += sign(p) * abs(q); }
  return r;
}

// The same with the sign of q, as Python and NumPy have it: p - q floor(p / q).
fn modulo(p: f32, q: f32) -> f32 {
  let r = remainder(p, q);
  return select(r, r + q, r * q < 0.0);
}

// How often q goes into p, towards 0: integer division.
fn quotient(p: f32, q: f32) -> f32 {
  return round((p - remainder(p, q)) / q);
}

// WGSL's pow knows positive bases only.
fn power(p: f32, q: f32) -> f32 {
  if q == 0.0 { return 1.0; }
  if q == 1.0 { return p; }
  if q == 2.0 { return p * p; }
  if q == 0.5 { return sqrt(p); }
  if q == -1.0 { return 1.0 / p; }
  if p == 0.0 { return select(0.0, 1.0 / abs(p), q < 0.0); }
  if p > 0.0 { return pow(p, q); }
  if q != trunc(q) { return sqrt(p); } // not a number
  let size = pow(-p, q);
  return select(size, -size, abs(q) % 2.0 == 1.0);
}

fn truth(v: bool) -> f32 {
  return select(0.0, 1.0, v);
}

fn value(p: f32, q: f32, r: f32) -> f32 {
  switch FUNCTION {
    case 0u: { return p - q; }
    case 1u: { return p / q; }
    case 2u: { return power(p, q); }
    case 3u: { return select(q, p, p <= q || isNan(p)); } // min
    case 4u: { return select(q, p, p >= q || isNan(p)); } // max
    case 5u: { return modulo(p, q); }
    case 6u: { return remainder(p, q); } // fmod
    case 7u: { return truth(p == q); }
    case 8u: { return truth(p < q); }
    case 9u: { return truth(p <= q); }
    case 10u: { return truth(p > q); }
    case 11u: { return truth(p >= q); }
    case 12u: { return truth(p != 0.0 && q != 0.0); } // and
    case 13u: { return truth(p != 0.0 || q != 0.0); } // or
    case 14u: { return truth((p != 0.0) != (q != 0.0)); } // xor
    case 15u: { return quotient(p, q); }
    default: { return select(q, p, r != 0.0); } // where
  }
}

// dy's factor in the gradient of the first operand. Of equal operands of min and max the first takes all, as in TensorFlow.
fn first(p: f32, q: f32) -> f32 {
  switch FUNCTION {
    case 0u, 5u, 6u: { return 1.0; }
    case 1u: { return 1.0 / q; }
    case 2u: {
      if q == 0.0 { return 0.0; } // also at 0, where the power is infinite
      return q * power(p, q - 1.0);
    }
    case 3u: { return truth(p <= q); }
    case 4u: { return truth(p >= q); }
    case 16u: { return truth(p != 0.0); }
    default: { return 0.0; }
  }
}

// The same for the second operand. That of a power of what is not positive is 0, as in TensorFlow.
fn second(p: f32, q: f32) -> f32 {
  switch FUNCTION {
    case 0u: { return -1.0; }
    case 1u: { return -p / (q * q); }
    case 2u: {
      if p <= 0.0 { return 0.0; }
      return power(p, q) * log(p);
    }
    case 3u: { return truth(!(p <= q)); }
    case 4u: { return truth(!(p >= q)); }
    case 5u: { return round((modulo(p, q) - p) / q); }
    case 6u: { return -quotient(p, q); }
    case 16u: { return truth(p == 0.0); }
    default: { return 0.0; }
  }
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let begin = (group.x + group.y * groups.x) * WORKGROUP * PER + local;
  for (var k = 0u; k < PER; k++) {
    let i = begin + k * WORKGROUP;
    if i >= params.count { return; }
    var ia = i;
    var ib = i;
    var ic = i;
    if !SAME {
      var rest = i;
      ia = 0u;
      ib = 0u;
      ic = 0u;
      if RANK > 1u {
        let at = rest % params.d4;
        rest /= params.d4;
        ia += at * params.a4;
        ib += at * params.b4;
        ic += at * params.c4;
      }
      if RANK > 2u {
        let at = rest % params.d3;
        rest /= params.d3;
        ia += at * params.a3;
        ib += at * params.b3;
        ic += at * params.c3;
      }
      if RANK > 3u {
        let at = rest % params.d2;
        rest /= params.d2;
        ia += at * params.a2;
        ib += at * params.b2;
        ic += at * params.c2;
      }
      if RANK > 4u {
        let at = rest % params.d1;
        rest /= params.d1;
        ia += at * params.a1;
        ib += at * params.b1;
        ic += at * params.c1;
      }
      ia += rest * params.a0;
      ib += rest * params.b0;
      ic += rest * params.c0;
    }
    let p = a[ia];
    let q = b[ib];
    switch GRADIENT {
      case 1u: { y[i] = c[ic] * first(p, q); }
      case 2u: { y[i] = c[ic] * second(p, q); }
      default: { y[i] = value(p, q, c[ic]); }
    }
  }
}
