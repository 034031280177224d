// y[image, 2 row + i, 2 column + j, o] = f(z * scale[o] + b[o] + residual[...])
//   with z = sum over r, s of A[r, i] * m[4 r + s, t, o] * A[s, j]   for the tile t at (image, row, column) and
//
//   A' = 1  1  1  0
//        0  1 -1 -1
//
// The products of winograd_input's and winograd_filter's numbers become 2 x 2 pixels (Lavin and Gray 2016, "Fast Algorithms for
// Convolutional Neural Networks", F(2x2, 3x3)). One invocation makes them for four filters; pixels past the edge are not
// stored.

override WORKGROUP: u32 = 64;
override HAS_SCALE: bool = true;
override HAS_BIAS: bool = true;
override HAS_RESIDUAL: bool = true;
override FUNCTION: u32 = 1; // the activation, with the numbers of activation.wgsl; 1 is also used for none

struct Params {
  count: u32, // of all tiles: tiles * filters / 4
  filters: u32, // in vectors of four
  rows: u32, // of the result
  columns: u32,
  tileRows: u32, // tiles below one another in an image
  tileColumns: u32,
  slope: f32,
  maxValue: f32,
  threshold: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> m: array<vec4f>;
@group(0) @binding(2) var<storage, read> scale: array<vec4f>;
@group(0) @binding(3) var<storage, read> b: array<vec4f>;
@group(0) @binding(4) var<storage, read> residual: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> y: array<vec4f>;

fn activate(v: vec4f) -> vec4f {
  switch FUNCTION {
    case 1u: {
      let low = select(params.slope * (v - params.threshold), v, v >= vec4f(params.threshold));
      return select(low, vec4f(params.maxValue), low > vec4f(params.maxValue)); // NaN stays NaN
    }
    case 2u: { return 1.0 / (1.0 + exp(-v)); }
    case 3u: { return tanh(clamp(v, vec4f(-15.0), vec4f(15.0))); }
    case 4u: { return v / (1.0 + exp(-v)); }
    case 5u: { return clamp(v / 6.0 + 0.5, vec4f(), vec4f(1.0)); }
    case 6u: { return v * clamp(v / 6.0 + 0.5, vec4f(), vec4f(1.0)); }
    default: { return v; }
  }
}

struct Pair {
  first: vec4f,
  second: vec4f,
}

// Column s of A' m.
fn loadColumn(at: u32, s: u32) -> Pair {
  let first = at + s * params.count;
  let m1 = m[first + 4u * params.count];
  let m2 = m[first + 8u * params.count];
  return Pair(m[first] + m1 + m2, m1 - m2 - m[first + 12u * params.count]);
}

fn finish(z: vec4f, image: u32, row: u32, column: u32, filters: u32) {
  if row >= params.rows || column >= params.columns { return; }
  let i = ((image * params.rows + row) * params.columns + column) * params.filters + filters;
  var value = z;
  if HAS_SCALE { value *= scale[filters]; }
  if HAS_BIAS { value += b[filters]; }
  if HAS_RESIDUAL { value += residual[i]; }
  y[i] = activate(value);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let at = (group.x + group.y * groups.x) * WORKGROUP + local;
  if at >= params.count { return; }
  let tile = at / params.filters;
  let filters = at - tile * params.filters;
  let across = tile / params.tileColumns;
  let image = across / params.tileRows;
  let row = 2u * (across - image * params.tileRows);
  let column = 2u * (tile - across * params.tileColumns);
  let p = loadColumn(at, 0u);
  let q = loadColumn(at, 1u);
  let r = loadColumn(at, 2u);
  let s = loadColumn(at, 3u);
  finish(p.first + q.first + r.first, image, row, column, filters);
  finish(q.first - r.first - s.first, image, row, column + 1u, filters);
  finish(p.second + q.second + r.second, image, row + 1u, column, filters);
  finish(q.second - r.second - s.second, image, row + 1u, column + 1u, filters);
}
