/** A place to drop files on, with buttons for those who choose instead. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

export interface DropProps {
  readonly title: string;
  readonly text: string;
  readonly disabled: boolean;
  /** Called inside the event's handler: browsers empty a drop afterwards. */
  readonly onDrop: (transfer: DataTransfer) => void;
  readonly children: ComponentChildren;
}

export function Drop({ title, text, disabled, onDrop, children }: DropProps) {
  const [over, setOver] = useState(false);
  const allow = (event: DragEvent) => {
    event.preventDefault();
    setOver(!disabled);
  };
  return (
    <div
      class={`drop${over ? " over" : ""}`}
      onDragEnter={allow}
      onDragOver={allow}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        if (!disabled && event.dataTransfer) onDrop(event.dataTransfer);
      }}
    >
      <h3>{title}</h3>
      <p>{text}</p>
      <div class="row">{children}</div>
    </div>
  );
}

export interface FileButtonProps {
  readonly label: string;
  readonly disabled: boolean;
  readonly accept?: string;
  readonly multiple?: boolean;
  readonly folder?: boolean;
  readonly onFiles: (files: File[]) => void;
}

/** A button that opens the system's window for files. The input itself stays in the tab order. */
export function FileButton({ label, disabled, accept, multiple, folder, onFiles }: FileButtonProps) {
  const folders = folder ? { webkitdirectory: true } : {};
  return (
    <label class={`button${disabled ? " disabled" : ""}`}>
      {label}
      <input
        class="unseen"
        type="file"
        disabled={disabled}
        {...(accept && { accept })}
        multiple={multiple}
        {...folders}
        onChange={(event) => {
          const input = event.currentTarget;
          const files = Array.from(input.files ?? []);
          input.value = ""; // the same file may be chosen again
          if (files.length > 0) onFiles(files);
        }}
      />
    </label>
  );
}
