/** What a training does, for those who want to know. */
import { t, type Key } from "../../shared/i18n/index";
import type { Phase, Settings } from "../../worker/protocol";
import { replan } from "../app/actions";
import { data, idle, settings } from "../app/state";

type WholeNumber = "epochs" | "batchSize" | "seed" | "trainingImages" | "validationImages";

export function SettingsForm() {
  const now = settings.value;
  const change = (more: Partial<Settings>) => (settings.value = { ...settings.value, ...more });
  const training = data.value?.classes.reduce((n, c) => n + c.training, 0) ?? 1;
  const validation = data.value?.classes.reduce((n, c) => n + c.validation, 0) ?? 1;
  const whole = (key: WholeNumber, min: number, max: number, then?: () => void) => (
    <Field
      label={t(key)}
      value={Math.min(now[key], max)}
      min={min}
      max={max}
      step={1}
      onValue={(value) => {
        change({ [key]: Math.round(value) });
        then?.();
      }}
    />
  );
  const rate = (label: Key, phase: Phase) => (
    <Field
      label={t(label)}
      value={now.rates[phase]}
      min={1e-7}
      max={1}
      step="any"
      onValue={(value) => change({ rates: { ...settings.value.rates, [phase]: value } })}
    />
  );
  return (
    <details class="settings">
      <summary>{t("settings")}</summary>
      <fieldset disabled={!idle.value}>
        <legend class="unseen">{t("settings")}</legend>
        {whole("epochs", 1, 200)}
        {whole("batchSize", 2, 256, () => void replan())}
        {whole("trainingImages", 2, training)}
        {whole("validationImages", 2, validation)}
        {rate("rateHead", "head")}
        {rate("rateFineTune", "fineTune")}
        {rate("rateScratch", "scratch")}
        {whole("seed", 0, 999_999)}
        <label class="check">
          <input
            type="checkbox"
            checked={now.augment}
            onChange={(event) => change({ augment: event.currentTarget.checked })}
          />
          {t("augment")}
        </label>
      </fieldset>
    </details>
  );
}

interface FieldProps {
  readonly label: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly step: number | "any";
  readonly onValue: (value: number) => void;
}

/** A number; what is out of its range goes back to what it was. */
function Field({ label, value, min, max, step, onValue }: FieldProps) {
  return (
    <label class="field">
      <span>{label}</span>
      <input
        type="number"
        value={value}
        min={min}
        max={max}
        step={step}
        onChange={(event) => {
          const input = event.currentTarget;
          if (input.validity.valid && input.value !== "") onValue(input.valueAsNumber);
          else input.value = String(value);
        }}
      />
    </label>
  );
}
