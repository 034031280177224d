// p = p - p * weightDecay * rate        (Keras's decoupled decay, before the step)
// RULE 0, SGD:      m = momentum m - rate g;  p += m, or p += momentum m - rate g (NESTEROV);  without momentum p -= rate g
// RULE 1, RMSprop:  v = rho v + (1 - rho) g^2;  a = rho a + (1 - rho) g (CENTERED);
//                   u = rate g / sqrt(v - a^2 + epsilon);  m = momentum m + u;  p -= m (or u without momentum)
// RULE 2, Adam:     m += (g - m)(1 - beta1);  v += (g^2 - v)(1 - beta2);  p -= m effectiveRate / (sqrt v + epsilon)
//                   (AMSGRAD: with the largest v so far, the third slot, instead of v)
//
// One dispatch for all weights. Gradients and slots are compact arenas in blocks of 64 floats; row b of `table` holds the
// block of `parameters` that block b belongs to, the factor of its learning rate (bits of an f32), and flags (bit 0: no
// weight decay; the others are clip_tensors.wgsl's). One invocation computes four neighbouring elements, so a workgroup of 64 takes four blocks.
// When the step is halted (status[0]) nothing is changed. clipNorm scales gradients whose global norm (status[2]) is larger.

override WORKGROUP: u32 = 64;
override RULE: u32 = 0;
override MOMENTUM: bool = false;
override NESTEROV: bool = false;
override CENTERED: bool = false;
override AMSGRAD: bool = false;

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
  weightDecay: f32,
  clipNorm: f32, // 0: none
  clipValue: f32, // 0: none
  momentum: f32,
  rho: f32, // RMSprop's rho
  epsilon: f32,
  beta1Rest: f32, // 1 - beta1, which f32 would not give exactly
  beta2Rest: f32,
  steps: u32, // the weights change in every steps-th step
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read_write> parameters: array<vec4f>;
@group(0) @binding(3) var<storage, read> gradients: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> first: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> second: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> third: array<vec4f>;
@group(0) @binding(7) var<storage, read> table: array<u32>;
@group(0) @binding(8) var<storage, read> status: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = (group.x + group.y * groups.x) * WORKGROUP + local;
  if i >= params.count || status[0] != 0.0 || step.iteration % params.steps != 0u { return; }
  let row = (i / 16u) * 3u;
  let at = table[row] * 16u + i % 16u;
  let factor = bitcast<f32>(table[row + 1u]);
  let rate = step.learningRate * factor;
  var p = parameters[at];
  if (table[row + 2u] & 1u) == 0u { p -= p * params.weightDecay * rate; }
  var g = gradients[i];
  if params.clipNorm > 0.0 { g *= params.clipNorm / max(params.clipNorm, status[2]); }
  if params.clipValue > 0.0 { g = clamp(g, vec4f(-params.clipValue), vec4f(params.clipValue)); }
  switch RULE {
    case 1u: {
      let v = params.rho * second[i] + (1.0 - params.rho) * g * g;
      second[i] = v;
      var denominator = v + params.epsilon;
      if CENTERED {
        let a = params.rho * third[i] + (1.0 - params.rho) * g;
        third[i] = a;
        denominator = v - a * a + params.epsilon;
      }
      var u = rate * g / sqrt(denominator);
      if MOMENTUM {
        u += params.momentum * first[i];
        first[i] = u;
      }
      p -= u;
    }
    case 2u: {
      let m = first[i] + (g - first[i]) * params.beta1Rest;
      var v = second[i] + (g * g - second[i]) * params.beta2Rest;
      first[i] = m;
      second[i] = v;
      if AMSGRAD {
        v = max(v, third[i]);
        third[i] = v;
      }
      p -= m * (step.effectiveRate * factor) / (sqrt(v) + params.epsilon);
    }
    default: {
      if MOMENTUM {
        let m = first[i] * params.momentum - g * rate;
        first[i] = m;
        if NESTEROV { p += m * params.momentum - g * rate; } else { p += m; }
      } else {
        p -= g * rate;
      }
    }
  }
  parameters[at] = p;
}
