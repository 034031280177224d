/** Layers of networks other than plain convolutional ones. Loaded when a file or a program asks for them, with their operations. */
export { Conv2DTranspose, type Conv2DTransposeOptions } from "./conv2d-transpose";
export { Embedding, type EmbeddingOptions } from "./embedding";
export { GroupNormalization, type GroupNormalizationOptions } from "./group-normalization";
export { MultiHeadAttention, type MultiHeadAttentionOptions } from "./multi-head-attention";
export { UnitNormalization, type UnitNormalizationOptions } from "./unit-normalization";
