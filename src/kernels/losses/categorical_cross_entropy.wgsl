// loss[r] = - sum_c t[r, c] log p[r, c]
//
// p is softmax(x) where x are logits (LOGITS), else x brought to sum 1 and kept within [1e-7, 1 - 1e-7] as Keras does.
// t are the labels: one at the class id (SPARSE), else one value a class; with smoothing s: t (1 - s) + s / classes.
// GRADIENT computes dx[r, c] of the mean over all rows, LOSS the loss; a training step wants both. A workgroup computes one row; its LANES invocations take
// every LANES-th class and add up in trees. A class id outside 0..classes-1 gives NaN, never a read out of bounds.

override LANES: u32 = 32;
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

var<workgroup> lane: array<f32, LANES>;

fn total(local: u32, v: f32) -> f32 {
  workgroupBarrier();
  lane[local] = v;
  workgroupBarrier();
  for (var half = LANES / 2u; half >= 1u; half /= 2u) {
    if local < half { lane[local] += lane[local + half]; }
    workgroupBarrier();
  }
  return lane[0];
}

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

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let row = min(group.x + group.y * groups.x, params.rows - 1u);
  let start = row * params.classes;
  let classes = params.classes;
  var top = 0.0;
  if LOGITS {
    top = x[start];
    for (var c = local; c < classes; c += LANES) { top = select(top, x[start + c], x[start + c] > top); }
    lane[local] = top;
    workgroupBarrier();
    for (var half = LANES / 2u; half >= 1u; half /= 2u) {
      if local < half { lane[local] = max(lane[local], lane[local + half]); }
      workgroupBarrier();
    }
    top = lane[0];
  }
  var part = 0.0;
  for (var c = local; c < classes; c += LANES) {
    if LOGITS { part += exp(x[start + c] - top); } else { part += x[start + c]; }
  }
  let sum = total(local, part);
  // Of the loss itself; for probabilities also what the gradient of the division by the sum takes off each class.
  var value = 0.0;
  var weight = 0.0;
  var correction = 0.0;
  for (var c = local; c < classes; c += LANES) {
    let t = label(row, c);
    weight += t;
    if LOGITS {
      value -= t * (x[start + c] - top - log(sum));
    } else {
      let p = x[start + c] / sum;
      value -= t * log(bounded(p));
      if p >= EPSILON && p <= 1.0 - EPSILON { correction += t; }
    }
  }
  let ownLoss = total(local, value);
  let weights = total(local, weight);
  let corrections = total(local, correction);
  var bad = 0.0;
  if SPARSE {
    let id = labels[row];
    if !(id >= 0.0 && id < f32(classes)) { bad = bitcast<f32>(0x7fc00000u | (row & 1u)); }
  }
  if LOSS && local == 0u { loss[row] = ownLoss + bad; }
  if !GRADIENT { return; }
  let scale = 1.0 / f32(params.rows);
  for (var c = local; c < classes; c += LANES) {
    let t = label(row, c);
    var d = 0.0;
    if LOGITS {
      d = weights * exp(x[start + c] - top) / sum - t;
    } else {
      let p = x[start + c] / sum;
      let own = select(0.0, t / p, p >= EPSILON && p <= 1.0 - EPSILON);
      d = (corrections - own) / sum;
    }
    dx[start + c] = d * scale + bad;
  }
}
