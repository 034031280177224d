// y[j] = the t for which x[base(j) + offset(t)] is the largest term behind result j (or, for MINIMUM, the smallest)
//
// Of equal terms the first counts, or the LAST. Results, terms and lanes are walked as in reduce.wgsl.

override WORKGROUP: u32 = 64;
override LANES: u32 = 1;
override ACROSS: bool = false;
override KEPT: u32 = 3;
override REDUCED: u32 = 3;

override MINIMUM: bool = false;
override LAST: bool = false;

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

struct Place {
  value: f32,
  t: u32,
}

var<workgroup> places: array<Place, WORKGROUP>;

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

fn better(p: Place, q: Place) -> Place {
  let ahead = select((q.t < p.t), (q.t > p.t), LAST);
  if q.value > p.value || (q.value == p.value && ahead) { return q; }
  return p;
}

fn load(base: u32, t: u32) -> Place {
  let v = x[base + offsetOf(t)];
  return Place(select(v, -v, MINIMUM), t);
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

  var place = load(base, min(lane, params.terms - 1u));
  for (var t = lane + LANES; t < params.terms; t += LANES) { place = better(place, load(base, t)); }
  places[local] = place;
  workgroupBarrier();
  for (var half = LANES / 2u; half >= 1u; half /= 2u) {
    if lane < half { places[local] = better(places[local], places[local + half * step]); }
    workgroupBarrier();
  }
  if lane == 0u && wanted < params.results { y[j] = f32(places[local].t); }
}
