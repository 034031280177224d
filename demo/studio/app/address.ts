/** Settings in the page's address, for smaller trainings: `?epochs=2&images=120&validation=120&seed=3`. */
import { settings } from "./state";

export function settingsFromAddress(query: URLSearchParams): void {
  const whole = (name: string) => {
    const value = Number(query.get(name));
    return Number.isInteger(value) && value > 0 ? value : undefined;
  };
  const now = settings.value;
  settings.value = {
    ...now,
    epochs: whole("epochs") ?? now.epochs,
    trainingImages: whole("images") ?? now.trainingImages,
    validationImages: whole("validation") ?? now.validationImages,
    seed: whole("seed") ?? now.seed,
  };
}
