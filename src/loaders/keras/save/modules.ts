/** Where Keras has its classes. */

/** Classes that are no part of Keras's public API. */
const modules: Readonly<Record<string, string>> = {
  LayerScale: "keras.src.applications.convnext",
  CustomScaleLayer: "keras.src.applications.inception_resnet_v2",
};

/** Keras registers those under their class names. */
export function moduleOf(className: string): { readonly module: string; readonly registeredName?: string } {
  const module = modules[className];
  return module ? { module, registeredName: className } : { module: "keras.layers" };
}
