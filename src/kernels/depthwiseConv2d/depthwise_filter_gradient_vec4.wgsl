// part[chunk, i, j, c] = sum over the output rows (n, p) of a chunk and all q of
//     x[n, p*sh - top + i*dh, q*sw - left + j*dw, c] * dy[n, p, q, c]
//
// Any filter size, stride and dilation, channels in fours. An invocation computes three neighbouring taps of one
// filter row for four channels, over every `chunks`-th output row. Where stride and dilation are 1 (SLIDING) the three
// taps of one column and of the next share two places of x, which are handed on. A sum over all chunks follows
// (sum_rows), so that the order of additions is always the same. Neighbouring invocations hold neighbouring channels.

override WORKGROUP: u32 = 64;
override SLIDING: bool = true;
override SIZE_H: u32 = 3;
override SIZE_W: u32 = 3;
override STRIDE_H: u32 = 1;
override STRIDE_W: u32 = 1;
override DILATION_H: u32 = 1;
override DILATION_W: u32 = 1;

struct Params {
  channelGroups: u32, // channels / 4
  inHeight: u32,
  inWidth: u32,
  outHeight: u32,
  outWidth: u32,
  outRows: u32, // in the whole batch
  chunks: u32,
  top: i32,
  left: i32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> dy: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> part: array<vec4f>;

fn load(line: u32, column: i32, c: u32) -> vec4f {
  let last = i32(params.inWidth) - 1;
  let v = x[(line + u32(clamp(column, 0, last))) * params.channelGroups + c];
  return select(vec4f(), v, column >= 0 && column <= last);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = (group.x + group.y * groups.x) * WORKGROUP + local;
  let c = index % params.channelGroups;
  let blocks = (SIZE_W + 2u) / 3u;
  let block = (index / params.channelGroups) % (SIZE_H * blocks);
  let chunk = index / (params.channelGroups * SIZE_H * blocks);
  if chunk >= params.chunks { return; }
  let i = block / blocks;
  let j = (block % blocks) * 3u;

  var sum0 = vec4f();
  var sum1 = vec4f();
  var sum2 = vec4f();
  for (var outRow = chunk; outRow < params.outRows; outRow += params.chunks) {
    let n = outRow / params.outHeight;
    let p = outRow % params.outHeight;
    let row = i32(p * STRIDE_H + i * DILATION_H) - params.top;
    if row < 0 || row >= i32(params.inHeight) { continue; }
    let line = (n * params.inHeight + u32(row)) * params.inWidth;
    var column = i32(j * DILATION_W) - params.left;
    var x0 = vec4f();
    var x1 = vec4f();
    if SLIDING {
      x0 = load(line, column, c);
      x1 = load(line, column + 1, c);
    }
    for (var q = 0u; q < params.outWidth; q++) {
      if !SLIDING {
        x0 = load(line, column, c);
        x1 = load(line, column + i32(DILATION_W), c);
      }
      let x2 = load(line, column + 2 * i32(DILATION_W), c);
      let d = dy[(outRow * params.outWidth + q) * params.channelGroups + c];
      sum0 = fma(x0, d, sum0);
      sum1 = fma(x1, d, sum1);
      sum2 = fma(x2, d, sum2);
      x0 = x1;
      x1 = x2;
      column += i32(STRIDE_W);
    }
  }
  let at = (chunk * SIZE_H * SIZE_W + i * SIZE_W + j) * params.channelGroups + c;
  part[at] = sum0;
  if j + 1u < SIZE_W { part[at + params.channelGroups] = sum1; }
  if j + 2u < SIZE_W { part[at + 2u * params.channelGroups] = sum2; }
}
