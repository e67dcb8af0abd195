/* A link inside the control room; its address comes from `app/links.ts`. */
import { Link } from "@tanstack/react-router";
import type { AnchorHTMLAttributes } from "react";

interface GoProps extends Omit<AnchorHTMLAttributes<HTMLAnchorElement>, "href"> {
  to: string;
  replace?: boolean;
}

export function Go({ to, replace = false, ...rest }: GoProps) {
  const [path = "/", query = ""] = to.split("?");
  return <Link to={path as string} search={Object.fromEntries(new URLSearchParams(query)) as never} replace={replace} {...rest} />;
}
