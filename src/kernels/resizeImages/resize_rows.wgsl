// y[p, q, c] = sum over k of weight(p, k) * between[k, q, c]
//
// The second half of resizing an image: its rows, by the weights that resize_columns.wgsl explains. The image becomes a box of the
// result, and `pad` is around it.
// To give BYTES, numbers are rounded to whole ones from 0 to 255 and four of them packed into a word, the first in its low byte;
// else y holds the bits of f32.
// One invocation computes four neighbouring numbers.

override WORKGROUP: u32 = 64;
override METHOD: u32 = 2;
override BYTES: bool = false;

struct Params {
  count: u32, // numbers in the result
  width: u32, // of the result
  extent: u32, // rows of `between`
  top: u32, // the box in the result
  left: u32,
  rows: u32,
  columns: u32,
  pad: u32, // red, green and blue in the low bytes
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> between: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

fn element(k: i32, at: u32) -> f32 {
  return between[u32(k) * 3u * params.columns + at];
}

fn resized(i: u32) -> f32 {
  let row = i / (3u * params.width);
  let column = i / 3u % params.width;
  let channel = i % 3u;
  if row < params.top || row >= params.top + params.rows || column < params.left || column >= params.left + params.columns {
    return f32((params.pad >> (8u * channel)) & 255u);
  }
  let at = 3u * (column - params.left) + channel;
  let p = i32(row - params.top);
  let extent = i32(params.extent);
  let size = i32(params.rows);
  if METHOD == 0u { return element(((2 * p + 1) * extent) / (2 * size), at); }
  let place = (2 * p + 1) * extent - size + 2 * size; // 2 to (u + 1), at least 0
  let below = place / (2 * size) - 1;
  let part = f32(place % (2 * size)) / f32(2 * size); // u = below + part
  let stretch = select(1.0, max(1.0, f32(extent) / f32(size)), METHOD == 2u);
  let reach = i32(ceil(stretch));
  var value = 0.0;
  var total = 0.0;
  for (var k = max(0, below - reach); k <= min(extent - 1, below + reach + 1); k++) {
    let weight = max(0.0, 1.0 - abs(f32(k - below) - part) / stretch);
    if weight > 0.0 {
      value += weight * element(k, at);
      total += weight;
    }
  }
  return value / total;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let word = (group.x + group.y * groups.x) * WORKGROUP + local;
  let first = 4u * word;
  if first >= params.count { return; }
  var packed = 0u;
  for (var i = first; i < min(first + 4u, params.count); i++) {
    let value = resized(i);
    if BYTES {
      packed |= u32(clamp(round(value), 0.0, 255.0)) << (8u * (i - first));
    } else {
      y[i] = bitcast<u32>(value);
    }
  }
  if BYTES { y[word] = packed; }
}
