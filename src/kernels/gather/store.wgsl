// data[batchStart + b, i] = x[b, i]
//
// The opposite of gather for consecutive samples: a batch of values goes to its place in an array over the data set.
// HALVES: two f16 are packed into each word, and a sample begins with a word; numbers beyond what f16 holds become its
// largest. One invocation writes one word.

override WORKGROUP: u32 = 64;
override HALVES: bool = false;
const LARGEST = 65504.0;

struct Step {
  iteration: u32,
  seed: u32,
  batchStart: u32,
  ringSlot: u32,
  learningRate: f32,
  effectiveRate: f32,
}

struct Params {
  count: u32, // words of the batch
  sample: u32, // elements
  words: u32, // of a sample
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> data: array<u32>;

// Comparisons instead of clamp(): they let NaN through.
fn bounded(v: f32) -> f32 {
  if v > LARGEST { return LARGEST; }
  if v < -LARGEST { return -LARGEST; }
  return v;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = (group.x + group.y * groups.x) * WORKGROUP + local;
  if i >= params.count { return; }
  let at = step.batchStart * params.words + i;
  if !HALVES {
    data[at] = bitcast<u32>(x[i]);
    return;
  }
  let column = 2u * (i % params.words);
  let source = (i / params.words) * params.sample + column;
  var pair = vec2f(bounded(x[source]), 0.0);
  if column + 1u < params.sample { pair.y = bounded(x[source + 1u]); }
  data[at] = pack2x16float(pair);
}
