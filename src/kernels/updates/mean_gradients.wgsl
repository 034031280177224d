// g = (g + a) / steps  in every steps-th step; in the others nothing changes
//
// Gradient accumulation: `accumulator` holds the sum of the gradients since the last change of the weights. One invocation
// computes four neighbouring elements. finish_update.wgsl keeps the sum, after it is known whether the step's loss was finite.

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
  count: u32, // vec4s
  steps: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read_write> gradients: array<vec4f>;
@group(0) @binding(3) var<storage, read> accumulator: array<vec4f>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = (group.x + group.y * groups.x) * WORKGROUP + local;
  if i >= params.count || step.iteration % params.steps != 0u { return; }
  gradients[i] = (gradients[i] + accumulator[i]) / f32(params.steps);
}
