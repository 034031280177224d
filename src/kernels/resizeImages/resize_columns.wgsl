// between[r, p, c] = sum over k of weight(p, k) * frame[r, k, c]     for c in red, green, blue
//
// The first half of resizing an image: its columns. The frame is the part of the image that is wanted. Element p of `size` lies at
// u = (p + 1/2) * extent / size - 1/2 of the frame (half-pixel centres). METHOD:
//   0 nearest    the element that holds the place: floor((p + 1/2) * extent / size)
//   1 bilinear   weight ~ max(0, 1 - |k - u|)
//   2 antialias  weight ~ max(0, 1 - |k - u| / s), s = max(1, extent / size): the triangle gets as wide as the elements of the result
// Elements beside the frame have no weight, and the weights of one p are divided by their sum. Places are found in whole numbers,
// so that rounding never moves one to a neighbour.
// Pixels are four bytes in a word (FLOATS: three f32 a pixel). Where alpha is below 255, the background shows through:
// colour * a + background * (1 - a).
// One invocation computes one pixel; neighbours write neighbours.

override WORKGROUP: u32 = 64;
override METHOD: u32 = 2;
override FLOATS: bool = false;

struct Params {
  rows: u32, // of the frame
  width: u32, // of the image
  top: u32, // the frame's first row in the image
  left: u32, // and its first column
  extent: u32, // width of the frame
  resized: u32, // width of the result
  background: u32, // red, green and blue in the low bytes
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> image: array<u32>;
@group(0) @binding(2) var<storage, read_write> between: array<f32>;

fn color(word: u32) -> vec3f {
  return vec3f(f32(word & 255u), f32((word >> 8u) & 255u), f32((word >> 16u) & 255u));
}

fn pixel(row: u32, k: i32) -> vec3f {
  let i = row * params.width + params.left + u32(k);
  if FLOATS {
    return vec3f(bitcast<f32>(image[3u * i]), bitcast<f32>(image[3u * i + 1u]), bitcast<f32>(image[3u * i + 2u]));
  }
  let word = image[i];
  let alpha = word >> 24u;
  if alpha == 255u { return color(word); }
  return (color(word) * f32(alpha) + color(params.background) * f32(255u - alpha)) / 255.0;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = (group.x + group.y * groups.x) * WORKGROUP + local;
  if i >= params.rows * params.resized { return; }
  let p = i32(i % params.resized);
  let row = params.top + i / params.resized;
  let extent = i32(params.extent);
  let size = i32(params.resized);
  var value = vec3f(0.0);
  if METHOD == 0u {
    value = pixel(row, ((2 * p + 1) * extent) / (2 * size));
  } else {
    let place = (2 * p + 1) * extent - size + 2 * size; // 2 to (u + 1), at least 0
    let below = place / (2 * size) - 1;
    let part = f32(place % (2 * size)) / f32(2 * size); // u = below + part
    let stretch = select(1.0, max(1.0, f32(extent) / f32(size)), METHOD == 2u);
    let reach = i32(ceil(stretch));
    var total = 0.0;
    for (var k = max(0, below - reach); k <= min(extent - 1, below + reach + 1); k++) {
      let weight = max(0.0, 1.0 - abs(f32(k - below) - part) / stretch);
      if weight > 0.0 {
        value += weight * pixel(row, k);
        total += weight;
      }
    }
    value /= total;
  }
  between[3u * i] = value.x;
  between[3u * i + 1u] = value.y;
  between[3u * i + 2u] = value.z;
}
