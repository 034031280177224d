// z[n, p, q, c] = sum over i, j < 3 of  x[n, p - top + i, q - left + j, c] * w[i, j, c]
// y = f(z * scale + b + residual)
//
// 3x3 filters with stride 1, channels in fours. An invocation walks down a strip of `rows` output rows, two columns
// wide, for four channels. Each input row is loaded once (four vectors) and goes into the three output rows that it
// belongs to: it completes the sum `above`, is the middle row of `here`, and begins the one below. The nine taps stay
// in registers. Which columns are inside the image is settled before the walk; what lies outside is loaded from the
// nearest place inside and replaced by zero, so that nothing branches. Loads per output: (rows + 2) / rows * 2 instead
// of 18. Neighbouring invocations hold neighbouring channels.
//
// FLIPPED reads the taps backwards: with x = dy and the pads counted from the other side it is the gradient with
// respect to the image. The numbers of FUNCTION are those of activation.wgsl.

override WORKGROUP: u32 = 64;
override FLIPPED: bool = false;
override HAS_SCALE: bool = false;
override HAS_BIAS: bool = false;
override HAS_RESIDUAL: bool = false;
override FUNCTION: u32 = 0;

struct Params {
  batch: u32,
  channelGroups: u32, // channels / 4
  inHeight: u32,
  inWidth: u32,
  outHeight: u32,
  outWidth: u32,
  rows: u32, // output rows of a strip
  rowBlocks: u32,
  columnBlocks: u32,
  top: i32,
  left: i32,
  slope: f32,
  maxValue: f32,
  threshold: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> w: array<vec4f>;
@group(0) @binding(3) var<storage, read> b: array<vec4f>;
@group(0) @binding(4) var<storage, read> scale: array<vec4f>;
@group(0) @binding(5) var<storage, read> residual: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> y: array<vec4f>;

fn activate(v: vec4f) -> vec4f {
  switch FUNCTION {
    case 1u: {
      let low = select(params.slope * (v - params.threshold), v, v >= vec4f(params.threshold));
      return min(low, vec4f(params.maxValue));
    }
    case 2u: { return 1.0 / (1.0 + exp(-v)); }
    case 3u: { return tanh(clamp(v, vec4f(-15.0), vec4f(15.0))); }
    case 4u: { return v / (1.0 + exp(-v)); }
    case 5u: { return clamp(v / 6.0 + 0.5, vec4f(), vec4f(1.0)); }
    case 6u: { return v * clamp(v / 6.0 + 0.5, vec4f(), vec4f(1.0)); }
    default: { return v; }
  }
}

fn finish(sum: vec4f, factor: vec4f, offset: vec4f, at: u32) -> vec4f {
  var z = sum * factor + offset;
  if HAS_RESIDUAL { z += residual[at]; }
  return activate(z);
}

fn tap(k: u32, c: u32) -> vec4f {
  return w[select(k, 8u - k, FLIPPED) * params.channelGroups + c];
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
  let w0 = tap(0u, c);
  let w1 = tap(1u, c);
  let w2 = tap(2u, c);
  let w3 = tap(3u, c);
  let w4 = tap(4u, c);
  let w5 = tap(5u, c);
  let w6 = tap(6u, c);
  let w7 = tap(7u, c);
  let w8 = tap(8u, c);

  var factor = vec4f(1.0);
  var offset = vec4f();
  if HAS_SCALE { factor = scale[c]; }
  if HAS_BIAS { offset = b[c]; }

  // The four input columns: their place within a row, and whether they are inside.
  let lastColumn = i32(params.inWidth) - 1;
  let column = i32(q) - params.left;
  let at0 = u32(clamp(column + 0, 0, lastColumn)) * params.channelGroups + c;
  let at1 = u32(clamp(column + 1, 0, lastColumn)) * params.channelGroups + c;
  let at2 = u32(clamp(column + 2, 0, lastColumn)) * params.channelGroups + c;
  let at3 = u32(clamp(column + 3, 0, lastColumn)) * params.channelGroups + c;
  let inside0 = column + 0 >= 0 && column + 0 <= lastColumn;
  let inside1 = column + 1 >= 0 && column + 1 <= lastColumn;
  let inside2 = column + 2 >= 0 && column + 2 <= lastColumn;
  let inside3 = column + 3 >= 0 && column + 3 <= lastColumn;

  let p = strip * params.rows;
  let rows = min(params.rows, params.outHeight - p);
  let firstRow = i32(p) - params.top;
  let lastRow = i32(params.inHeight) - 1;
  var above0 = vec4f();
  var above1 = vec4f();
  var here0 = vec4f();
  var here1 = vec4f();
  for (var t = 0u; t < rows + 2u; t++) {
    let row = firstRow + i32(t);
    let inside = row >= 0 && row <= lastRow;
    let line = (n * params.inHeight + u32(clamp(row, 0, lastRow))) * params.inWidth * params.channelGroups;
    let x0 = select(vec4f(), x[line + at0], inside && inside0);
    let x1 = select(vec4f(), x[line + at1], inside && inside1);
    let x2 = select(vec4f(), x[line + at2], inside && inside2);
    let x3 = select(vec4f(), x[line + at3], inside && inside3);
    let done0 = fma(x2, w8, fma(x1, w7, fma(x0, w6, above0)));
    let done1 = fma(x3, w8, fma(x2, w7, fma(x1, w6, above1)));
    above0 = fma(x2, w5, fma(x1, w4, fma(x0, w3, here0)));
    above1 = fma(x3, w5, fma(x2, w4, fma(x1, w3, here1)));
    here0 = fma(x2, w2, fma(x1, w1, x0 * w0)); // the row below, from here on
    here1 = fma(x3, w2, fma(x2, w1, x1 * w0));
    // The first two input rows complete nothing of this strip.
    if t >= 2u {
      let at = ((n * params.outHeight + p + t - 2u) * params.outWidth + q) * params.channelGroups + c;
      y[at] = finish(done0, factor, offset, at);
      if q + 1u < params.outWidth { y[at + params.channelGroups] = finish(done1, factor, offset, at + params.channelGroups); }
    }
  }
}
