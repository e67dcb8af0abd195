/* The mark: a loop that a person watches. */
export function Mark() {
  return (
    <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true" fill="none" stroke="var(--accent)" strokeWidth="2" strokeLinecap="round">
      <path d="M16.4 10.6A6.5 6.5 0 1 1 13.3 4.4" />
      <circle cx="16" cy="6.6" r="2.2" fill="var(--accent)" stroke="none" />
    </svg>
  );
}
