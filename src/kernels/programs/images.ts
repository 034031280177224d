/** Resizing of images for data sets. */
export { default as resize_columns } from "../resizeImages/resize_columns.wgsl?raw";
export { default as resize_rows } from "../resizeImages/resize_rows.wgsl?raw";
