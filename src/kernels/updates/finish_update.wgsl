// ACCUMULATE: a = a + g, or 0 in every steps-th step, whose mean the weights have taken
// AVERAGE:    m = momentum m + (1 - momentum) p, before the first change of the weights is over m = p;
//             every overwrite-th change p = m (Keras's ema_overwrite_frequency)
//
// After the optimizer, over the same blocks: row b of `table` holds the block of `parameters` that block b belongs to. One
// invocation computes four neighbouring elements. When the step is halted (status[0]) nothing is changed.

override WORKGROUP: u32 = 64;
override ACCUMULATE: bool = false;
override AVERAGE: bool = false;

struct Step {
  iteration: u32,
  seed: u32,
  batchStart: u32,
  ringSlot: u32,
  learningRate: f32,
  effectiveRate: f32,
}

struct Params {
  count: u32, // vec4s of the gradient arena
  steps: u32,
  momentum: f32,
  momentumRest: f32, // 1 - momentum, which f32 would not give exactly
  overwrite: u32, // 0: never
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read_write> parameters: array<vec4f>;
@group(0) @binding(3) var<storage, read> gradients: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> accumulator: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> average: array<vec4f>;
@group(0) @binding(6) var<storage, read> table: array<u32>;
@group(0) @binding(7) var<storage, read> status: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = (group.x + group.y * groups.x) * WORKGROUP + local;
  if i >= params.count || status[0] != 0.0 { return; }
  if ACCUMULATE {
    if step.iteration % params.steps == 0u { accumulator[i] = vec4f(0.0); } else { accumulator[i] += gradients[i]; }
  }
  if AVERAGE {
    let at = table[(i / 16u) * 3u] * 16u + i % 16u;
    let updates = (step.iteration - 1u) / params.steps; // done before this step
    let p = parameters[at];
    var m = p;
    if updates > 0u { m = params.momentum * average[i] + params.momentumRest * p; }
    average[i] = m;
    if params.overwrite > 0u && (updates + 1u) % max(params.overwrite, 1u) == 0u { parameters[at] = m; }
  }
}
