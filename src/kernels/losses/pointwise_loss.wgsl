// loss[r] = mean_c l(x[r, c], t[r, c])
//
// KIND 0: squared error (x - t)^2.  1: binary cross-entropy of probabilities, kept within [1e-7, 1 - 1e-7] as Keras does.
// 2: binary cross-entropy of logits, max(x, 0) - x t + log(1 + exp(-|x|)).  Labels with smoothing s: t (1 - s) + s / 2.
// GRADIENT computes dx of the mean over all rows, LOSS the loss; a training step wants both. One invocation computes one row.

override WORKGROUP: u32 = 64;
override KIND: u32 = 0;
override LOSS: bool = true;
override GRADIENT: bool = false;

struct Params {
  rows: u32,
  classes: u32,
  smoothing: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<f32>;
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;

const EPSILON = 1e-7;

// Comparisons instead of clamp(): they let NaN through, so that it reaches the loss.
fn bounded(p: f32) -> f32 {
  if p < EPSILON { return EPSILON; }
  if p > 1.0 - EPSILON { return 1.0 - EPSILON; }
  return p;
}

fn pointLoss(v: f32, t: f32) -> f32 {
  switch KIND {
    case 1u: {
      let p = bounded(v);
      return -(t * log(p) + (1.0 - t) * log(1.0 - p));
    }
    case 2u: { return max(v, 0.0) - v * t + log(1.0 + exp(-abs(v))); }
    default: { return (v - t) * (v - t); }
  }
}

fn pointSlope(v: f32, t: f32) -> f32 {
  switch KIND {
    case 1u: { return select(0.0, (v - t) / (v * (1.0 - v)), v >= EPSILON && v <= 1.0 - EPSILON); }
    case 2u: { return 1.0 / (1.0 + exp(-v)) - t; }
    default: { return 2.0 * (v - t); }
  }
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let row = (group.x + group.y * groups.x) * WORKGROUP + local;
  if row >= params.rows { return; }
  let start = row * params.classes;
  var sum = 0.0;
  for (var i = start; i < start + params.classes; i++) {
    let t = labels[i] * (1.0 - params.smoothing) + 0.5 * params.smoothing;
    if GRADIENT { dx[i] = pointSlope(x[i], t) / (f32(params.classes) * f32(params.rows)); }
    if LOSS { sum += pointLoss(x[i], t); }
  }
  if LOSS { loss[row] = sum / f32(params.classes); }
}
