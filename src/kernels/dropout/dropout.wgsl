// y[i] = x[i] / (1 - rate) where random(i) >= rate, else 0
//
// random(i) depends on nothing but (seed, iteration, salt, i): a counter-based generator, so that the backward pass draws the
// same mask again instead of keeping it, and that the same seed gives the same bits on every adapter. It is PCG's output
// permutation on a linear congruence (Jarzynski and Olano 2020, "Hash Functions for GPU Rendering", pcg), applied to the
// three counters in turn. Where the mask is shared along axes (noise shape), `i` counts within the mask: strides are 0 there.
// One invocation computes one element.

override WORKGROUP: u32 = 64;

struct Step {
  iteration: u32,
  seed: u32,
  batchStart: u32,
  ringSlot: u32,
  learningRate: f32,
  effectiveRate: f32,
}

struct Params {
  count: u32,
  salt: u32,
  rate: f32,
  d1: u32, d2: u32, d3: u32, d4: u32, // axes 1 to 4 of x
  m0: u32, m1: u32, m2: u32, m3: u32, m4: u32, // strides of the mask
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

fn pcg(v: u32) -> u32 {
  let state = v * 747796405u + 2891336453u;
  let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
  return (word >> 22u) ^ word;
}

// Uniform in [0, 1) with 24 bits.
fn random(counter: u32) -> f32 {
  let key = pcg(step.seed ^ pcg(step.iteration ^ pcg(params.salt)));
  return f32(pcg(counter ^ key) >> 8u) / 16777216.0;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = (group.x + group.y * groups.x) * WORKGROUP + local;
  if i >= params.count { return; }
  let i4 = i % params.d4;
  var rest = i / params.d4;
  let i3 = rest % params.d3;
  rest /= params.d3;
  let i2 = rest % params.d2;
  rest /= params.d2;
  let i1 = rest % params.d1;
  let i0 = rest / params.d1;
  let counter = i0 * params.m0 + i1 * params.m1 + i2 * params.m2 + i3 * params.m3 + i4 * params.m4;
  y[i] = select(0.0, x[i] / (1.0 - params.rate), random(counter) >= params.rate);
}
