// dx[n, h, w, c] = sum over p, q of  weight(p, h) * weight(q, w) * dy[n, p, q, c]
//
// nearest:  weight(p, h) = 1 where p div sh = h
// bilinear: weight(p, h) = what row h contributes to row p: max(0, 1 - |(p + 1/2) / sh - 1/2 - h|), and 1 where the
//           centre of p lies outside the image beyond h (see upsample.wgsl)
// Each element of x collects from the rows and columns that read it: sh of them for nearest, up to 2sh for bilinear,
// so that no two invocations write the same place. One invocation computes one element of dx.

override WORKGROUP: u32 = 64;
override BILINEAR: bool = false;
override SCALE_H: u32 = 2;
override SCALE_W: u32 = 2;

struct Params {
  count: u32, // elements of dx
  height: u32, // of dx
  width: u32, // of dx
  channels: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;

// In whole numbers: the centre of p is (2p + 1) / 2s - 1/2, clamped into the image, which ends at the centres 0 and
// length - 1 of its own elements.
fn weight(p: u32, h: u32, scale: u32, length: u32) -> f32 {
  if !BILINEAR { return 1.0; }
  let centre = clamp(i32(2u * p + 1u) - i32(scale), 0, i32(2u * scale * (length - 1u)));
  let distance = abs(centre - i32(2u * scale * h));
  return f32(max(i32(2u * scale) - distance, 0)) / f32(2u * scale);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let o = (group.x + group.y * groups.x) * WORKGROUP + local;
  if o >= params.count { return; }
  let c = o % params.channels;
  let w = (o / params.channels) % params.width;
  let nh = o / (params.channels * params.width);
  let h = nh % params.height;
  let n = nh / params.height;
  let outHeight = params.height * SCALE_H;
  let outWidth = params.width * SCALE_W;
  var pFirst = h * SCALE_H;
  var pEnd = pFirst + SCALE_H;
  var qFirst = w * SCALE_W;
  var qEnd = qFirst + SCALE_W;
  if BILINEAR {
    // Half an element more on either side, rounded outwards; the weight is zero where that is too far.
    pFirst = max(pFirst, SCALE_H / 2u + 1u) - (SCALE_H / 2u + 1u);
    pEnd = min(pEnd + SCALE_H / 2u + 1u, outHeight);
    qFirst = max(qFirst, SCALE_W / 2u + 1u) - (SCALE_W / 2u + 1u);
    qEnd = min(qEnd + SCALE_W / 2u + 1u, outWidth);
  }
  var sum = 0.0;
  for (var p = pFirst; p < pEnd; p++) {
    let row = weight(p, h, SCALE_H, params.height);
    for (var q = qFirst; q < qEnd; q++) {
      let factor = row * weight(q, w, SCALE_W, params.width);
      sum = fma(factor, dy[((n * outHeight + p) * outWidth + q) * params.channels + c], sum);
    }
  }
  dx[o] = sum;
}
