// v[4 i + j, t, c] = sum over r, s of B[r, i] * d[r, s] * B[s, j]   with d[r, s] = x[image, top + r, left + s, c], for
//
//        1  0 -1  0
//   B' = 0  1  1  0
//        0 -1  1  0
//        0  1  0 -1
//
// The image of a 3x3 convolution in tiles: tile t gives 2 x 2 pixels of the result and reads 4 x 4 of the source, which are
// zero beside the image (Lavin and Gray 2016, "Fast Algorithms for Convolutional Neural Networks", F(2x2, 3x3)). One
// invocation transforms four channels of one tile.

override WORKGROUP: u32 = 64;

struct Params {
  count: u32, // of all tiles: tiles * channels / 4
  channels: u32, // in vectors of four
  rows: u32, // of the source
  columns: u32,
  tileRows: u32, // tiles below one another in an image
  tileColumns: u32,
  top: i32, // rows of zeros above the source, and
  left: i32, // columns beside it
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> v: array<vec4f>;

struct Row {
  a: vec4f,
  b: vec4f,
  c: vec4f,
  d: vec4f,
}

fn load(image: u32, channel: u32, row: i32, column: i32) -> vec4f {
  let inside = row >= 0 && row < i32(params.rows) && column >= 0 && column < i32(params.columns);
  let at = (image * params.rows + u32(row)) * params.columns + u32(column);
  if inside { return x[at * params.channels + channel]; }
  return vec4f();
}

fn loadRow(image: u32, channel: u32, row: i32, column: i32) -> Row {
  return Row(
    load(image, channel, row, column),
    load(image, channel, row, column + 1),
    load(image, channel, row, column + 2),
    load(image, channel, row, column + 3),
  );
}

// Four of the 16 results, from one row of B' d.
fn store(at: u32, row: u32, a: vec4f, b: vec4f, c: vec4f, d: vec4f) {
  let first = at + 4u * row * params.count;
  v[first] = a - c;
  v[first + params.count] = b + c;
  v[first + 2u * params.count] = c - b;
  v[first + 3u * params.count] = b - d;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let at = (group.x + group.y * groups.x) * WORKGROUP + local;
  if at >= params.count { return; }
  let tile = at / params.channels;
  let channel = at - tile * params.channels;
  let across = tile / params.tileColumns;
  let image = across / params.tileRows;
  let row = 2 * i32(across - image * params.tileRows) - params.top;
  let column = 2 * i32(tile - across * params.tileColumns) - params.left;
  let p = loadRow(image, channel, row, column);
  let q = loadRow(image, channel, row + 1, column);
  let r = loadRow(image, channel, row + 2, column);
  let s = loadRow(image, channel, row + 3, column);
  store(at, 0u, p.a - r.a, p.b - r.b, p.c - r.c, p.d - r.d);
  store(at, 1u, q.a + r.a, q.b + r.b, q.c + r.c, q.d + r.d);
  store(at, 2u, r.a - q.a, r.b - q.b, r.c - q.c, r.d - q.d);
  store(at, 3u, q.a - s.a, q.b - s.b, q.c - s.c, q.d - s.d);
}
