// ce[r, c] = log sum_k exp z[r, k] - z[r, c]     z are logits, x (LOGITS) or the logarithm of probabilities x, at least 1e-7
// loss[r] = rows / labelled * ce[r, labels[r]]                                     labelled rows
//           0                                                                     weak rows
//           rows / unlabelled * lambda * [p[w] >= threshold] * ce[r, argmax x[w]]  strong rows, w = r - unlabelled
//
// p[w] is the largest of softmax z[w]. // Rows come in this order: labelled, weak views, strong views. Means over all rows are then the loss of FixMatch, and dx is that
// mean's gradient, which reaches neither the weak views nor the choice of the class. Without unlabelled rows it is the cross-entropy of
// all rows. Of equal classes the first is the likeliest. One invocation computes a row.

override LOGITS: bool = true;
override LOSS: bool = true;
override GRADIENT: bool = false;

struct Params {
  rows: u32,
  classes: u32,
  labelled: u32,
  unlabelled: u32,
  threshold: f32,
  lambda: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<f32>;
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;

const EPSILON = 1e-7;

fn logit(i: u32) -> f32 {
  if LOGITS { return x[i]; }
  return log(max(x[i], EPSILON));
}

// The first of the likeliest classes.
fn likeliest(start: u32) -> u32 {
  var best = 0u;
  for (var c = 1u; c < params.classes; c++) { best = select(best, c, x[start + c] > x[start + best]); }
  return best;
}

// log sum exp z of a row, relative to its largest element.
fn logSum(start: u32, top: f32) -> f32 {
  var sum = 0.0;
  for (var c = 0u; c < params.classes; c++) { sum += exp(logit(start + c) - top); }
  return log(sum);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let row = (group.x + group.y * groups.x) * 64u + local;
  if row >= params.rows { return; }
  let start = row * params.classes;
  var weight = 0.0; // of this row's cross-entropy in the mean over its part
  var goal = 0u;
  if row < params.labelled {
    goal = min(u32(labels[row]), params.classes - 1u);
    weight = 1.0 / f32(params.labelled);
  } else if row >= params.labelled + params.unlabelled {
    let weak = start - params.unlabelled * params.classes;
    goal = likeliest(weak);
    let confident = exp(-logSum(weak, logit(weak + goal))) >= params.threshold;
    weight = select(0.0, params.lambda / f32(params.unlabelled), confident);
  }
  let top = logit(start + likeliest(start));
  let total = logSum(start, top);
  if LOSS { loss[row] = f32(params.rows) * weight * (total - (logit(start + goal) - top)); }
  if GRADIENT {
    for (var c = 0u; c < params.classes; c++) {
      let p = exp(logit(start + c) - top - total);
      var d = weight * (p - select(0.0, 1.0, c == goal));
      if !LOGITS { d = select(0.0, d / max(x[start + c], EPSILON), x[start + c] >= EPSILON); }
      dx[start + c] = d;
    }
  }
}
