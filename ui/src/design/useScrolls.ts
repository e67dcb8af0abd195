/* Whether a box is too narrow for what is in it: then it scrolls, and a keyboard must reach it. */
import { type RefObject, useEffect, useState } from "react";

export function useScrolls(box: RefObject<HTMLElement | null>): boolean {
  const [scrolls, setScrolls] = useState(false);
  useEffect(() => {
    const at = box.current;
    if (at === null) return;
    const look = () => setScrolls(at.scrollWidth > at.clientWidth + 1);
    const follow = new ResizeObserver(look);
    follow.observe(at);
    if (at.firstElementChild) follow.observe(at.firstElementChild);
    return () => follow.disconnect();
  }, [box]);
  return scrolls;
}
