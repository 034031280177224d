/** Losses whose samples count differently. */
export { default as weigh_rows } from "../weighted/weigh_rows.wgsl?raw";
