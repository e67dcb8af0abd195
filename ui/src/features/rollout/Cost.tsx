/* What the version cost since its rollout began. */
import { useWords } from "@/app/i18n";
import { Code } from "@/design/Code";
import { Figure, Key, Keys } from "@/design/Figure";
import type { Rollout } from "./query";
import { rolloutWords } from "./words";

export function Cost({ of }: { of: NonNullable<Rollout["damage"]> }) {
  const said = useWords(rolloutWords);
  const names = said.damageNames as Record<string, string>;
  const waits = of.added_p50_ms !== null;
  return (
    <>
      <Keys>
        {(["requests", "failed", "fallbacks", "restarts"] as const).map((name) => (
          <Key key={name} label={names[name] ?? name}>
            <Figure value={of[name]} as="whole" />
          </Key>
        ))}
        {waits &&
          (["added_p50_ms", "added_p95_ms"] as const).map((name) => (
            <Key key={name} label={names[name] ?? name}>
              <Figure value={of[name]} as="duration" />
            </Key>
          ))}
      </Keys>
      {of.last_error !== "" && (
        <Code label={said.lastError} wrap maxHeight="8rem">
          {of.last_error}
        </Code>
      )}
    </>
  );
}
