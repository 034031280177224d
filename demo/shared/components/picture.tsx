/** Pixels on a canvas, scaled by the style sheet. */
import { useEffect, useRef } from "preact/hooks";

export interface PictureProps {
  readonly width: number;
  readonly height: number;
  readonly rgba: Uint8ClampedArray<ArrayBuffer>;
  /** Empty where the text beside it says the same. */
  readonly label?: string;
}

export function Picture({ width, height, rgba, label = "" }: PictureProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = canvas.current!.getContext("2d")!;
    context.putImageData(new ImageData(rgba, width, height), 0, 0);
  }, [width, height, rgba]);
  const heard = label ? { role: "img" as const, "aria-label": label } : { "aria-hidden": true };
  return <canvas class="picture" ref={canvas} width={width} height={height} {...heard} />;
}
