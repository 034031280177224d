// maximum: dx[n, h, w, c] = sum of dy over the windows whose first maximum is x[n, h, w, c]
// average: dx[n, h, w, c] = sum of dy / count over the windows that hold (h, w)
// lp:      dx[n, h, w, c] = sum of dy * sign(x) * (|x| / y)^(exponent - 1) over the same
//
// Windows, counts and padding are those of window_pool.wgsl. Each element of x collects from the windows that hold it, so that no
// two invocations write the same place. "First" is in row-major order, as in TensorFlow: of equal maxima one takes all.

override WORKGROUP: u32 = 64;
override KIND: u32 = 0; // 0 maximum, 1 average, 2 lp
override WITH_PADS: bool = false;
override SIZE_H: i32 = 2;
override SIZE_W: i32 = 2;
override STRIDE_H: i32 = 2;
override STRIDE_W: i32 = 2;
override DILATION_H: i32 = 1;
override DILATION_W: i32 = 1;

struct Params {
  count: u32,
  inHeight: u32,
  inWidth: u32,
  outHeight: u32,
  outWidth: u32,
  channels: u32,
  top: i32,
  bottom: i32,
  left: i32,
  right: i32,
  exponent: f32, // of lp
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>; // not for averages
@group(0) @binding(3) var<storage, read> y: array<f32>; // not for averages
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;

// Elements of the window at `first` that lie in 0..length.
fn within(first: i32, size: i32, dilation: i32, low: i32, length: i32) -> i32 {
  var n = 0;
  for (var i = 0; i < size; i++) {
    let at = first + i * dilation;
    n += select(0, 1, at >= low && at < length);
  }
  return n;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let o = (group.x + group.y * groups.x) * WORKGROUP + local;
  if o >= params.count { return; }
  let c = o % params.channels;
  let w = i32((o / params.channels) % params.inWidth);
  let nh = o / (params.channels * params.inWidth);
  let h = i32(nh % params.inHeight);
  let n = nh / params.inHeight;
  let height = i32(params.inHeight);
  let width = i32(params.inWidth);

  var own = 0.0;
  if KIND != 1u { own = x[o]; }
  var sum = 0.0;
  // (h, w) is element (i, j) of window (p, q).
  for (var i = 0; i < SIZE_H; i++) {
    let u = h + params.top - i * DILATION_H;
    if u < 0 || u % STRIDE_H != 0 || u / STRIDE_H >= i32(params.outHeight) { continue; }
    let top = u - params.top;
    for (var j = 0; j < SIZE_W; j++) {
      let v = w + params.left - j * DILATION_W;
      if v < 0 || v % STRIDE_W != 0 || v / STRIDE_W >= i32(params.outWidth) { continue; }
      let left = v - params.left;
      let window = ((n * params.outHeight + u32(u / STRIDE_H)) * params.outWidth + u32(v / STRIDE_W)) * params.channels + c;
      switch KIND {
        case 0u: {
          var first = own == y[window];
          for (var k = 0; k < i * SIZE_W + j && first; k++) {
            let row = top + (k / SIZE_W) * DILATION_H;
            let column = left + (k % SIZE_W) * DILATION_W;
            if row < 0 || row >= height || column < 0 || column >= width { continue; }
            first = x[((n * params.inHeight + u32(row)) * params.inWidth + u32(column)) * params.channels + c] != own;
          }
          if first { sum += dy[window]; }
        }
        case 1u: {
          let low = select(0, -65536, WITH_PADS);
          let rows = within(top, SIZE_H, DILATION_H, low, select(height, height + params.bottom, WITH_PADS));
          let columns = within(left, SIZE_W, DILATION_W, low, select(width, width + params.right, WITH_PADS));
          sum += dy[window] / f32(rows * columns);
        }
        default: {
          let size = y[window];
          if own != 0.0 && size != 0.0 { sum += dy[window] * sign(own) * pow(abs(own) / size, params.exponent - 1.0); }
        }
      }
    }
  }
  dx[o] = sum;
}
