/* The time of now, again and again while something moves on the screen. */
import { useEffect, useState } from "react";
import { skew } from "@/api/stream";

/** The server's wall time, renewed every so many milliseconds while the page is seen; null: not at all. */
export function useEvery(ms: number | null): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (ms === null) return undefined;
    const timer = setInterval(() => !document.hidden && setNow(Date.now()), ms);
    return () => clearInterval(timer);
  }, [ms]);
  return now + skew.get();
}
