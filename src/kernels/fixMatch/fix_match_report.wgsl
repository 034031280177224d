// KIND 0: y[r] = rows / labelled * [labels[r] = argmax x[r]] of labelled rows, 0 of others
// KIND 1: y[r] = rows / unlabelled * [max of p[r] >= threshold] of weak rows, 0 of others
//
// What a FixMatch step tells of itself: the accuracy on its labelled rows, and the share of its unlabelled samples that got a
// pseudo-label; both as means over all rows. p is softmax x (LOGITS), or x
// divided by its sum. Rows come in this order: labelled, weak views, strong views. Without unlabelled
// rows KIND 1 is the share of all rows. One invocation computes a row.

override KIND: u32 = 0;
override LOGITS: bool = true;

struct Params {
  rows: u32,
  classes: u32,
  labelled: u32,
  unlabelled: u32,
  threshold: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let row = (group.x + group.y * groups.x) * 64u + local;
  if row >= params.rows { return; }
  let start = row * params.classes;
  var best = 0u;
  for (var c = 1u; c < params.classes; c++) { best = select(best, c, x[start + c] > x[start + best]); }
  var first = 0u; // of the rows that count
  var count = params.labelled;
  var holds = false;
  if KIND == 0u {
    holds = row < params.labelled && best == u32(labels[min(row, params.labelled - 1u)]);
  } else {
    if params.unlabelled > 0u {
      first = params.labelled;
      count = params.unlabelled;
    }
    var sum = 0.0;
    for (var c = 0u; c < params.classes; c++) {
      sum += select(x[start + c] / x[start + best], exp(x[start + c] - x[start + best]), LOGITS);
    }
    holds = 1.0 / sum >= params.threshold;
  }
  let counts = row >= first && row < first + count;
  y[row] = select(0.0, f32(params.rows) / f32(count), counts && holds);
}
