// ring[slot] = (sum loss, sum metric 0, 1, 2, rows, halted, |gradient|, iteration)
// status     = (halted, iteration of the halt, |gradient|, 0)
//
// As summarize.wgsl, by a single invocation: for few rows behind a software adapter, where the barriers of trees cost more
// than adding up one after the other.

override METRICS: u32 = 0;
override HAS_NORM: bool = true;

struct Step {
  iteration: u32,
  seed: u32,
  batchStart: u32,
  ringSlot: u32,
  learningRate: f32,
  effectiveRate: f32,
}

struct Params {
  rows: u32,
  partials: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read> loss: array<f32>;
@group(0) @binding(3) var<storage, read> metric0: array<f32>;
@group(0) @binding(4) var<storage, read> metric1: array<f32>;
@group(0) @binding(5) var<storage, read> metric2: array<f32>;
@group(0) @binding(6) var<storage, read> norm: array<f32>;
@group(0) @binding(7) var<storage, read_write> ring: array<f32>;
@group(0) @binding(8) var<storage, read_write> status: array<f32>;

fn isFinite(v: f32) -> bool {
  return (bitcast<u32>(v) & 0x7f800000u) != 0x7f800000u;
}

@compute @workgroup_size(1)
fn main() {
  var sums = vec4f(0.0);
  for (var r = 0u; r < params.rows; r++) {
    sums.x += loss[r];
    if METRICS > 0u { sums.y += metric0[r]; }
    if METRICS > 1u { sums.z += metric1[r]; }
    if METRICS > 2u { sums.w += metric2[r]; }
  }
  var squares = 0.0;
  if HAS_NORM {
    for (var i = 0u; i < params.partials; i++) { squares += norm[i]; }
  }
  let gradient = sqrt(squares);
  if status[0] == 0.0 && !(isFinite(sums.x) && isFinite(gradient)) {
    status[0] = 1.0;
    status[1] = f32(step.iteration);
  }
  status[2] = gradient;
  let at = step.ringSlot * 8u;
  ring[at] = sums.x;
  ring[at + 1u] = sums.y;
  ring[at + 2u] = sums.z;
  ring[at + 3u] = sums.w;
  ring[at + 4u] = f32(params.rows);
  ring[at + 5u] = status[0];
  ring[at + 6u] = gradient;
  ring[at + 7u] = f32(step.iteration);
}
