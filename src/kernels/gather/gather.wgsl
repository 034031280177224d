// y[b, i] = data[index[batchStart + b], i]
//
// The batch of a step, taken from a data set that lies on the GPU. FORMAT 0: f32. 1: four u8 are packed into each word,
// whatever the length of a sample. 2: two f16 are packed into each word, and a sample begins with a word.
// One invocation copies PER neighbouring elements of the batch.

override WORKGROUP: u32 = 64;
override FORMAT: u32 = 0;
const PER = 4u;

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
  sample: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read> data: array<u32>;
@group(0) @binding(3) var<storage, read> index: array<u32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let first = ((group.x + group.y * groups.x) * WORKGROUP + local) * PER;
  for (var i = first; i < min(first + PER, params.count); i++) {
    let row = index[step.batchStart + i / params.sample];
    let column = i % params.sample;
    let at = row * params.sample + column;
    switch FORMAT {
      case 1u: { y[i] = f32((data[at / 4u] >> (8u * (at % 4u))) & 255u); }
      case 2u: { y[i] = unpack2x16float(data[row * ((params.sample + 1u) / 2u) + column / 2u])[column % 2u]; }
      default: { y[i] = bitcast<f32>(data[at]); }
    }
  }
}
