// y[j] = scale * sum over the i that broadcasting maps to j of x[i] * other[...]
//
// The gradient of a broadcast operand: axes along which it was repeated are summed. Up to five axes; `other` (the other factor
// of a product) broadcasts to the shape of x as well. Workgroup: LANES invocations share one element of y and add up in a tree.

override LANES: u32 = 16;
override HAS_OTHER: bool = false;

struct Params {
  count: u32, // elements of y
  terms: u32, // elements of x behind each of them
  scale: f32,
  k0: u32, k1: u32, k2: u32, k3: u32, k4: u32, // axes of y (1 where summed)
  r1: u32, r2: u32, r3: u32, r4: u32, // summed axes 1 to 4 (1 where kept)
  x0: u32, x1: u32, x2: u32, x3: u32, x4: u32, // strides of x
  o0: u32, o1: u32, o2: u32, o3: u32, o4: u32, // strides of other
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> other: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

var<workgroup> sums: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let j = group.x + group.y * groups.x;
  var rest = min(j, params.count - 1u);
  let j4 = rest % params.k4;
  rest /= params.k4;
  let j3 = rest % params.k3;
  rest /= params.k3;
  let j2 = rest % params.k2;
  rest /= params.k2;
  let j1 = rest % params.k1;
  let j0 = rest / params.k1;
  let baseX = j0 * params.x0 + j1 * params.x1 + j2 * params.x2 + j3 * params.x3 + j4 * params.x4;
  let baseO = j0 * params.o0 + j1 * params.o1 + j2 * params.o2 + j3 * params.o3 + j4 * params.o4;
  var sum = 0.0;
  for (var t = local; t < params.terms; t += LANES) {
    let t4 = t % params.r4;
    var left = t / params.r4;
    let t3 = left % params.r3;
    left /= params.r3;
    let t2 = left % params.r2;
    left /= params.r2;
    let t1 = left % params.r1;
    let t0 = left / params.r1;
    let v = x[baseX + t0 * params.x0 + t1 * params.x1 + t2 * params.x2 + t3 * params.x3 + t4 * params.x4];
    if HAS_OTHER {
      sum += v * other[baseO + t0 * params.o0 + t1 * params.o1 + t2 * params.o2 + t3 * params.o3 + t4 * params.o4];
    } else {
      sum += v;
    }
  }
  sums[local] = sum;
  workgroupBarrier();
  for (var half = LANES / 2u; half >= 1u; half /= 2u) {
    if local < half { sums[local] += sums[local + half]; }
    workgroupBarrier();
  }
  if local == 0u && j < params.count { y[j] = params.scale * sums[0]; }
}
