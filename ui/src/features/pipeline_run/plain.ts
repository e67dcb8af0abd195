/* What a program printed, as lines that can be read: no colours, no moving cursor, no letters that turn the reading order. */

// Escape sequences: those that end in a letter, those that end in a bell, and single ones.
const ESCAPES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;
const TURNING = /[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\u2028\u2029]/g;

export function plain(printed: string): string {
  return printed
    .replace(ESCAPES, "")
    .split("\n")
    .map((line) => overwritten(line).replace(CONTROLS, picture).replace(TURNING, named))
    .join("\n");
}

/** A progress bar writes its line again and again: the last one counts. */
function overwritten(line: string): string {
  const whole = line.endsWith("\r") ? line.slice(0, -1) : line;
  return whole.slice(whole.lastIndexOf("\r") + 1);
}

/** The sign for a control character: ␇. */
function picture(character: string): string {
  const code = character.charCodeAt(0);
  return code < 0x20 ? String.fromCharCode(0x2400 + code) : code === 0x7f ? "\u2421" : "\ufffd";
}

function named(character: string): string {
  return `⟨U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`;
}
