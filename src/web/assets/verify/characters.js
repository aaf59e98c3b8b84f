//! Characters that act or are not seen: no text of a statement holds them, and none is shown as it is.

// Characters that act or are not seen; the last two code points of every plane are among them as well.
const HIDING = [
  [0x0, 0x1f], [0x7f, 0x9f], [0xad, 0xad], [0x34f, 0x34f], [0x61c, 0x61c],
  [0x115f, 0x1160], [0x17b4, 0x17b5], [0x180b, 0x180f], [0x200b, 0x200f], [0x2028, 0x202e],
  [0x2060, 0x206f], [0x2800, 0x2800], [0x3164, 0x3164], [0xe000, 0xf8ff], [0xfdd0, 0xfdef],
  [0xfe00, 0xfe0f], [0xfeff, 0xfeff], [0xffa0, 0xffa0], [0xfff0, 0xfffc], [0x1bca0, 0x1bca3],
  [0x1d173, 0x1d17a], [0xe0000, 0xe0fff], [0xf0000, 0x10ffff],
];

export function hides(letter) {
  const code = letter.codePointAt(0);
  return (code & 0xfffe) === 0xfffe || HIDING.some(([first, last]) => first <= code && code <= last);
}

/** `U+202E`. */
export function codeOf(letter) {
  return `U+${letter.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
}

/** Text of others for one line: what acts or is not seen is shown as its code point, `⟨U+202E⟩`. */
export function printable(text) {
  let safe = "";
  for (const letter of text) safe += hides(letter) ? `⟨${codeOf(letter)}⟩` : letter;
  return safe;
}
