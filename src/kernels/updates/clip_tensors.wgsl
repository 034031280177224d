// g = g * limit / max(limit, |g|)  for each tensor, |g| over all its elements (Keras's clipnorm)
//
// `table` has a row of three words for each block of 64 floats; in a tensor's first block the flags' bits 1 to 31 hold the
// tensor's count of blocks, elsewhere they are 0. One workgroup a block: that of a tensor's first one takes the whole tensor,
// the others end at once. The sum's order is fixed, so the same gradients give the same bits.

override WORKGROUP: u32 = 256;

struct Step {
  iteration: u32,
  seed: u32,
  batchStart: u32,
  ringSlot: u32,
  learningRate: f32,
  effectiveRate: f32,
}

struct Params {
  blocks: u32,
  steps: u32, // the weights change in every steps-th step
  limit: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read_write> gradients: array<vec4f>;
@group(0) @binding(3) var<storage, read> table: array<u32>;

var<workgroup> sums: array<f32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let block = group.x + group.y * groups.x;
  var count = 0u; // vec4s of the tensor
  if block < params.blocks && step.iteration % params.steps == 0u { count = (table[block * 3u + 2u] >> 1u) * 16u; }
  let start = block * 16u;
  var sum = 0.0;
  for (var i = local; i < count; i += WORKGROUP) {
    let g = gradients[start + i];
    sum += dot(g, g);
  }
  sums[local] = sum;
  workgroupBarrier();
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    if local < half { sums[local] += sums[local + half]; }
    workgroupBarrier();
  }
  let scale = params.limit / max(params.limit, sqrt(sums[0]));
  for (var i = local; i < count; i += WORKGROUP) { gradients[start + i] *= scale; }
}
