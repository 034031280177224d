// loss[r] = - sum_c t[r, c] log p[r, c]
//
// As categorical_cross_entropy.wgsl, but one invocation computes one row, with neither barriers nor workgroup memory: what
// a CPU behind the interface does best, and what costs a GPU its width where classes are many.

override WORKGROUP: u32 = 4;
override SPARSE: bool = true;
override LOGITS: bool = true;
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

fn label(row: u32, c: u32) -> f32 {
  if SPARSE { return select(0.0, 1.0, u32(labels[row]) == c); }
  return labels[row * params.classes + c] * (1.0 - params.smoothing) + params.smoothing / f32(params.classes);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let row = (group.x + group.y * groups.x) * WORKGROUP + local;
  if row >= params.rows { return; }
  let classes = params.classes;
  let start = row * classes;
  var top = 0.0;
  if LOGITS {
    top = x[start];
    for (var c = 1u; c < classes; c++) { top = select(top, x[start + c], x[start + c] > top); }
  }
  var sum = 0.0;
  for (var c = 0u; c < classes; c++) {
    if LOGITS { sum += exp(x[start + c] - top); } else { sum += x[start + c]; }
  }
  // Of the loss itself; for probabilities also what the gradient of the division by the sum takes off each class.
  var ownLoss = 0.0;
  var weight = 0.0;
  var correction = 0.0;
  let logSum = log(sum);
  for (var c = 0u; c < classes; c++) {
    let t = label(row, c);
    weight += t;
    if LOGITS {
      ownLoss -= t * (x[start + c] - top - logSum);
    } else {
      let p = x[start + c] / sum;
      ownLoss -= t * log(bounded(p));
      if p >= EPSILON && p <= 1.0 - EPSILON { correction += t; }
    }
  }
  var bad = 0.0;
  if SPARSE {
    let id = labels[row];
    if !(id >= 0.0 && id < f32(classes)) { bad = bitcast<f32>(0x7fc00000u | (row & 1u)); }
  }
  if LOSS { loss[row] = ownLoss + bad; }
  if !GRADIENT { return; }
  let scale = 1.0 / f32(params.rows);
  for (var c = 0u; c < classes; c++) {
    let t = label(row, c);
    var d = 0.0;
    if LOGITS {
      d = weight * exp(x[start + c] - top) / sum - t;
    } else {
      let p = x[start + c] / sum;
      let own = select(0.0, t / p, p >= EPSILON && p <= 1.0 - EPSILON);
      d = (correction - own) / sum;
    }
    dx[start + c] = d * scale + bad;
  }
}
