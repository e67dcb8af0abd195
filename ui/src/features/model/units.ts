/* How a figure of a metric is written: the server says what kind it is. */
import type { As } from "@/design/Figure";

const OF_KIND: Record<string, As> = { number: "number", fraction: "percent", time: "duration", bytes: "bytes" };

export function asOf(kind: string): As {
  return OF_KIND[kind] ?? "number";
}
