import "vitest";

declare module "vitest" {
  interface ProvidedContext {
    /** Absolute folder of the larger models and images beside this checkout, or "" where there is none. */
    sharedAssets: string;
  }
}
