/** What an optimizer's options add to a training step: clipping by tensor, accumulated gradients, averaged weights. */
export { default as clip_tensors } from "../updates/clip_tensors.wgsl?raw";
export { default as finish_update } from "../updates/finish_update.wgsl?raw";
export { default as mean_gradients } from "../updates/mean_gradients.wgsl?raw";
