// dx[n, u - top, v - left, c] = sum over i, j < 3 of
//     dy[n, (u - i) / 2, (v - j) / 2, c] * w[i, j, c],   u - i and v - j even
//
// 3x3 filters with stride 2, channels in fours. In padded coordinates u = 2p or 2p + 1: even rows of dx read dy rows p
// (tap 0) and p - 1 (tap 2), odd ones row p (tap 1); columns the same with q. So nothing has to be divided or tried:
// an invocation walks down a strip of `rows` rows of dy for two of its columns and four channels, loads each row once
// (three vectors, one column of which belongs to the left neighbour), and writes the 2 x 4 block of dx that dy rows p
// and p - 1 decide. `carry` is what row p - 1 adds to the even row. Rows and columns outside dy are loaded from the
// nearest place inside and replaced by zero. Neighbouring invocations hold neighbouring channels.

override WORKGROUP: u32 = 64;

struct Params {
  batch: u32,
  channelGroups: u32, // channels / 4
  inHeight: u32, // of dx
  inWidth: u32,
  outHeight: u32, // of dy
  outWidth: u32,
  rows: u32, // rows of dy in a strip
  rowPairs: u32, // pairs of padded rows that hold all of dx
  rowBlocks: u32,
  columnBlocks: u32,
  top: u32,
  left: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read> w: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> dx: array<vec4f>;

// Writes column v (padded) of a row of dx, unless it lies in the padding.
fn write(line: u32, v: u32, c: u32, value: vec4f) {
  if v >= params.left && v - params.left < params.inWidth {
    dx[(line + v - params.left) * params.channelGroups + c] = value;
  }
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = (group.x + group.y * groups.x) * WORKGROUP + local;
  let c = index % params.channelGroups;
  let block = index / params.channelGroups;
  let q = (block % params.columnBlocks) * 2u;
  let strip = (block / params.columnBlocks) % params.rowBlocks;
  let n = block / (params.columnBlocks * params.rowBlocks);
  if n >= params.batch { return; }
  let w0 = w[c];
  let w1 = w[1u * params.channelGroups + c];
  let w2 = w[2u * params.channelGroups + c];
  let w3 = w[3u * params.channelGroups + c];
  let w4 = w[4u * params.channelGroups + c];
  let w5 = w[5u * params.channelGroups + c];
  let w6 = w[6u * params.channelGroups + c];
  let w7 = w[7u * params.channelGroups + c];
  let w8 = w[8u * params.channelGroups + c];

  // The three columns of dy: q - 1, q, q + 1.
  let last = params.outWidth - 1u;
  let at0 = min(max(q, 1u) - 1u, last) * params.channelGroups + c;
  let at1 = min(q, last) * params.channelGroups + c;
  let at2 = min(q + 1u, last) * params.channelGroups + c;
  let inside0 = q >= 1u && q - 1u <= last;
  let inside1 = q <= last;
  let inside2 = q + 1u <= last;

  let first = strip * params.rows;
  let rows = min(params.rows, params.rowPairs - first);
  var carry0 = vec4f();
  var carry1 = vec4f();
  var carry2 = vec4f();
  var carry3 = vec4f();
  // Iteration 0 only finds what the row above the strip carries over; iteration t handles row p = first + t - 1.
  for (var t = 0u; t <= rows; t++) {
    let p = first + t - 1u; // wraps to a large number above the image, which is outside as well
    let inside = p < params.outHeight;
    let line = (n * params.outHeight + min(p, params.outHeight - 1u)) * params.outWidth * params.channelGroups;
    let d0 = select(vec4f(), dy[line + at0], inside && inside0);
    let d1 = select(vec4f(), dy[line + at1], inside && inside1);
    let d2 = select(vec4f(), dy[line + at2], inside && inside2);
    if t > 0u {
      let u = 2u * p;
      if u >= params.top && u - params.top < params.inHeight {
        let even = (n * params.inHeight + u - params.top) * params.inWidth;
        write(even, 2u * q, c, fma(d1, w0, fma(d0, w2, carry0)));
        write(even, 2u * q + 1u, c, fma(d1, w1, carry1));
        write(even, 2u * q + 2u, c, fma(d2, w0, fma(d1, w2, carry2)));
        write(even, 2u * q + 3u, c, fma(d2, w1, carry3));
      }
      if u + 1u >= params.top && u + 1u - params.top < params.inHeight {
        let odd = (n * params.inHeight + u + 1u - params.top) * params.inWidth;
        write(odd, 2u * q, c, fma(d1, w3, d0 * w5));
        write(odd, 2u * q + 1u, c, d1 * w4);
        write(odd, 2u * q + 2u, c, fma(d2, w3, d1 * w5));
        write(odd, 2u * q + 3u, c, d2 * w4);
      }
    }
    carry0 = fma(d1, w6, d0 * w8);
    carry1 = d1 * w7;
    carry2 = fma(d2, w6, d1 * w8);
    carry3 = d2 * w7;
  }
}
