/** Layers that the user brings: classes that Thaw does not know, or knows otherwise. */
import type { Layer } from "../../nn/layer";
import { knownLayers } from "../../nn/layers/registry";
import { ThawError } from "../../errors";
import { isModel, readLayers, type Serialised } from "./json";
import { renamed } from "./dialect";
import { moreLayerNames } from "./more-layers";
import { isOperation } from "./operations";

/**
 * Makes a layer from its configuration in a file.
 *
 * @param config Keras's configuration with keys in camelCase (`kernel_size` is `kernelSize`), name included.
 */
export type LayerFactory = (config: Readonly<Record<string, unknown>>) => Layer;

const registered = new Map<string, LayerFactory>();

/**
 * Teaches the loaders a layer class, for all files that are loaded afterwards. The layer's weights are found by its
 * parameters: by their order in `.keras` files, by their names in `.h5` and TF.js files.
 *
 * @param className Keras's class name, or the name under which it is registered there ("package>Class").
 * @example registerLayer("Swish1", ({ name }) => new Activation({ name: String(name), activation: "swish" }));
 */
export function registerLayer(className: string, factory: LayerFactory): void {
  registered.set(className, factory);
}

/** What makes layers of a class that was registered. */
export const registeredLayer = (className: string): LayerFactory | undefined => registered.get(className);

/** The name under which a class of the user's was registered, "package>Class" or the class alone, for files that are written. */
export function customClass(className: string): string | undefined {
  return [...registered.keys()].find((name) => name === className || name.endsWith(`>${className}`));
}

export type CustomLayers = Readonly<Record<string, LayerFactory>>;

/** The user's factory for a layer, where there is one: given for this file, or registered. */
export function customFactory(s: Serialised, given: CustomLayers = {}): LayerFactory | undefined {
  for (const name of [s.registeredName, s.className]) {
    const factory = Object.hasOwn(given, name) ? given[name] : registered.get(name);
    if (factory) return factory;
  }
  return undefined;
}

/** @throws one error that names every layer of a model, nested ones included, that nobody knows. */
export function refuseUnknownLayers(
  file: string,
  model: Serialised,
  older: readonly string[],
  given: CustomLayers | undefined,
): void {
  const known = new Set([...knownLayers(), ...older, ...renamed.keys()]);
  const unknown = new Map<string, string[]>();
  const visit = (s: Serialised) => {
    if (customFactory(s, given) || isOperation(s)) return;
    if (isModel(s)) readLayers(file, s).forEach(visit);
    else if (!known.has(s.className)) unknown.set(s.className, [...(unknown.get(s.className) ?? []), s.name]);
  };
  visit(model);
  if (unknown.size === 0) return;
  const list = [...unknown].map(([className, names]) => {
    const more = names.length > 3 ? ` and ${names.length - 3} more` : "";
    return `${className} (${names.slice(0, 3).join(", ")}${more})`;
  });
  throw new ThawError(
    file,
    `${unknown.size === 1 ? "the layer class" : `${unknown.size} layer classes`} ${list.slice(0, 20).join(", ")} ${unknown.size === 1 ? "is" : "are"} not known`,
    `classes among ${[...new Set([...knownLayers(), ...moreLayerNames])].toSorted().join(", ")}`,
    "Bring it with registerLayer(className, factory) or loadModel(source, { customLayers }).",
  );
}
