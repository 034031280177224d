// y[b, i] = data[index[batchStart + b], i], for samples whose length is a multiple of 4
//
// As gather.wgsl, four elements an invocation: they lie in one sample, so it is found once. FORMAT 0: four words of f32.
// 1: one word of four u8. 2: two words of two f16.

override WORKGROUP: u32 = 64;
override FORMAT: u32 = 0;

struct Step {
  iteration: u32,
  seed: u32,
  batchStart: u32,
  ringSlot: u32,
  learningRate: f32,
  effectiveRate: f32,
}

struct Params {
  count: u32, // vec4s of y
  sample: u32, // vec4s
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read> data: array<u32>;
@group(0) @binding(3) var<storage, read> index: array<u32>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = (group.x + group.y * groups.x) * WORKGROUP + local;
  if i >= params.count { return; }
  let at = index[step.batchStart + i / params.sample] * params.sample + i % params.sample;
  switch FORMAT {
    case 1u: {
      let word = data[at];
      y[i] = vec4f(vec4u(word, word >> 8u, word >> 16u, word >> 24u) & vec4u(255u));
    }
    case 2u: { y[i] = vec4f(unpack2x16float(data[2u * at]), unpack2x16float(data[2u * at + 1u])); }
    default: {
      y[i] = bitcast<vec4f>(vec4u(data[4u * at], data[4u * at + 1u], data[4u * at + 2u], data[4u * at + 3u]));
    }
  }
}
